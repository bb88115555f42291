"""How much a job may use, and how much it took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ray_jobs.memory import PeakMemory, memory_budget, resident

_GIB = 1024**3


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:       16777216 kB\nMemFree:         1000000 kB\nMemAvailable:   10485760 kB\n")
    return path


@pytest.mark.parametrize(
    ("allowed", "asked", "besides"),
    [(None, None, 8 * _GIB), (2 * _GIB, None, 2 * _GIB), (20 * _GIB, None, 8 * _GIB), (2 * _GIB, 50 * _GIB, 2 * _GIB)],
)
def test_the_least_limit_counts(meminfo: Path, allowed: int | None, asked: int | None, besides: int) -> None:
    assert memory_budget(allowed, asked, meminfo=meminfo) == pytest.approx(resident() + besides, rel=0.05)


def test_what_the_spec_asks_for_is_meant_in_all(meminfo: Path) -> None:
    assert memory_budget(None, 700 * 2**20, meminfo=meminfo) == 700 * 2**20


def test_the_peak_is_of_this_job_alone() -> None:
    assert np.ones(20_000_000).sum() == 20_000_000  # what came before must not count
    peak = PeakMemory()
    quiet = peak.bytes()
    block = np.ones(10_000_000)
    assert 60 * 2**20 < peak.bytes() - quiet < 120 * 2**20
    assert block[0] == 1
