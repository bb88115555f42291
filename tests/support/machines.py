"""A machine that has joined, on the disk alone."""

from __future__ import annotations

from node_join.state import Machine, StateFolder


def joined(state: StateFolder, *, url: str = "https://pool.example") -> Machine:
    """Makes the state folder as a join leaves it."""
    state.make()
    state.key()
    machine = Machine.model_validate(
        {
            "machine_id": "abcd1234",
            "name": "laptop",
            "url": url,
            "server_key": "A" * 43 + "=",
            "address": "127.77.1.1",
            "pool_tag": "u_x",
            "machine_tag": "m_x",
        }
    )
    state.save(machine)
    return machine
