"""An unsealed server serves one person only."""

from __future__ import annotations

from head.api import Person
from head.sealed import as_admitted


def person(number: int, *, admitted: bool = True) -> Person:
    return Person(id=f"p{number}", telegram_id=number, name=str(number), admin=admitted, admitted=admitted)


def test_the_first_who_was_admitted_stays() -> None:
    assert as_admitted(person(1), [person(1), person(2)]) == person(1)


def test_everybody_else_is_a_stranger() -> None:
    assert as_admitted(person(2), [person(1), person(2)]) == person(2, admitted=False)
    assert as_admitted(person(1, admitted=False), [person(1, admitted=False)]) == person(1, admitted=False)


def test_those_who_only_asked_take_nobodys_place() -> None:
    assert as_admitted(person(2), [person(1, admitted=False), person(2)]) == person(2)


def test_the_console_is_always_served() -> None:
    local = Person(id="local", telegram_id=None, name="local", admin=True, admitted=True)
    assert as_admitted(local, [person(1), local]) == local
