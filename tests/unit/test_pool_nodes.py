"""Which of Ray's nodes are machines, and which cannot be alive though Ray says so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from head.pool.agents import PATIENCE, Overdue
from head.pool.nodes import Burials, Node, machine_rows, nodes_of


def node(name: str, address: str, **resources: float) -> Node:
    return Node(node_id=name, address=address, resources=resources)


def test_dead_nodes_are_left_out() -> None:
    entry = {"NodeID": "a", "NodeManagerAddress": "127.77.1.1", "Resources": {"m_laptop": 1000.0}}
    assert nodes_of([entry | {"Alive": True}, entry | {"Alive": False}]) == [node("a", "127.77.1.1", m_laptop=1000.0)]


def test_machines_are_those_announced_and_those_in_ray() -> None:
    nodes = [node("h", "127.77.0.1", head=1.0), node("a", "127.77.1.1", m_laptop=1000.0, CPU=2.0, memory=5e9)]
    laptop, phone = machine_rows(nodes, {"phone": "127.77.1.2"}, ["phone"])
    assert (laptop["machine_id"], laptop["alive"], laptop["tunnel"], laptop["cpus"]) == ("laptop", True, False, 2.0)
    assert "resources" not in laptop  # a raylet registers what it likes, and as much
    assert (phone["machine_id"], phone["alive"], phone["tunnel"], phone["node_ip"]) == (
        "phone", False, True, "127.77.1.2",
    )  # fmt: skip


def test_an_older_node_at_the_same_address_is_superseded() -> None:
    nodes = [node("new", "127.77.1.1"), node("head", "127.77.0.1"), node("old", "127.77.1.1")]
    assert Burials().dead(nodes, {"old": 1, "new": 2, "head": 0}) == ["old"]


def test_a_clock_that_goes_back_does_not_bury_the_living() -> None:
    burials = Burials()
    old, new = node("old", "127.77.1.1"), node("new", "127.77.1.1")
    assert burials.dead([old], {"old": 900}) == []
    assert burials.dead([old, new], {"old": 900, "new": 100}) == ["old"]


@given(st.lists(st.tuples(st.sampled_from(["127.77.1.1", "127.77.1.2", "127.77.1.3"]), st.integers(0, 9)), max_size=12))
def test_one_node_is_left_at_every_address(table: list[tuple[str, int]]) -> None:
    nodes = [node(f"n{number}", address) for number, (address, _) in enumerate(table)]
    dead = Burials().dead(nodes, {f"n{number}": started for number, (_, started) in enumerate(table)})
    left = [each.address for each in nodes if each.node_id not in dead]
    assert sorted(left) == sorted({address for address, _ in table})


def test_nodes_of_machines_that_were_removed_are_dead() -> None:
    nodes = [node("a", "127.77.1.1", m_laptop=1000.0), node("b", "127.77.1.2", m_guest=1000.0), node("h", "127.77.0.1")]
    assert Burials().dead(nodes, {}, frozenset({"guest"})) == ["b"]


def test_an_agent_that_is_not_made_in_time_is_overdue_once() -> None:
    overdue = Overdue()
    assert overdue.among(["laptop"], 0.0) == []
    assert overdue.among(["laptop", "desk"], PATIENCE - 1) == []
    assert overdue.among(["laptop", "desk"], PATIENCE) == ["laptop"]
    assert overdue.among(["laptop", "desk"], PATIENCE + 1) == []  # it begins anew
    assert overdue.among([], PATIENCE + 2) == []
    assert overdue.among(["desk"], 2 * PATIENCE) == []  # it was made in between
