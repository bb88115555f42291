"""The README's first door: `hayride demo`, on its own data and a person's own, sealed and not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

HAYRIDE = Path(sys.executable).with_name("hayride")
#: Runs a command in a user namespace whose owner forbids further ones, as hardened kernels do.
_WITHOUT_NAMESPACES = ["unshare", "-Urmpf", "--mount-proc", "sh", "-c",
                       'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh"]  # fmt: skip


def demo(folder: Path, *options: str, before: list[str] | None = None) -> tuple[dict[str, Any], str]:
    """Runs it in an empty home; what it reports, and all that it printed."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(
        [*(before or []), HAYRIDE, "demo", "--json", *options], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report, done.stdout


def test_this_machine_joins_trains_and_predicts(tmp_path: Path) -> None:
    report, said = demo(tmp_path)
    assert report["ok"]
    assert report["sealed"] == {"pool": True, "machine": True}
    assert report["node_ip"] == "127.77.1.1"
    assert report["ran_on"] == report["machine"] != "head"
    assert report["task"] == "classification"
    assert report["metrics"]["accuracy"] > 0.9 > report["baseline_metrics"]["accuracy"]
    assert report["unseen_accuracy"] > 0.9
    predictions = pd.read_csv(report["predictions_path"])
    assert {"prediction", "probability_benign", "probability_malignant"} <= set(predictions.columns)
    assert "/dashboard-link/" in said
    assert "accuracy" in said.partition("{")[0]  # told in words too
    assert Path(report["picture_path"]).read_bytes().startswith(b"\x89PNG")
    assert_nothing_runs(tmp_path)


def test_the_fallback_on_the_head_with_a_file_of_ones_own(tmp_path: Path) -> None:
    frame = load_diabetes(as_frame=True).frame
    frame.to_parquet(tmp_path / "diabetes.parquet")
    options = ["--no-machine", "--data", "diabetes.parquet", "--target", "target", "--model", "linear_regression"]
    report, _ = demo(tmp_path, *options)
    assert report["machine"] is None
    assert report["ran_on"] == "head"
    assert report["node_ip"] == "127.77.0.1"
    assert report["sealed"]["pool"]
    assert report["task"] == "regression"
    assert 0 < report["metrics"]["rmse"] < report["baseline_metrics"]["rmse"]
    assert len(pd.read_csv(report["predictions_path"])) == 88  # a fifth of 442
    assert_nothing_runs(tmp_path)


def test_unsealed_with_a_notice_where_namespaces_are_forbidden(tmp_path: Path) -> None:
    report, said = demo(tmp_path, before=_WITHOUT_NAMESPACES)
    assert report["sealed"] == {"pool": False, "machine": False}
    assert report["ran_on"] == report["machine"] != "head"
    assert report["node_ip"] == "127.77.1.1"
    assert "NOT sealed" in said


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["--data", "nothing.csv", "--target", "x"], "There is no file"),
        (["--data", "table.csv"], "without --target"),
        (["--data", "table.csv", "--target", "z"], "no column z"),
    ],
)
def test_a_wrong_option_is_one_clear_line(tmp_path: Path, options: list[str], answer: str) -> None:
    (tmp_path / "table.csv").write_text("x,y\n" + "1,2\n" * 40)
    done = subprocess.run(
        [HAYRIDE, "demo", *options], cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert answer in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def assert_nothing_runs(folder: Path) -> None:
    """No process that was started for this home is left."""
    left = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                mounts = (entry / "mountinfo").read_text() + (entry / "cmdline").read_text()
            except OSError:
                continue
            if f"{folder}/" in mounts:
                left.append(entry.name)
    assert not left
