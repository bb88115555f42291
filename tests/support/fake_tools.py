"""Programs of the system in a folder of their own: they write down what they were called with and answer as told."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest


class FakeTools:
    """Stands first on PATH, or is all of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._log = folder, folder / "calls"
        folder.mkdir()
        monkeypatch.setenv("PATH", str(folder))

    def add(self, name: str, *, answers: str = "", fails_on: str = "", error: str = "") -> None:
        """`answers` on standard output; status 1 and `error` where `fails_on` is among the arguments."""
        lines = [
            "#!/bin/sh",
            f'echo "{name} $*" >> {shlex.quote(str(self._log))}',
            *([f'case " $* " in *" {fails_on} "*) echo {shlex.quote(error)} >&2; exit 1;; esac'] if fails_on else []),
            f"echo {shlex.quote(answers)}",
        ]
        program = self._folder / name
        program.write_text("\n".join(lines) + "\n")
        program.chmod(0o755)

    def calls(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []
