"""What a pool's box is to hold: no secret where others can read it, nothing of the server but what it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from head.pool.config import PATH_INSIDE, VARIABLE, PoolConfig
from head.pool_plan import KeeperSettings, PoolIdentity, pool_plan

SECRET = "a-secret-of-the-pool"
POOL = PoolIdentity(pool_id="p0000001", tag="u_abcdefgh234567ab", ray_token=SECRET)


def settings(folder: Path, *, sealed: bool) -> KeeperSettings:
    return KeeperSettings(
        data_dir=folder, sealed=sealed, cpus=2, memory=4 << 30, object_store=256 << 20, quota=1 << 30, idle_seconds=60
    )


@pytest.mark.parametrize("sealed", [True, False])
def test_the_token_is_in_the_file_alone(tmp_path: Path, sealed: bool) -> None:
    plan = pool_plan(settings(tmp_path, sealed=sealed), POOL, {})
    assert SECRET not in repr(plan.command) + repr(plan.environment) + repr(POOL)
    config = PoolConfig.model_validate_json(plan.files[PATH_INSIDE])
    assert config.ray_token.get_secret_value() == SECRET
    assert SECRET not in repr(config)
    assert plan.environment[VARIABLE] == PATH_INSIDE


def test_a_sealed_box_sees_its_folder_and_three_packages(tmp_path: Path) -> None:
    plan = pool_plan(settings(tmp_path, sealed=True), POOL, {})
    assert {bind.target for bind in plan.read_only} == {"/app/head/pool", "/app/ray_jobs", "/app/sealing"}
    assert (plan.folder, plan.folder_inside) == (tmp_path / "pools" / "p0000001", "/pool")
    assert str(tmp_path) not in json.dumps(dict(plan.environment)) + plan.files[PATH_INSIDE].decode()


def test_jobs_get_what_ray_leaves_of_the_boxs_memory(tmp_path: Path) -> None:
    plan = pool_plan(settings(tmp_path, sealed=True), POOL, {})
    config = PoolConfig.model_validate_json(plan.files[PATH_INSIDE])
    assert plan.limits.memory == 4 << 30
    assert 2 << 30 < config.memory < 4 << 30
    assert plan.limits.shm > config.object_store
