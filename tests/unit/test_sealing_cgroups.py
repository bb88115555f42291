"""Where a box's cgroup goes, on a tree of files as the kernel shows it."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from sealing import cgroups, limits
from sealing.plan import Limits

ALL = Limits(memory=1000, processes=20, cpus=1.5)


def unified(root: Path, own: str, given: dict[str, str]) -> list[cgroups.Seat]:
    """A version 2 tree: {folder: its cgroup.subtree_control}."""
    for folder, controllers in given.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "cgroup.subtree_control").write_text(controllers)
    return cgroups.seats(f"30 23 0:26 / {root} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n", f"0::/{own}\n")


def written(group: cgroups.Cgroup | None, index: int = 0) -> dict[str, str]:
    assert group is not None
    return {file.name: file.read_text() for file in group.folders[index].iterdir()}


def test_version_2_delegated_to_us(tmp_path: Path) -> None:
    seats = unified(tmp_path, "a/b", {"a": "", "a/b": "cpu memory pids\n"})
    group = cgroups.make_in(seats, "pool-x", ALL)
    assert group is not None
    assert group.limits == {"memory": "cgroup v2", "processes": "cgroup v2", "cpus": "cgroup v2"}
    assert group.folders[0].parent == tmp_path / "a/b"
    assert group.folders[0].name.startswith("hayride-box-pool-x-")
    assert written(group) == {
        "memory.max": "1000",
        "memory.swap.max": "0",
        "pids.max": "20",
        "cpu.max": "150000 100000",
    }


def test_version_2_beside_us_where_our_own_holds_processes(tmp_path: Path) -> None:
    group = cgroups.make_in(unified(tmp_path, "app/unit", {"app": "memory pids", "app/unit": ""}), "pool-x", ALL)
    assert group is not None
    assert group.folders[0].parent == tmp_path / "app"
    assert group.limits == {"memory": "cgroup v2", "processes": "cgroup v2"}


def test_two_boxes_of_one_name_get_two_cgroups(tmp_path: Path) -> None:
    seats = unified(tmp_path, "a", {"a": "memory"})
    first, second = (cgroups.make_in(seats, "pool-x", ALL) for _ in range(2))
    assert first
    assert second
    assert first.folders != second.folders


def test_version_1_has_one_for_each_controller(tmp_path: Path) -> None:
    mounts = own = ""
    for number, controllers in enumerate(("memory", "pids", "cpu,cpuacct", "devices")):
        (tmp_path / controllers / "mine").mkdir(parents=True)
        mounts += f"4{number} 30 0:3{number} / {tmp_path / controllers} rw - cgroup cgroup rw,{controllers}\n"
        own += f"{number}:{controllers}:/mine\n"
    group = cgroups.make_in(cgroups.seats(mounts, own), "pool-x", ALL)
    assert group is not None
    assert group.limits == {"memory": "cgroup v1", "processes": "cgroup v1", "cpus": "cgroup v1"}
    by_controller = {folder.parent.parent.name: written(group, index) for index, folder in enumerate(group.folders)}
    assert by_controller == {
        "memory": {"memory.limit_in_bytes": "1000", "memory.memsw.limit_in_bytes": "1000"},
        "pids": {"pids.max": "20"},
        "cpu,cpuacct": {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"},
    }


def test_a_container_that_sees_a_part_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "cgroup.subtree_control").write_text("memory")
    mounts = f"30 23 0:26 /docker/1 {tmp_path} rw - cgroup2 cgroup2 rw\n"
    (seat,) = cgroups.seats(mounts, "0::/docker/1/inner\n")
    assert seat.folder == tmp_path / "inner"


@pytest.mark.parametrize("own", ["/../other", "/elsewhere"])
def test_a_cgroup_that_the_mount_does_not_show_is_no_place(tmp_path: Path, own: str) -> None:
    mounts = f"30 23 0:26 /docker/1 {tmp_path} rw - cgroup2 cgroup2 rw\n"
    assert cgroups.seats(mounts, f"0::{own}\n") == []


def test_nothing_is_made_without_a_controller_or_a_wish(tmp_path: Path) -> None:
    assert cgroups.make_in(unified(tmp_path, "a", {"a": "io"}), "pool-x", ALL) is None
    assert cgroups.make_in(unified(tmp_path, "b", {"b": "memory"}), "pool-x", Limits()) is None


def test_an_empty_cgroup_is_removed_and_a_missing_one_is_fine(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "used" / "process").mkdir(parents=True)
    assert cgroups.remove([tmp_path / "empty", tmp_path / "never-there"])
    assert not cgroups.remove([tmp_path / "used"])
    assert not (tmp_path / "empty").exists()


def test_what_dead_boxes_left_is_swept_but_not_what_is_young_or_in_use(tmp_path: Path) -> None:
    for name in ("hayride-box-old", "hayride-box-used/process", "another"):
        (tmp_path / name).mkdir(parents=True)
    born = (tmp_path / "hayride-box-old").stat().st_mtime
    seat = cgroups.Seat(version=2, folder=tmp_path, controllers=frozenset({"memory"}))
    cgroups.sweep([seat], now=born + 60)
    assert (tmp_path / "hayride-box-old").exists()
    cgroups.sweep([seat], now=born + 600)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["another", "hayride-box-used"]


def test_rlimits_hold_what_no_cgroup_does() -> None:
    alone = limits.rlimits(ALL, None, own_users=True)
    assert alone[resource.RLIMIT_DATA] == 1000
    assert alone[resource.RLIMIT_NPROC] == 20
    assert alone[resource.RLIMIT_CORE] == 0
    assert resource.RLIMIT_AS not in alone
    # Without a user namespace of its own it would count all of the user's processes.
    assert resource.RLIMIT_NPROC not in limits.rlimits(ALL, None, own_users=False)
    group = cgroups.Cgroup(folders=(), limits={"memory": "cgroup v2"})
    assert resource.RLIMIT_DATA not in limits.rlimits(ALL, group, own_users=True)


def test_what_holds_is_said_as_it_is() -> None:
    said = limits.held_by(ALL, None, sealed=True, processes_hold=False)
    assert (said["processes"], said["cpus"], said["memory"]) == ("none", "none", "rlimit, each process")
    assert limits.held_by(ALL, None, sealed=True, processes_hold=True)["processes"] == "rlimit"
    group = cgroups.Cgroup(folders=(), limits={"memory": "cgroup v1"})
    assert limits.held_by(ALL, group, sealed=False, processes_hold=True)["memory"] == "cgroup v1"
    assert "tmpfs" not in limits.held_by(ALL, group, sealed=False, processes_hold=True)
