"""The control plane in both of its shapes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from head.api import HeadApi
from head.clock import ManualClock
from tests.support.heads import Open, in_memory, real


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=[in_memory, real])
def opened(request: pytest.FixtureRequest) -> Open:
    found: Open = request.param
    return found


@pytest.fixture
async def head(opened: Open, tmp_path: Path, clock: ManualClock) -> AsyncIterator[HeadApi]:
    async with opened(tmp_path, clock) as made:
        yield made
