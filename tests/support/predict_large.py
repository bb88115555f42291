"""A process that predicts a small and a large file and prints how much more memory the large one took, as JSON.

Arguments: the folder of a desk, the model's id, the two files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ray_jobs.memory import PeakMemory
from tests.support.predicting import desk


def main(root: Path, model_id: str, small: str, large: str) -> None:
    where = desk(root)
    peaks = []
    for name in (small, large):
        peak = PeakMemory()
        result = where.predict(model_id, name)
        peaks.append(peak.bytes())
    sys.stdout.write(json.dumps({"rows": result.rows, "file": result.file, "more": peaks[1] - peaks[0]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
