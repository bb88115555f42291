"""What a router's connection tracking holds, read from the kernel's nf_conntrack."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One tracked flow, by who began it."""

    protocol: str
    state: str  #: of TCP; empty otherwise
    source: str
    target: str
    port: int  #: the target's
    seen_as: str  #: the source's address as the target sees it


def tracked(table: str) -> list[Flow]:
    """The flows of an nf_conntrack table; each line has every address twice: of the way there, and of the way back."""
    found = []
    for line in table.splitlines():
        words = line.split()
        pairs = [(name, value) for name, mark, value in (word.partition("=") for word in words) if mark]
        there, back = dict(reversed(pairs)), dict(pairs)
        found.append(
            Flow(
                protocol=words[2],
                state=words[5] if words[2] == "tcp" else "",
                source=there["src"],
                target=there["dst"],
                port=int(there.get("dport", 0)),
                seen_as=back["dst"],
            )
        )
    return found
