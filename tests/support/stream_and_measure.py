"""A program: streams a file and prints, as JSON, its rows, the sum of a column, and the memory that it took over what
was there before. Arguments: the file, a small file to get warm with, a column.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ray_jobs.memory import PeakMemory, resident
from ray_jobs.place import Place
from ray_jobs.reading.source import open_source
from ray_jobs.spec import PathData


def main(path: str, small: str, column: str) -> None:
    folder = Path(path).parent
    place = Place(folder=folder, folder_as_owner_knows="/n", home="/h", allowed=(folder,), quota=1)
    with open_source(place, PathData(path=small)) as source:
        list(source.batches())
    before, peak = resident(), PeakMemory()
    rows, total = 0, 0.0
    with open_source(place, PathData(path=path)) as source:
        about = source.rows()[0]
        sampled = len(source.sample(20_000))
        for piece in source.batches():
            rows += len(piece)
            total += float(piece[column].sum())
    told = {"rows": rows, "total": total, "about": about, "sampled": sampled, "over": peak.bytes() - before}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
