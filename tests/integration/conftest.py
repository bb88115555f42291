"""Fixtures that several integration tests share: one real local Ray with one machine's agent."""

from __future__ import annotations

from tests.support.ray_machine import cluster, machine, place

__all__ = ["cluster", "machine", "place"]
