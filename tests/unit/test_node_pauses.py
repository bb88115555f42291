"""When no job begins on a machine by its owner's wish."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from node_join.pauses import on_battery, paused
from node_join.state import Limits


@pytest.mark.parametrize(
    ("hours", "at", "works"),
    [
        (None, 3, True),
        ((22, 7), 23, True),
        ((22, 7), 6, True),
        ((22, 7), 7, False),
        ((22, 7), 12, False),
        ((9, 17), 9, True),
        ((9, 17), 17, False),
    ],
)
def test_hours_of_the_day(hours: tuple[int, int] | None, at: int, works: bool) -> None:
    told = paused(Limits(hours=hours), datetime(2026, 1, 1, at, 30).astimezone(), on_battery=False)
    assert (told == "") == works
    assert works or "only" in told


def test_a_battery_is_kept_for_other_work_where_that_is_wanted() -> None:
    now = datetime(2026, 1, 1).astimezone()
    assert paused(Limits(battery=True), now, on_battery=True) == ""
    assert paused(Limits(battery=False), now, on_battery=False) == ""
    assert "battery" in paused(Limits(battery=False), now, on_battery=True)


def supply(folder: Path, name: str, kind: str, online: str = "") -> None:
    (folder / name).mkdir()
    (folder / name / "type").write_text(f"{kind}\n")
    if online:
        (folder / name / "online").write_text(f"{online}\n")


def test_whether_it_runs_on_its_battery(tmp_path: Path) -> None:
    assert not on_battery(tmp_path / "nowhere")
    assert not on_battery(tmp_path)
    supply(tmp_path, "BAT0", "Battery")
    assert not on_battery(tmp_path)  # nothing says that the mains are away
    supply(tmp_path, "AC", "Mains", "1")
    assert not on_battery(tmp_path)
    (tmp_path / "AC" / "online").write_text("0\n")
    assert on_battery(tmp_path)
