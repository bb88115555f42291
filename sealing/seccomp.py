"""The system calls that a box refuses: kernel surface that no job needs and that other sandboxes refuse too.

A classic BPF program for `bwrap --seccomp`, written out here: 40 lines, where a library is one more thing to trust.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

from sealing.errors import SealError

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
#: Offsets in struct seccomp_data; the arguments' low halves, both machines are little-endian.
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
#: x86_64 only: numbers from here are x32's, a second door to every call.
_X32 = 0x40000000

TIOCSTI, TIOCLINUX = 0x5412, 0x541C  # type into the terminal, paste into the console
#: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
NAMESPACE_FLAGS = 0x7E020000
#: AF_UNSPEC, UNIX, INET, INET6, NETLINK (interfaces are listed over it). AF_VSOCK would reach the hypervisor.
FAMILIES = (0, 1, 2, 10, 16)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One architecture's numbers: those that differ; the rest is in `_SHARED`."""

    architecture: int
    clone: int
    ioctl: int
    socket: int
    refused: dict[str, int]


MACHINES = {
    "x86_64": Machine(
        architecture=0xC000003E,
        clone=56,
        ioctl=16,
        socket=41,
        refused={
            "syslog": 103, "acct": 163, "quotactl": 179, "uselib": 134, "modify_ldt": 154, "vhangup": 153,
            "add_key": 248, "request_key": 249, "keyctl": 250, "ptrace": 101, "personality": 135,
            "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "lookup_dcookie": 212,
            "perf_event_open": 298, "bpf": 321, "userfaultfd": 323, "fanotify_init": 300,
            "move_pages": 279, "migrate_pages": 256, "mbind": 237, "get_mempolicy": 239, "set_mempolicy": 238,
            "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161,
            "name_to_handle_at": 303, "open_by_handle_at": 304, "swapon": 167, "swapoff": 168, "reboot": 169,
            "kexec_load": 246, "kexec_file_load": 320, "init_module": 175, "finit_module": 313, "delete_module": 176,
            "iopl": 172, "ioperm": 173, "shmget": 29,
        },
    ),
    "aarch64": Machine(
        architecture=0xC00000B7,
        clone=220,
        ioctl=29,
        socket=198,
        refused={
            "syslog": 116, "acct": 89, "quotactl": 60, "vhangup": 58,
            "add_key": 217, "request_key": 218, "keyctl": 219, "ptrace": 117, "personality": 92,
            "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "lookup_dcookie": 18,
            "perf_event_open": 241, "bpf": 280, "userfaultfd": 282, "fanotify_init": 262,
            "move_pages": 239, "migrate_pages": 238, "mbind": 235, "get_mempolicy": 236, "set_mempolicy": 237,
            "unshare": 97, "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51,
            "name_to_handle_at": 264, "open_by_handle_at": 265, "swapon": 224, "swapoff": 225, "reboot": 142,
            "kexec_load": 104, "kexec_file_load": 294, "init_module": 105, "finit_module": 273, "delete_module": 106,
            "shmget": 194,
        },
    ),
}  # fmt: skip

#: The same number on every machine since Linux 5.1. io_uring does what this filter cannot see.
_SHARED = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "pidfd_getfd": 438,
           "quotactl_fd": 443, "set_mempolicy_home_node": 450}  # fmt: skip

#: Refused as if the kernel were older: callers then use the call that can be looked into (clone3 keeps its flags in
#: memory), or do without.
_UNKNOWN = {"clone3": 435, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
            "fspick": 433, "mount_setattr": 442, "open_tree_attr": 467}  # fmt: skip


def refused_calls(machine: str) -> dict[str, tuple[int, int]]:
    """Name -> (number, errno) of the calls that are refused whatever their arguments."""
    numbers = _of(machine).refused | _SHARED
    calls = {name: (number, errno.EPERM) for name, number in numbers.items()}
    return calls | {name: (number, errno.ENOSYS) for name, number in _UNKNOWN.items()}


def program(machine: str) -> bytes:
    """The filter for `platform.machine()`, an array of struct sock_filter. Raises SealError for one that we lack."""
    numbers = _of(machine)
    # Another architecture (32-bit code) has other numbers: nothing of it is known here, so all of it is refused.
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, numbers.architecture), _refuse(errno.ENOSYS)]
    steps.append((_LOAD, 0, 0, _NUMBER))
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    for number, code in refused_calls(machine).values():
        steps += [(_EQUAL, 0, 1, number), _refuse(code)]
    namespaces = [(_LOAD, 0, 0, _FIRST), (_ANY_BIT, 0, 1, NAMESPACE_FLAGS), _refuse(errno.EPERM), _allow()]
    terminals = [(_LOAD, 0, 0, _SECOND)]
    for request in (TIOCSTI, TIOCLINUX):
        terminals += [(_EQUAL, 0, 1, request), _refuse(errno.EPERM)]
    families = [(_LOAD, 0, 0, _FIRST)]
    for family in FAMILIES:
        families += [(_EQUAL, 0, 1, family), _allow()]
    for number, block in (
        (numbers.clone, namespaces),
        (numbers.ioctl, [*terminals, _allow()]),
        (numbers.socket, [*families, _refuse(errno.EAFNOSUPPORT)]),
    ):
        steps += [(_EQUAL, 0, len(block), number), *block]
    return b"".join(struct.pack("<HBBI", *step) for step in [*steps, _allow()])


def _of(machine: str) -> Machine:
    if machine not in MACHINES:
        raise SealError(
            f"Boxes are not known to work on {machine} processors.", "Use a computer with x86_64 or aarch64."
        )
    return MACHINES[machine]


def _refuse(code: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _ERRNO | code)


def _allow() -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _ALLOW)
