"""Changes the network that it runs in, by netlink. Run by tests/support/hosts.py inside a host's network namespace.

set DEVICE up|down                 a device's state
address DEVICE ADDRESS             gives a device its address in a /24, and brings it up
route DEVICE ADDRESS GATEWAY       reaches ADDRESS, and nothing more, through GATEWAY
wire DEVICE ADDRESS PID            makes a veth: DEVICE with ADDRESS here, eth0 in the network of process PID
"""

from __future__ import annotations

import sys

from pyroute2 import IPRoute


def main(command: str, device: str, *rest: str) -> None:
    with IPRoute() as net:
        if command == "wire":
            net.link("add", ifname=device, kind="veth", peer={"ifname": "eth0", "net_ns_pid": int(rest[1])})
        (index,) = net.link_lookup(ifname=device)
        if command == "set":
            net.link("set", index=index, state=rest[0])
        elif command == "route":
            net.route("add", dst=f"{rest[0]}/32", gateway=rest[1], oif=index)
        else:
            net.addr("add", index=index, address=rest[0], prefixlen=24)
            net.link("set", index=index, state="up")


if __name__ == "__main__":
    main(*sys.argv[1:])
