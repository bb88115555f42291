"""Who gives up where two programs use one bot."""

from __future__ import annotations

from bot.telegram_intake import NEWCOMER, RESIDENT, Rivals


def test_who_has_just_begun_gives_up_first() -> None:
    resident, newcomer = Rivals(0.0), Rivals(1000.0)
    conflicts = [1000.0 + 2 * n for n in range(NEWCOMER)]
    assert [newcomer.conflict(now) for now in conflicts] == [False] * (NEWCOMER - 1) + [True]
    assert not any(resident.conflict(now) for now in conflicts)


def test_who_was_here_before_gives_up_where_the_other_stays() -> None:
    resident = Rivals(0.0)
    assert [resident.conflict(1000.0 + 20 * n) for n in range(RESIDENT)] == [False] * (RESIDENT - 1) + [True]


def test_conflicts_far_apart_are_restarts_of_ours() -> None:
    resident = Rivals(0.0)
    assert not any(resident.conflict(1000.0 * n) for n in range(1, 100))
