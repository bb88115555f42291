"""Changes the network that it runs in, by netlink. Run by tests/support/hosts.py inside a host's network namespace.

set DEVICE up|down                 a device's state
address DEVICE ADDRESS             gives a device its address in a /24, and brings it up
narrow DEVICE                      leaves loopback with 127.0.0.1 alone, as macOS has it
route DEVICE ADDRESS GATEWAY       reaches ADDRESS, and nothing more, through GATEWAY
wire DEVICE ADDRESS PID            makes a veth: DEVICE with ADDRESS here, eth0 in the network of process PID
masquerade DEVICE                  forwards, and gives all that leaves by DEVICE its address (nftables)
netem DEVICE MILLISECONDS PERCENT  delays what leaves by DEVICE and loses some; says yes, or no: the kernel lacks it
"""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.nftables.expressions import genex, masq
from pyroute2.nftables.main import NFTables

_META_OUT_DEVICE = 5  # NFT_META_OIF
_REGISTER = 1
_ACCEPT = 1


def main(command: str, device: str, *rest: str) -> None:
    with IPRoute() as net:
        if command == "wire":
            net.link("add", ifname=device, kind="veth", peer={"ifname": "eth0", "net_ns_pid": int(rest[1])})
        (index,) = net.link_lookup(ifname=device)
        if command == "set":
            net.link("set", index=index, state=rest[0])
        elif command == "route":
            net.route("add", dst=f"{rest[0]}/32", gateway=rest[1], oif=index)
        elif command == "narrow":
            net.addr("del", index=index, address="127.0.0.1", prefixlen=8)
            net.addr("add", index=index, address="127.0.0.1", prefixlen=32)
        elif command == "masquerade":
            masquerade(index)
        elif command == "netem":
            sys.stdout.write("yes" if netem(net, index, milliseconds=int(rest[0]), percent=int(rest[1])) else "no")
        else:
            net.addr("add", index=index, address=rest[0], prefixlen=24)
            net.link("set", index=index, state="up")


def masquerade(index: int) -> None:
    """What a home router does, by its own means: `oif DEVICE masquerade` in a chain of postrouting."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    leaves_by_device = [
        genex("meta", {"key": _META_OUT_DEVICE, "dreg": _REGISTER}),
        genex(
            "cmp",
            {"sreg": _REGISTER, "op": 0, "data": {"attrs": [("NFTA_DATA_VALUE", index.to_bytes(4, sys.byteorder))]}},
        ),
    ]
    with NFTables(nfgen_family=socket.AF_INET) as tables:
        tables.table("add", name="nat")
        tables.chain("add", table="nat", name="out", hook="postrouting", type="nat", priority=100, policy=_ACCEPT)
        tables.rule("add", table="nat", chain="out", expressions=(leaves_by_device, masq()))


def netem(net: IPRoute, index: int, *, milliseconds: int, percent: int) -> bool:
    """Whether the kernel has it (CONFIG_NET_SCH_NETEM)."""
    try:
        net.tc("add", "netem", index=index, handle="1:", delay=milliseconds * 1000, loss=percent)
    except NetlinkError as error:
        if error.code == errno.ENOENT:  # no such discipline
            return False
        raise
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
