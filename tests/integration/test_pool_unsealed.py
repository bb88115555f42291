"""Where there are no boxes: the same program with real paths; and a machine whose Ray node dies without a word."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.support.hosts import Site

_SCRIPT = Path(__file__).parent.parent / "support" / "small_pool.py"


def test_an_unsealed_pool_serves_and_finds_a_killed_machine_again(tmp_path: Path) -> None:
    with Site() as site:
        said = site.server.check_output(
            [sys.executable, _SCRIPT, tmp_path], timeout=200, cwd=_SCRIPT.parent.parent.parent
        )
    before, after, end = map(json.loads, said.splitlines())
    assert before == {"sealed": False, "alive": [True]}
    # Ray itself would believe the dead node alive for ever, and its agent with it.
    assert after["seconds"] < 60
    assert end == {"left": []}
