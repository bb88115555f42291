"""How many threads a fit gets, from what the kernel counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from ray_jobs.cores import Moment, free_cores, moment, whole_cores

_BEGUN = Moment(at=10.0, idle=100.0, own=5.0)


@pytest.mark.parametrize(
    ("idle", "own", "cores"),
    [
        (2.0, 0.0, 2),  # nobody works
        (1.0, 1.0, 2),  # only we do
        (0.7, 1.0, 2),  # a little of others
        (0.0, 1.0, 1),  # others have one core
        (0.5, 1.0, 1),
        (0.0, 0.4, 1),  # others have nearly all; one thread we take
        (8.0, 0.0, 2),  # never more than we may
    ],
)
def test_free_cores(idle: float, own: float, cores: int) -> None:
    now = Moment(at=11.0, idle=100.0 + idle, own=5.0 + own)
    assert whole_cores(_BEGUN, now, 2) == cores


def test_where_the_kernel_tells_nothing_all_are_taken(tmp_path: Path) -> None:
    assert moment(tmp_path / "stat") is None
    assert free_cores(None, 4) == 4
    assert 1 <= free_cores(moment(), 4) <= 4
