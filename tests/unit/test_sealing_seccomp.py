"""The filter, run by a small interpreter of classic BPF: what each machine's kernel would do with a call."""

from __future__ import annotations

import errno
import struct

import pytest

from sealing.errors import SealError
from sealing.seccomp import MACHINES, TIOCLINUX, TIOCSTI, program, refused_calls

ALLOWED = 0x7FFF0000
CLONE_VM, CLONE_THREAD, CLONE_NEWUSER, CLONE_NEWNET, SIGCHLD = 0x100, 0x10000, 0x10000000, 0x40000000, 17
#: Numbers out of the kernel's own tables that a box cannot do without.
NEEDED = {
    "x86_64": {"read": 0, "mmap": 9, "execve": 59, "futex": 202, "memfd_create": 319, "fork": 57, "kill": 62},
    "aarch64": {"read": 63, "mmap": 222, "execve": 221, "futex": 98, "memfd_create": 279, "kill": 129},
}


def decide(code: bytes, *, architecture: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What the kernel's BPF machine returns for struct seccomp_data; anything it would not load fails here."""
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, architecture, 0, *padded)
    steps = list(struct.iter_unpack("<HBBI", code))
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, value = steps[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            assert value % 4 == 0
            (accumulator,) = struct.unpack_from("<I", data, value)
            continue
        met = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[operation]
        at += if_true if met else if_false


def refused(code: int) -> int:
    return 0x00050000 | code


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_programs_need_is_allowed(machine: str) -> None:
    for name, number in NEEDED[machine].items():
        assert decide(program(machine), architecture=MACHINES[machine].architecture, number=number) == ALLOWED, name


def test_every_listed_call_is_refused_whatever_its_arguments(machine: str) -> None:
    calls = refused_calls(machine)
    assert {"keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "ptrace"} <= calls.keys()
    for name, (number, code) in calls.items():
        for arguments in ((), (2**64 - 1,) * 6):
            got = decide(
                program(machine), architecture=MACHINES[machine].architecture, number=number, arguments=arguments
            )
            assert got == refused(code), name


def test_no_two_calls_share_a_number(machine: str) -> None:
    numbers = [number for number, _ in refused_calls(machine).values()]
    numbers += [MACHINES[machine].clone, MACHINES[machine].ioctl, MACHINES[machine].socket]
    assert len(numbers) == len(set(numbers))


def test_clone3_looks_unknown_so_that_clone_is_used_which_shows_its_flags(machine: str) -> None:
    known = MACHINES[machine]
    code = program(machine)
    assert decide(code, architecture=known.architecture, number=435) == refused(errno.ENOSYS)
    for flags in (SIGCHLD, CLONE_VM | CLONE_THREAD):
        assert decide(code, architecture=known.architecture, number=known.clone, arguments=(flags,)) == ALLOWED
    for flags in (CLONE_NEWUSER, CLONE_NEWNET | SIGCHLD):
        got = decide(code, architecture=known.architecture, number=known.clone, arguments=(flags,))
        assert got == refused(errno.EPERM)


@pytest.mark.parametrize("request_number", [TIOCSTI, TIOCLINUX, TIOCSTI | 1 << 32])
def test_typing_into_a_terminal_is_refused_though_the_upper_half_is_set(machine: str, request_number: int) -> None:
    known = MACHINES[machine]
    got = decide(program(machine), architecture=known.architecture, number=known.ioctl, arguments=(0, request_number))
    assert got == refused(errno.EPERM)
    assert (
        decide(program(machine), architecture=known.architecture, number=known.ioctl, arguments=(0, 0x5401)) == ALLOWED
    )


@pytest.mark.parametrize(
    ("family", "allowed"), [(1, True), (2, True), (10, True), (16, True), (17, False), (40, False)]
)
def test_sockets_of_odd_families_are_refused(machine: str, family: int, allowed: bool) -> None:
    known = MACHINES[machine]
    got = decide(program(machine), architecture=known.architecture, number=known.socket, arguments=(family,))
    assert got == (ALLOWED if allowed else refused(errno.EAFNOSUPPORT))


def test_code_of_another_architecture_is_refused(machine: str) -> None:
    i386 = 0x40000003
    assert decide(program(machine), architecture=i386, number=3) == refused(errno.ENOSYS)


def test_x32_is_no_second_door() -> None:
    number = 0x40000000 | NEEDED["x86_64"]["read"]
    got = decide(program("x86_64"), architecture=MACHINES["x86_64"].architecture, number=number)
    assert got == refused(errno.ENOSYS)


def test_a_processor_without_a_table_is_refused() -> None:
    with pytest.raises(SealError, match="riscv64"):
        program("riscv64")
