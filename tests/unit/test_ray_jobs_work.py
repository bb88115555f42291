"""What a task makes of errors and of a memory limit, what it observes, and what the inbox and the catalogue refuse."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from ray_jobs.catalogue import check_task, checked_parameters, entry_of
from ray_jobs.inbox import Inbox
from ray_jobs.observe import sealed
from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.running import kernel_kills
from ray_jobs.spec import Problem, ProblemCode
from ray_jobs.work import LOG, failed

_BOX = {
    "1/comm": "bwrap\n",
    "net/dev": "Inter-|\n face |\n    lo: 0 0\n",
    "net/route": "Iface\tDestination\n",
    "net/ipv6_route": "0 0 0 0 0 0 0 0 0       lo\n",
}
_HOST = {
    "1/comm": "systemd\n",
    "net/dev": _BOX["net/dev"] + "  eth0: 0 0\n",
    "net/route": "Iface\tDestination\neth0\t00000000\n",
    "net/ipv6_route": "0 0 0 0 0 0 0 0 0     eth0\n",
}


def proc(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_a_box_is_told_from_a_host(tmp_path: Path) -> None:
    assert sealed(proc(tmp_path / "box", _BOX))
    without_ipv6 = {name: content for name, content in _BOX.items() if name != "net/ipv6_route"}
    assert sealed(proc(tmp_path / "old", without_ipv6))
    for name in _HOST:
        assert not sealed(proc(tmp_path / name.replace("/", "-"), {**_BOX, name: _HOST[name]}))
    assert not sealed(tmp_path / "nothing")
    assert not sealed()  # where the tests run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused(ProblemCode.NO_ROWS, "No rows."), ProblemCode.NO_ROWS),
        (MemoryError(), ProblemCode.OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "full"), ProblemCode.NO_SPACE),
        (OSError(errno.EDQUOT, "full"), ProblemCode.NO_SPACE),
        (OSError(errno.EIO, "broken"), ProblemCode.CRASHED),
        (ValueError("could not convert 'a patient\\'s name'"), ProblemCode.CRASHED),
    ],
)
def test_errors_become_problems(error: Exception, code: ProblemCode) -> None:
    event = failed(error)
    problem = Problem.model_validate(event["problem"])
    assert problem.code is code
    assert (LOG in event) == (code is ProblemCode.CRASHED)


def test_the_log_tells_where_and_holds_no_data() -> None:
    try:
        float("a patient's name")
    except ValueError as error:
        event = failed(error)
    assert "test_the_log_tells_where" in event[LOG]
    assert "patient" not in event[LOG] + event["problem"]["message"]


def test_more_memory_than_allowed_is_an_error_and_not_a_kill() -> None:
    code = (
        "from ray_jobs.work import failed, memory_limit\n"
        "try:\n"
        "    with memory_limit(100_000_000): held = bytearray(300_000_000)\n"
        "except MemoryError as error: print(failed(error)['problem']['code'])\n"
        "with memory_limit(100_000_000): held = bytearray(20_000_000)\n"
        "held = bytearray(300_000_000)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["out_of_memory"]
    assert kernel_kills() >= 0


def test_parameters_are_checked_before_anything_is_read() -> None:
    entry = entry_of("hist_gradient_boosting")
    assert checked_parameters(entry, {"max_iter": 5}).model_dump()["max_iter"] == 5
    for given, subject, near in (
        ({"max_itre": 5}, "max_itre", ("max_iter",)),
        ({"max_iter": 0}, "max_iter", ()),
        ({"learning_rate": "fast"}, "learning_rate", ()),
        ({"max_iter": float("nan")}, "max_iter", ()),
    ):
        with pytest.raises(Refused) as caught:
            checked_parameters(entry, given)
        problem = caught.value.problem
        assert (problem.code, problem.subject) == (ProblemCode.BAD_PARAMETER, subject)
        assert problem.suggestions[:1] == near
    with pytest.raises(Refused):
        checked_parameters(entry_of("keras"), {"layers": [64, 0]})


def test_a_model_for_another_task_brings_those_that_fit() -> None:
    with pytest.raises(Refused) as caught:
        check_task(entry_of("linear_regression"), "classification", "y")
    assert caught.value.problem.code is ProblemCode.MODEL_NOT_FOR_TASK
    assert "logistic_regression" in caught.value.problem.suggestions
    assert "linear_regression" not in caught.value.problem.suggestions


def test_an_upload_is_visible_when_it_is_whole(tmp_path: Path) -> None:
    place = Place(folder=tmp_path, folder_as_owner_knows="/n", home="/h", quota=1000)
    place.make_folders()
    inbox = Inbox(place)
    inbox.begin("upload1", "../a.csv", 6)
    assert inbox.add("upload1", b"abc") == 3
    with pytest.raises(Refused):
        inbox.add("upload1", b"defg")
    with pytest.raises(Refused):
        inbox.end("upload1")
    assert inbox.add("upload1", b"def") == 6
    assert inbox.end("upload1") == 6
    (found,) = (tmp_path / "inbox" / "upload1").iterdir()
    assert found.read_bytes() == b"abcdef"
    with pytest.raises(Refused) as caught:
        Inbox(place).add("upload1", b"x")  # a restarted agent
    assert caught.value.problem.code is ProblemCode.UPLOAD_MISSING
    inbox.drop("upload1")
    assert list((tmp_path / "inbox").iterdir()) == []
    with pytest.raises(ValueError, match="not an id"):
        inbox.begin("../up", "a.csv", 1)
