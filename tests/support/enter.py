"""Runs a program in a box: `enter.py PID PROGRAM ARGUMENT...`, PID being the box's process 1.

nsenter goes into the process's own user namespace, which owns nothing: a box has two, the inner one forbids further
ones. Its parent owns the box's other namespaces, and whoever started the box may enter that, an ordinary user too.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys

_NS_GET_PARENT = 0xB702


def main(pid: str, *command: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    opened = {name: os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in ("user", "mnt", "net", "ipc", "pid")}
    opened["user"] = fcntl.ioctl(opened["user"], _NS_GET_PARENT)
    for name, descriptor in opened.items():
        if libc.setns(descriptor, 0):
            raise OSError(ctypes.get_errno(), f"no way into the box's {name} namespace")
    child = os.fork()  # a process is in the new process namespace only from its birth on
    if child == 0:
        os.chdir("/")
        os.execvp(command[0], command)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
