"""The machine's box alone, without a server and without Ray: one at a time, whatever became of its record."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from node_join.box import MachineBox
from node_join.state import Machine, StateFolder
from sealing import process

MACHINE = Machine.model_validate(
    {
        "machine_id": "laptop01",
        "name": "laptop",
        "url": "http://127.0.0.1:9",
        "server_key": "A" * 43 + "=",
        "address": "127.77.1.1",
        "pool_tag": "u_x",
        "machine_tag": "m_laptop01",
        "node_python": sys.executable,
    }
)


def box_of(state: StateFolder) -> MachineBox:
    return MachineBox(MACHINE, state, sealed=True)


def processes(box: MachineBox) -> tuple[int, int]:
    assert box._box is not None
    return box._box.pid, box._box.started


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    state.make()
    return state


async def test_a_box_is_found_again_and_a_lost_one_is_ended(state: StateFolder) -> None:
    first, second, third = box_of(state), box_of(state), box_of(state)
    try:
        await first.ensure()
        await second.ensure()
        assert processes(second) == processes(first)
        assert sorted(path.name for path in state.run.iterdir()) == ["box.json", "errors", "lock", "tunnel"]
        (state.run / "box.json").write_text("{")
        await box_of(state).stop()  # as a node agent does that ends without having found it
        await third.ensure()
        assert processes(third) != processes(first)
        pid, started = processes(first)
        assert process.started_at(pid) != started
    finally:
        await first.stop()
        await third.stop()
    assert sorted(path.name for path in state.run.iterdir()) == ["errors", "lock"]
