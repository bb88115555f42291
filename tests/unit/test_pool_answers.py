"""What comes out of a box is bounded text of the right shape, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from head.errors import PoolUnavailable
from head.pool_answers import EVENTS, HEALTH, Flag, parsed
from ray_jobs.spec import without_controls

GOOD = b'{"state": "ready", "ray": "2.60.0", "sealed": true, "uptime": 1.5, "disk": 7}'


def test_a_right_answer_is_taken() -> None:
    assert parsed(GOOD, HEALTH).disk == 7


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ready",
        b"[1]",
        b"\x80\x04K\x01.",  # a pickle
        GOOD.replace(b"}", b', "more": 1}'),
        GOOD.replace(b"1.5", b"NaN"),
        GOOD.replace(b"1.5", b"1e999"),
        GOOD.replace(b"1.5", b"-1"),
        GOOD.replace(b'"ready"', b'"fine"'),
        GOOD.replace(b"7}", b"9" * 5000 + b"}"),
        b"[" * 100_000,
        b'{"state": "\\ud800"}',
    ],
)
def test_a_wrong_one_is_not(body: bytes) -> None:
    with pytest.raises(PoolUnavailable):
        parsed(body, HEALTH)


def test_control_characters_are_taken_out_at_any_depth() -> None:
    body = b"""{"kind": "failed", "n": 1, "at": 1.0, "problem": {
        "code": "crashed", "message": "a\\u001b[31mred\\u0007\\nb", "subject": "\\u202egnp.exe"}}"""
    event = parsed(body, EVENTS)
    assert event.kind == "failed"
    assert event.problem.message == "a[31mred\nb"
    assert event.problem.subject == "gnp.exe"


@given(st.text())
def test_what_is_left_can_be_shown(text: str) -> None:
    left = without_controls(text)
    left.encode()
    assert without_controls(left) == left
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in left)


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Größe (m²)\t→ 12 €\n日本語 🚲"
    assert without_controls(text) == text


def test_a_truth_value_is_one() -> None:
    assert parsed(b'{"cancelled": true}', Flag).cancelled
    with pytest.raises(PoolUnavailable):
        parsed(b'{"cancelled": "perhaps"}', Flag)
