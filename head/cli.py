"""The command `hayride`: up, demo, doctor."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import logging.handlers
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from head.errors import HayrideError
from head.settings import Settings


def main(argv: list[str] | None = None) -> int:
    """Runs one subcommand; returns the exit code. A HayrideError is one clear line on standard error and code 2."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.run(options)
    except HayrideError as error:
        print(f"hayride: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hayride", description="Train and use models on your own machines, from a chat."
    )
    parser.add_argument("--version", action="version", version=f"hayride {version('hayride')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start the service: Telegram if a token is set, else the chat in the terminal")
    up.add_argument(
        "--console", action="store_true", help="open the chat in the terminal even if a Telegram token is set"
    )
    up.set_defaults(run=_up)

    demo = commands.add_parser("demo", help="the main job end to end on this machine; stops everything it started")
    demo.add_argument("--data", type=Path, metavar="FILE", help="a CSV or Parquet file of your own")
    demo.add_argument("--target", metavar="COLUMN", help="the column to predict in it")
    demo.add_argument("--model", default="hist_gradient_boosting", metavar="NAME", help="default: %(default)s")
    demo.add_argument("--budget", type=_seconds, default=120, metavar="SECONDS", help="for --model auto; default: 120")
    demo.add_argument("--no-machine", action="store_true", help="join nobody, so that the head node runs the jobs")
    demo.add_argument("--output", type=Path, default=Path("hayride-demo"), metavar="FOLDER")
    demo.add_argument("--json", action="store_true", help="print one JSON object last")
    demo.set_defaults(run=_demo)

    doctor = commands.add_parser("doctor", help="what this server has, lacks, and how to mend it")
    doctor.add_argument("--json", action="store_true", help="print one JSON array")
    doctor.set_defaults(run=_doctor)
    return parser


def _seconds(text: str) -> int:
    """What `auto` may take: 5 seconds to a day. argparse tells the person what this raises."""
    if not text.isdigit() or not 5 <= int(text) <= 86400:
        raise argparse.ArgumentTypeError("a whole number of seconds from 5 to 86400, like 120")
    return int(text)


def _up(options: argparse.Namespace) -> int:
    from head.up import up

    settings = Settings.load()
    _log_to(settings.data_dir / "logs" / "hayride.log")
    return asyncio.run(up(settings, console=options.console))


def _demo(options: argparse.Namespace) -> int:
    from head.demo import DemoOptions, demo

    settings = Settings.load()
    folder = settings.data_dir / "demo"
    _log_to(folder / "demo.log")
    wishes = DemoOptions(
        data=options.data.resolve() if options.data else None,
        target=options.target,
        model=options.model,
        budget=options.budget,
        machine=not options.no_machine,
        output=options.output.resolve(),
    )
    try:
        report = asyncio.run(demo(settings, wishes, lambda line: print(line, flush=True)))  # noqa: T201
    except HayrideError as error:
        if options.json:
            failed = {"ok": False, "error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
            print(json.dumps(failed))  # noqa: T201
        raise
    if options.json:
        print(json.dumps(report.to_json()))  # noqa: T201
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from head.doctor import examine

    findings = asyncio.run(examine(Settings.load()))
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))  # noqa: T201
    else:
        for finding in findings:
            print(f"{'ok ' if finding.ok else 'BAD'} {finding.name}: {finding.detail}")  # noqa: T201
            if finding.remedy and (not finding.ok or finding.name == "telegram"):
                print(f"    {finding.remedy}")  # noqa: T201
    return 0 if all(finding.ok for finding in findings) else 1


def _log_to(path: Path) -> None:
    """The log is a file: the terminal belongs to the chat. Libraries that log URLs with secrets are turned down."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=3, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in ("httpx", "httpcore", "asyncssh"):  # httpx logs the URL, which holds the bot token, at INFO
        logging.getLogger(name).setLevel(logging.WARNING)
