"""The pictures of docs/chat.md: a phone, with what the real screens say through the real python-telegram-bot.

`python -m tests.support.chat_pictures` draws them anew. A picture is an SVG that holds HTML, so that any browser draws
it, and so that a test can tell whether it is still true.
"""

from __future__ import annotations

import asyncio
import html
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from head.api import Candidate, JobStatus, Progress
from tests.fakes.telegram import Shown
from tests.support.chats import predicted, trained, until
from tests.support.telegram_world import World, telegram_world

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH, HEIGHT = 390, 640
#: What differs from one run to the next.
_SAME = (
    (re.compile(r"\bjob_[0-9a-f]{10}\b"), "job_ab12cd34ef"),
    (re.compile(r"\d+(?:\.\d+)? (?:ms|s) so far"), "48 s so far"),
)
_STYLE = """
.phone{box-sizing:border-box;width:390px;height:640px;padding:14px;display:flex;flex-direction:column;
justify-content:flex-end;gap:8px;overflow:hidden;border-radius:28px;background:#c9dbe8;color:#111;
font:15px/1.35 system-ui,'Noto Sans',Roboto,'Segoe UI',sans-serif}
.phone div.in,.phone div.out{flex:none;padding:8px 12px;border-radius:16px;white-space:pre-wrap;overflow-wrap:anywhere}
.in{align-self:flex-start;max-width:330px;background:#fff}.out{align-self:flex-end;max-width:300px;background:#e3fecb}
.keys{flex:none;display:flex;gap:4px;width:340px;margin-top:-4px}
.keys span{flex:1;padding:7px 2px;border-radius:10px;background:#7f9db3;color:#fff;font-size:13px;text-align:center;
white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.phone code{font:13px ui-monospace,'Noto Sans Mono',monospace}
"""


async def drawn() -> dict[str, str]:
    """The pictures by their names."""
    pictures = {}
    for name, play in _PLAYS.items():
        async with _home() as world:
            said = await play(world)
            pictures[name] = _svg(said)
    return pictures


@asynccontextmanager
async def _home() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        async with telegram_world(Path(folder)) as world, world.serving():
            world.head.add_machine(await world.boss_id(), "laptop")
            yield world


async def _form(world: World) -> list[str]:
    line = "/train ~/churn.csv churned"
    world.boss.says(line)
    form = await world.boss.sees("7,043 rows")
    return [_typed(line), _bubble(form)]


async def _running(world: World) -> list[str]:
    card = await world.trains()
    job = world.job()
    board = tuple(
        Candidate(name=name, model=model, loss=loss)
        for name, model, loss in (
            ("CatBoost", "catboost", 0.301), ("LightGBM", "lightgbm", 0.309), ("Logistic regression", "logistic", 0.334)
        )
    )  # fmt: skip
    told = Progress(n=2, at=0.0, step="comparing, fold 3 of 5", fraction=0.6, leaderboard=board)
    world.head.set_job(job.id, status=JobStatus.RUNNING, started=job.created, progress=told)
    await until(lambda: "fold 3 of 5" in card.text)
    return [_typed("/train ~/churn.csv churned"), _bubble(card)]


async def _used(world: World) -> list[str]:
    await world.trains()
    world.head.finish(world.job().id, trained())
    end = await world.boss.sees("simple guessing gets")
    line = "/predict age=41 plan=pro months=3"
    world.boss.says(line)
    form = await world.boss.sees("Predict with a model")
    world.boss.presses(form, "Run")
    await until(lambda: "Predict:" in form.text)
    world.head.finish(world.job().id, predicted().model_copy(update={"rows": 1, "counts": {"no": 1}}))
    answer = await world.boss.sees("1 row predicted")
    return [_bubble(end), _typed(line), _bubble(answer)]


_PLAYS: dict[str, Callable[[World], Awaitable[list[str]]]] = {"form": _form, "running": _running, "used": _used}


def _typed(line: str) -> str:
    return f'<div class="out">{html.escape(line)}</div>'


def _bubble(shown: Shown) -> str:
    text = shown.html
    for pattern, instead in _SAME:
        text = pattern.sub(instead, text)
    keys = "".join(
        '<div class="keys">' + "".join(f"<span>{html.escape(button['text'])}</span>" for button in row) + "</div>"
        for row in shown.rows
    )
    return f'<div class="in">{text}</div>{keys}'


def _svg(said: list[str]) -> str:
    body = "\n".join(said)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">\n'
        f'<foreignObject width="{WIDTH}" height="{HEIGHT}">\n'
        f'<div xmlns="http://www.w3.org/1999/xhtml"><style>{_STYLE}</style>\n'
        f'<div class="phone">\n{body}\n</div></div>\n'
        "</foreignObject>\n</svg>\n"
    )


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, picture in asyncio.run(drawn()).items():
        (FOLDER / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    write()
