"""One world for all acceptance tests where isolation is not the point: a service, and a laptop that joined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.environments import prepared
from tests.support.hosts import TestHost
from tests.support.tables import Tables, write_tables
from tests.support.world import LATE, Spoken, World

CANARY = "a-secret-of-the-owner"


@dataclass(frozen=True, kw_only=True)
class Home:
    """A world in which a person is at home: the laptop has joined with one allowed folder."""

    world: World
    laptop: TestHost
    node_agent: Spoken
    tables: Tables
    private: Path  #: a file of the owner's outside the allowed folder


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("environments"))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("world")
    tables = write_tables(folder / "allowed")
    private = folder / "private.txt"
    private.write_text("private")
    with World(folder, environments) as world:
        laptop = world.site.machine("laptop")
        node_agent = world.join(laptop, allow=tables.folder, canary=CANARY)
        world.chat.expect(r"laptop.*joined", within=LATE)
        yield Home(world=world, laptop=laptop, node_agent=node_agent, tables=tables, private=private)
