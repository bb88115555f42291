"""Makes our own programs on a machine believe that they run on a Mac, as far as Python shows one; all else is Linux.

Python imports this by itself where PYTHONPATH has this folder. What chooses by the system when it is imported, and is
not ours, is imported before: it goes on with Linux. Ray's processes are left alone.
"""

import os
import sys
from pathlib import Path

if any("node_join" in word for word in sys.orig_argv):
    import asyncio.subprocess  # noqa: F401
    import ctypes
    import platform
    import signal
    import socket
    import sysconfig

    import asyncssh  # noqa: F401
    import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401
    import psutil  # noqa: F401
    import pydantic  # noqa: F401
    import websockets.asyncio.client  # noqa: F401

    sysconfig.get_config_vars()
    for module, names in (
        (os, ("pidfd_open", "memfd_create", "pipe2", "sched_getaffinity", "ST_NOEXEC")),
        (signal, ("pidfd_send_signal",)),
        (socket, ("SOCK_CLOEXEC",)),
    ):
        for name in names:
            delattr(module, name)

    def no_such_call(*_: object) -> None:
        raise AssertionError("a Mac has no such call")

    for owner, name, value in (
        (ctypes.CDLL, "__getattr__", no_such_call),
        (platform, "machine", lambda: "arm64"),
        (platform, "mac_ver", lambda: ("14.5", ("", "", ""), "arm64")),
        (sys, "platform", "darwin"),
    ):
        setattr(owner, name, value)

    from node_join import loopback

    loopback.DAEMON = Path(os.environ["HOME"]) / loopback.DAEMON.name
    loopback.SUDO = "sudo"  # of PATH
