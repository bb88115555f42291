"""Fixtures of the store's tests."""

from __future__ import annotations

from tests.support.stored import ann, bob, clock, store, url

__all__ = ["ann", "bob", "clock", "store", "url"]
