"""An unsealed server serves one person only."""

from __future__ import annotations

from dataclasses import replace

from head.api import Person
from head.sealed import as_admitted, served_person

LOCAL = Person(id="local", telegram_id=None, name="local", admin=True, admitted=True)


def person(number: int, *, admitted: bool = True, admin: bool = False) -> Person:
    return Person(id=f"p{number}", telegram_id=number, name=str(number), admin=admin, admitted=admitted)


def test_the_console_serves_its_own_person() -> None:
    assert served_person([person(1), LOCAL, person(2)], telegram=False) == LOCAL


def test_telegram_serves_the_first_admin_or_the_first_who_was_admitted() -> None:
    asked, first, second, admin = person(1, admitted=False), person(2), person(3), person(4, admin=True)
    assert served_person([LOCAL, asked, first, second], telegram=True) == first
    assert served_person([LOCAL, asked, first, admin], telegram=True) == admin
    assert served_person([LOCAL, asked], telegram=True) is None


def test_everybody_else_is_a_stranger() -> None:
    assert as_admitted(person(1), person(1)) == person(1)
    assert as_admitted(person(2, admin=True), person(1)) == replace(person(2), admitted=False)
    assert as_admitted(person(2), None) == replace(person(2), admitted=False)
