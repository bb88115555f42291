"""logs: what the node agent said. The log lies outside of the box's folder, where only the agent writes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TextIO

from node_join.commands.choices import joined_here
from node_join.commands.command import Command, printable, say
from node_join.errors import NodeError

_PAUSE = 0.2  #: seconds between looks at a followed log
_LINE_LIMIT = 100_000  #: characters; a longer line is shown in parts


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is said from now on, until Ctrl-C")
    parser.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="so many last lines; 50 otherwise")


def _run(options: argparse.Namespace) -> int:
    state, _ = joined_here()
    if options.lines < 0:
        raise NodeError(f"{options.lines} lines cannot be shown. Write 0 or more.")
    log = state.path / "agent.log"
    if not log.exists() and not options.follow:
        raise NodeError("The node agent has said nothing yet. Start it with `hayride-node run`.")
    try:
        _show(log, options.lines, follow=options.follow)
    except BrokenPipeError:  # `logs | head` has seen enough; what Python flushes at its end must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _show(log: Path, lines: int, *, follow: bool) -> None:
    file = _opened(log)
    with file or nullcontext():
        for line in _last(log, file, lines):
            _say(line)
        if follow:
            with closing(followed(log, file)) as fresh:
                for line in fresh:
                    _say(line)


def _say(line: str) -> None:
    say(printable(line.rstrip("\n")))


def _opened(log: Path) -> TextIO | None:
    try:
        return log.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _last(log: Path, file: TextIO | None, count: int) -> deque[str]:
    """The last lines, from the rotated log too where the fresh one has not as many. Leaves `file` at its end."""
    last: deque[str] = deque(_lines(file) if file else (), maxlen=count)
    if len(last) < count and (older := _opened(log.with_name(log.name + ".1"))):
        with older:
            last.extendleft(reversed(deque(_lines(older), maxlen=count - len(last))))
    return last


def _lines(file: TextIO) -> Iterator[str]:
    return iter(lambda: file.readline(_LINE_LIMIT), "")


def followed(log: Path, file: TextIO | None) -> Generator[str, None, None]:
    """What is written from now on, without end. A rotated log is read to its end, then the fresh one from its start."""
    begun = ""  # a line that is not whole yet
    try:
        while True:
            rotated = file is None or _is_another(log, file)
            for part in _lines(file) if file else ():
                begun += part
                if begun.endswith("\n") or len(begun) >= _LINE_LIMIT:
                    yield begun
                    begun = ""
            if rotated and (fresh := _opened(log)):
                if file:
                    file.close()
                file = fresh
            else:
                time.sleep(_PAUSE)
    finally:
        if file:
            file.close()


def _is_another(log: Path, file: TextIO) -> bool:
    """Whether the log's name leads to another file than the open one."""
    try:
        return not os.path.samestat(log.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


LOGS = Command(name="logs", about="what the node agent said", arguments=_arguments, run=_run)
