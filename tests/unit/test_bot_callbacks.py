"""What buttons carry: written and read by one function each, both strict."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks import LIMIT, BadCallback, Callback, Verb, pack, unpack

ids = st.from_regex(r"\A[a-z0-9-]{0,32}\Z")
choices = st.from_regex(r"\A([a-z0-9_]{1,12})?\Z")


@given(verb=st.sampled_from(Verb), id=ids, revision=st.integers(0, 99_999), choice=choices)
def test_what_is_packed_is_read_back(verb: Verb, id: str, revision: int, choice: str) -> None:
    callback = Callback(verb=verb, id=id, revision=revision, choice=choice)
    packed = callback.pack()
    assert len(packed.encode()) <= LIMIT
    assert unpack(packed) == callback


@given(st.text(max_size=200))
def test_anything_else_is_refused_and_nothing_worse(text: str) -> None:
    with contextlib.suppress(BadCallback):
        assert unpack(text).pack()


def test_verbs_are_told_apart() -> None:
    assert pack(Verb.RUN, "ab12cd34ef", 3) == "run:ab12cd34ef:3"
    assert pack(Verb.PICK, "ab12cd34ef", 3, "7") == "pick:ab12cd34ef:3:7"


@pytest.mark.parametrize("id", ["a" * 64, "ä", "a:b", "A", "a\n"])
def test_an_id_that_does_not_fit_is_refused_where_it_is_made(id: str) -> None:
    with pytest.raises(BadCallback):
        pack(Verb.RUN, id)


def test_more_than_64_bytes_are_refused() -> None:
    with pytest.raises(BadCallback):
        pack(Verb.PICK, "a" * 40, 999_999, "b" * 20)
