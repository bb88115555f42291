"""A whole machine against a real gateway (TLS, a private authority), a real door and a real Ray head, in test hosts."""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts import Site
from tests.support.small_machine import Small, box_of, ended, leaves_nothing, said


@pytest.fixture(scope="module")
def small() -> Iterator[Small]:
    # Short: the small server's Ray is not in a box, and its sockets' paths end at 107 bytes.
    with tempfile.TemporaryDirectory(prefix="hr", ignore_cleanup_errors=True) as folder, Site() as site:
        yield Small(site, Path(folder))


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("old", "This join token is expired."),
        ("guess", "This join token is invented."),
        ("", "There is no join token."),
    ],
)
def test_a_bad_token_ends_in_one_line(small: Small, token: str, words: str) -> None:
    status, output = ended(small.join(token))
    assert status == 1
    assert words in output
    assert len(output.splitlines()) == 1


def test_a_server_of_an_unknown_authority_is_not_spoken_to(small: Small) -> None:
    environment = {k: v for k, v in small.environment.items() if k != "SSL_CERT_FILE"}
    status, output = ended(small.node_agent("redeem", "--url", small.up["url"], token="good1", environment=environment))
    assert status == 1
    assert "TLS certificate" in output
    assert "SSL_CERT_FILE" in output
    assert len(output.splitlines()) == 1


def test_a_machine_joins_stays_and_leaves_nothing(small: Small) -> None:
    node_agent = small.join("good1")
    said(node_agent, "laptop joined: ")
    node = small.hear("node")["node"]
    seen = small.ask()
    assert node["address"] == seen["ran_on"] == "127.77.1.1"
    assert seen["home"] == "/node"
    assert small.laptop.listening() == []

    # The node agent is killed: the box and its Ray node live on, and the next node agent finds them.
    box = box_of(small)
    os.kill(node_agent.host_pid, signal.SIGKILL)
    ended(node_agent)
    node_agent = small.node_agent("run")
    said(node_agent, "Connected")
    assert box_of(small) == box
    assert small.ask()["ran_on"] == "127.77.1.1"

    # A second join is answered, repaired, and no twin.
    status, output = ended(small.join("good2"))
    assert status == 0
    assert "Already joined, repaired: this machine is laptop." in output
    assert "running already" in output
    assert small.ask()["ran_on"] == "127.77.1.1"

    # The cable is out for longer than heartbeats may be missed; then it comes back by itself, the same Ray node.
    small.laptop.unplug()
    said(node_agent, "Trying again")
    small.laptop.plug()
    said(node_agent, "Connected")
    assert small.ask()["ran_on"] == "127.77.1.1"
    assert box_of(small) == box

    # The box's process 1 dies: the node agent makes another, which joins as a new Ray node.
    small.laptop.check_output(["/bin/kill", "-9", str(box)])  # the number is the machine's own
    said(node_agent, "Connected")
    assert small.hear("node")["node"]["id"] != node["id"]
    assert small.ask()["ran_on"] == "127.77.1.1"

    leaves_nothing(small, node_agent)


def test_an_unsealed_machine_says_so_and_leaves_nothing(small: Small) -> None:
    node_agent = small.node_agent("run", "--sealing", "off")
    told = said(node_agent, "laptop joined: ")
    assert "NOT sealed" in told
    seen = small.ask()
    # What it said to listen on the network is all that does.
    found = re.search(r"listens on ports (\d+) to (\d+) and (\d+) to (\d+) of this machine", told)
    assert found
    first, last, first_worker, last_worker = map(int, found.groups())
    on_the_network = [port for address, port in small.laptop.listening() if not address.endswith("7F")]
    assert first in on_the_network
    for port in on_the_network:
        assert first <= port <= last or first_worker <= port <= last_worker
    assert seen["ran_on"] == "127.77.1.1"
    assert seen["home"] == str(small.folder / "state" / "node")
    temp = Path(json.loads((small.folder / "state" / "run" / "box.json").read_text())["temp"])
    assert temp.is_dir()
    leaves_nothing(small, node_agent)
    assert not temp.exists()
