"""Listening sockets: bound outside in a folder no box contains, used inside as inherited descriptors."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
import sys
from pathlib import Path

from sealing.errors import SealError
from sealing.plan import SOCKETS_VARIABLE

#: Longest path that fits into sockaddr_un, without its closing zero.
LONGEST_ADDRESS = 107 if sys.platform == "linux" else 103
#: Connections that wait to be accepted while the box starts.
BACKLOG = 128

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class SocketFolder:
    """A 0700 folder of ours for listening sockets. It must never lie in a folder that a box can write.

    Raises SealError where the path is a symlink, no folder, or another user's.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._folder = os.open(path, flags)
        except OSError as error:
            raise SealError(f"{path} is not a folder: {os.strerror(error.errno or 0)}.") from error
        found = os.fstat(self._folder)
        if found.st_uid != os.geteuid():
            os.close(self._folder)
            self._folder = -1
            raise SealError(f"{path} belongs to another user.", "Remove it, or choose another data folder.")
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.fchmod(self._folder, 0o700)
        self.path = path

    def address(self, name: str) -> str:
        """A path of the socket that AF_UNIX takes: its own, or one through our descriptor of the folder.

        The second kind holds only in this process and while this object lives. Only Linux has it: raises SealError.
        """
        self._check(name)
        own = str(self.path / name)
        if len(os.fsencode(own)) <= LONGEST_ADDRESS:
            return own
        if sys.platform != "linux":
            raise SealError(f"{own} is too long for a socket.", "Choose a data folder with a shorter path.")
        return f"/proc/self/fd/{self._folder}/{name}"

    def listen(self, name: str) -> socket.socket:
        """A listening socket at `name`, 0600. Replaces a dead one. Raises SealError where a live one listens."""
        address = self.address(name)
        self._remove_dead(name, address)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(address)
            os.chmod(name, 0o600, dir_fd=self._folder)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
        return listening

    def remove(self, name: str) -> None:
        """Forgets the socket `name`; one that is not there is fine."""
        self._check(name)
        try:
            os.unlink(name, dir_fd=self._folder)
        except FileNotFoundError:
            return

    def close(self) -> None:
        """Closes our descriptor of the folder; addresses through it end."""
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def __enter__(self) -> SocketFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close() if hasattr(self, "_folder") else None

    def _remove_dead(self, name: str, address: str) -> None:
        try:
            mode = os.stat(name, dir_fd=self._folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise SealError(f"{self.path / name} is there already and is no socket.")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            # EAGAIN: its backlog is full, so someone holds it open.
            if probe.connect_ex(address) in (0, errno.EAGAIN, errno.EINPROGRESS):
                raise SealError(f"Something already listens at {self.path / name}.", "Stop the other program first.")
        self.remove(name)

    @staticmethod
    def _check(name: str) -> None:
        if not _NAME.fullmatch(name):
            raise SealError(f"{name!r} is no name for a socket.")


def inherited(name: str) -> socket.socket:
    """Inside a box: the listening socket `name` that it was started with. Raises SealError where there is none."""
    numbers = dict(entry.split("=", 1) for entry in os.environ.get(SOCKETS_VARIABLE, "").split(",") if "=" in entry)
    if name not in numbers:
        raise SealError(f"This process was started without the socket {name!r}.")
    listening = socket.socket(fileno=int(numbers[name]))
    # The programs that the box starts must not serve in its place.
    listening.set_inheritable(False)
    return listening
