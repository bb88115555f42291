"""The list that bwrap is given: what is in it, in which order, and what is never in it."""

from __future__ import annotations

import socket
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sealing.bwrap import environment_inside, options
from sealing.errors import SealError
from sealing.plan import Bind, BoxPlan, Limits
from sealing.system import proc_options


class Recorder:
    """Gives out numbers for contents, as memfds would be."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    def __call__(self, content: bytes) -> int:
        self.contents.append(content)
        return 99 + len(self.contents)


@pytest.fixture
def plan(tmp_path: Path) -> BoxPlan:
    return BoxPlan(
        name="pool-a",
        folder=tmp_path,
        folder_inside="/pool",
        command=("python", "-m", "head.pool"),
        environment={"PATH": "/usr/bin"},
        read_only=(
            Bind(source=Path("/data"), target="/data"),
            Bind(source=Path("/dev/null"), target="/data/agent.sock"),
        ),
        python=None,
        files={"/run/hayride.json": b"a secret"},
        limits=Limits(tmpfs=111, shm=222),
    )


def find(chosen: Sequence[str], *wanted: str) -> int:
    """Where these options stand side by side."""
    places = [at for at in range(len(chosen)) if tuple(chosen[at : at + len(wanted)]) == wanted]
    assert len(places) == 1, f"{wanted} stands {len(places)} times in {chosen}"
    return places[0]


def test_the_box_is_apart_in_every_way(plan: BoxPlan) -> None:
    chosen = options(plan, Recorder())
    for option in ("--unshare-all", "--unshare-user", "--disable-userns", "--new-session", "--clearenv", "--seccomp"):
        find(chosen, option)
    find(chosen, "--cap-drop", "ALL")
    assert "--die-with-parent" not in chosen
    assert "--share-net" not in chosen


def test_only_its_folder_is_writable_and_every_tmpfs_has_a_size(plan: BoxPlan) -> None:
    chosen = options(plan, Recorder())
    assert [chosen[at + 1 : at + 3] for at, option in enumerate(chosen) if option == "--bind"] == [
        [str(plan.folder), "/pool"]
    ]
    find(chosen, "--size", "111", "--tmpfs", "/tmp")
    find(chosen, "--size", "222", "--tmpfs", "/dev/shm")
    assert all(chosen[at - 2] == "--size" for at, option in enumerate(chosen) if option == "--tmpfs")
    # The tmpfs of /dev and of the root itself have no size, so they end read-only, after all that is put into them.
    assert chosen[-4:] == ["--remount-ro", "/dev", "--remount-ro", "/"]


def test_binds_come_after_tmp_and_masks_after_their_folder(plan: BoxPlan) -> None:
    chosen = options(plan, Recorder())
    folder, mask = (
        find(chosen, "--ro-bind", "/data", "/data"),
        find(chosen, "--ro-bind", "/dev/null", "/data/agent.sock"),
    )
    assert find(chosen, "--tmpfs", "/tmp") < folder < mask


def test_a_secret_is_in_no_argument_and_readable_by_the_box_alone(plan: BoxPlan) -> None:
    recorder = Recorder()
    chosen = options(plan, recorder)
    number = 100 + recorder.contents.index(b"a secret")
    find(chosen, "--perms", "0400", "--ro-bind-data", str(number), "/run/hayride.json")
    assert not any("a secret" in option for option in chosen)


def test_the_environment_names_the_sockets_numbers(plan: BoxPlan) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inside = environment_inside(replace(plan, sockets={"http": ours, "door": theirs}))
        assert inside == {"PATH": "/usr/bin", "HAYRIDE_SOCKETS": f"http={ours.fileno()},door={theirs.fileno()}"}
    assert environment_inside(plan) == {"PATH": "/usr/bin"}


def test_devices_are_asked_for_by_name(plan: BoxPlan) -> None:
    chosen = options(replace(plan, devices=(Path("/dev/nvidia0"),)), Recorder())
    assert find(chosen, "--dev", "/dev") < find(chosen, "--dev-bind", "/dev/nvidia0", "/dev/nvidia0")


def test_what_root_could_write_or_others_could_not_read_in_proc_is_covered(tmp_path: Path) -> None:
    for name, mode in (("sysrq-trigger", 0o200), ("mtrr", 0o644), ("kcore", 0o400), ("meminfo", 0o444)):
        (tmp_path / name).touch(mode=mode)
        (tmp_path / name).chmod(mode)
    for name in ("1", "fs", "sys"):
        (tmp_path / name).mkdir()
    (tmp_path / "self").symlink_to("1")
    chosen = proc_options(tmp_path)
    for name in ("sysrq-trigger", "mtrr", "kcore"):
        find(chosen, "--ro-bind", "/dev/null", f"/proc/{name}")
    find(chosen, "--ro-bind", "/proc/sys", "/proc/sys")
    assert find(chosen, "--tmpfs", "/proc/fs") < find(chosen, "--remount-ro", "/proc/fs")
    assert not {"/proc/meminfo", "/proc/1", "/proc/self"} & set(chosen)
    assert stat.S_ISDIR((tmp_path / "sys").stat().st_mode)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../pool"},
        {"name": ""},
        {"folder": Path("pool")},
        {"folder_inside": "/"},
        {"folder_inside": "/pool/../etc"},
        {"files": {"run/hayride.json": b""}},
        {"read_only": (Bind(source=Path("/data"), target="data"),)},
        {"command": ()},
        {"environment": {"A": "b\0--bind\0/\0/host"}},
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(plan: BoxPlan, change: dict[str, object]) -> None:
    with pytest.raises(SealError):
        replace(plan, **change)  # type: ignore[arg-type]
