"""The whole story of a person and a machine, on Telegram and in the terminal; on Telegram the service is killed between
any two steps of it, and nobody sees that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
import pytest

from ray_jobs.spec import Completed, PredictResult, Progress, Result, TrainResult
from tests.acceptance.test_main_job import LONG
from tests.support.hosts import TestHost
from tests.support.phones import BOSS, Phone, PhoneWorld
from tests.support.tables import Tables, write_tables
from tests.support.world import COMMAND, LATE, SOON, Spoken, World, until


class Hand(Protocol):
    """What a person does at either door."""

    def says(self, text: str) -> None: ...
    def presses(self, label: str) -> None: ...
    def sees(self, pattern: str, *, within: float = SOON) -> re.Match[str]: ...


@dataclass(kw_only=True)
class Typist:
    """At the terminal."""

    chat: Spoken
    _said: int = 0  # how much was printed before the last line that was typed

    def says(self, text: str) -> None:
        self._said = len(self.chat.text)
        self.chat.say(text)

    def presses(self, label: str) -> None:
        """The newest button whose label begins so, since the last line that was typed."""
        button = re.compile(rf"\[(\d+)\] {re.escape(label)}")
        until(lambda: button.search(self.chat.text, self._said) is not None, f"a button {label}")
        self.says("#" + button.findall(self.chat.text, self._said)[-1])

    def sees(self, pattern: str, *, within: float = SOON) -> re.Match[str]:
        """The first match since the last line that was typed."""
        seen = re.compile(pattern, re.MULTILINE)
        found: list[re.Match[str]] = []

        def look() -> bool:
            found[:] = [match] if (match := seen.search(self.chat.text, self._said)) else []
            return bool(found)

        try:
            until(look, pattern, within=within)
        except AssertionError as error:
            raise AssertionError(f"{error}, but:\n{self.chat.text[self._said :]}") from None
        return found[0]


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return write_tables(tmp_path / "allowed")


def test_in_the_terminal(tmp_path: Path, tables: Tables, environments: Path) -> None:
    with World(tmp_path, environments) as world:
        hand, laptop = Typist(chat=world.chat), world.site.machine("laptop")
        prompt = tell_of_work(hand, world, laptop, tables, between=lambda: None)
        tell_of_what_stands_below_a_job(hand, world, tables)
        tell_of_settings(hand, world, tables)
        tell_of_a_neural_network(hand, world, laptop, prompt, tables)
        tell_of_leaving(hand, world, prompt, tables, between=lambda: None)


@pytest.mark.timeout(1200)  # some 25 restarts
def test_on_telegram_with_the_service_killed_between_any_two_steps(
    tmp_path: Path, tables: Tables, environments: Path
) -> None:
    with PhoneWorld(tmp_path, environments) as world:
        laptop = world.site.machine("laptop")
        boss, ann = world.phone(BOSS, "Boss"), world.phone(7, "Ann")
        boss.says("/start")
        boss.sees("Train and use models")
        world.restart()
        ann.says("/start")
        ann.sees("An admin can let you in")
        world.restart()
        ann.presses("Request access")
        boss.sees("Ann asks to use this server")
        world.restart()
        boss.presses("Allow")
        ann.sees("You are in")

        def between() -> None:
            before = told(ann)
            world.restart()
            if (world.state_folder(laptop) / "machine.json").exists():
                until(lambda: world.status(laptop)["state"] == "joined", "the laptop is back", within=LATE)
            assert told(ann)[: len(before)] == before

        prompt = tell_of_work(ann, world, laptop, tables, between=between)
        tell_of_leaving(ann, world, prompt, tables, between=between)
        # A process that has just begun does not know how a card stands, and may draw it as it is.
        assert [why for _, why in world.telegram.refusals if "message is not modified" not in why] == []


def tell_of_work(hand: Hand, world: World, laptop: TestHost, tables: Tables, *, between: Callable[[], None]) -> Spoken:
    """Connect, join, test job, browse, train with auto, watch, predict, template, compare; the machine's prompt."""
    hand.says("/connect")
    command = hand.sees(COMMAND)
    between()
    prompt = world.paste(command, laptop, allow=tables.folder)
    prompt.expect("laptop joined", within=LATE)
    hand.sees("laptop.*joined", within=LATE)
    between()
    hand.presses("Run a test job")
    hand.sees("breast-cancer.csv → diagnosis: Accuracy", within=LATE)
    between()

    hand.says("/train")
    hand.sees("Which file")
    between()
    hand.presses("Browse files")
    hand.sees(r"cancer\.csv", within=LATE)
    between()
    hand.presses("📄 cancer.csv")
    hand.sees("Which column should the model learn", within=LATE)
    between()
    hand.presses("diagnosis")
    hand.sees(r"449 rows")
    between()
    hand.presses("Settings")
    hand.sees("Which settings")
    between()
    hand.says("budget=15")
    hand.sees("15 s to compare")
    between()
    hand.presses("Run")
    hand.sees(r"job_\w+")
    between()
    hand.sees(r"Accuracy [\s\S]*compared", within=LATE)
    between()

    hand.presses("Predict")
    hand.sees("Which file")
    between()
    hand.says(str(tables.new))
    hand.sees("120 rows", within=LATE)
    between()
    hand.presses("Run")
    hand.sees("120 rows predicted", within=LATE)
    between()

    hand.says(f"/train {tables.train} diagnosis model=logistic_regression name=straight")
    hand.sees("449 rows", within=LATE)
    between()
    hand.presses("Save as template")
    hand.sees("Under which name")
    between()
    hand.says("weekly")
    hand.sees("weekly")
    between()
    hand.says("/templates weekly")
    hand.sees("449 rows", within=LATE)
    between()
    hand.presses("Run")
    hand.sees("straight v1", within=LATE)
    between()
    hand.presses("Compare")
    hand.sees("Compare with which")
    between()
    hand.presses("diagnosis-auto")
    hand.sees(r"straight[\s\S]*Learned from")
    between()

    return prompt


def tell_of_what_stands_below_a_job(hand: Hand, world: World, tables: Tables) -> None:
    """Typed rows, details, a network's losses, a job that was stopped tried again, its form, a model's card."""
    hand.says('/predict straight "mean radius"=17.99 "worst area"=2019')
    hand.sees("columns that you did not type")
    hand.presses("Run")
    hand.sees(r"1 row predicted[\s\S]*malignant", within=LATE)
    hand.presses("Details")
    hand.sees(r"As typed: /predict \w+ limit=5m .mean radius.=17\.99")

    hand.says(f"/train {tables.train} diagnosis model=mlp max_iter=10000 n_iter_no_change=10000 batch_size=1 limit=3m")
    hand.presses("Run")
    job = hand.sees(r"job_(\w+)").group(1)
    until(lambda: epochs_told(world, job) > 3, "epochs are told", within=LATE)
    hand.says(f"job_{job}")
    hand.presses("Loss curve")
    hand.sees(r"losses\.png", within=LATE)
    hand.says(f"/cancel job_{job}")
    hand.sees("cancelled", within=LATE)
    hand.presses("Retry")
    tried = hand.sees(r"job_(\w+)").group(1)
    assert tried != job
    until(lambda: len(world.events(tried)) > 2, "it runs once more", within=LATE)
    hand.says(f"/cancel job_{tried}")
    hand.sees("cancelled", within=LATE)
    hand.presses("Again…")
    hand.sees(r"Multi-layer perceptron[\s\S]*max_iter=10000")
    hand.presses("Cancel")

    hand.says("/jobs done")
    hand.presses("✅ cancer.csv → diagnosis")
    hand.sees("It ran on laptop")
    hand.presses("Model card")
    hand.sees(r"card\.html is written", within=LATE)


def tell_of_settings(hand: Hand, world: World, tables: Tables) -> None:
    """A workbook's sheet, a test file, parameters as JSON; a prediction in another format, with reasons; a table that
    is looked at and trained on; a job on the Ray dashboard.
    """
    book, test = tables.folder / "book.xlsx", tables.folder / "test.csv"
    with pd.ExcelWriter(book) as writer:
        pd.DataFrame({"note": ["nothing to learn from"]}).to_excel(writer, sheet_name="notes", index=False)
        pd.read_csv(tables.train).to_excel(writer, sheet_name="rows", index=False)
    pd.read_csv(tables.new).assign(diagnosis=tables.answers).to_csv(test, index=False)
    hand.says(f"/train {book} diagnosis sheet=rows model=decision_tree split=file:{test}")
    hand.sees(r"449 rows[\s\S]*sheet rows, checked on")
    hand.presses("Settings")
    hand.sees("max_depth=none")
    hand.says('{"max_depth": 3}')
    hand.sees("max_depth=3")
    hand.presses("Run")
    job = hand.sees(r"job_(\w+)").group(1)
    hand.sees("decision_tree v1", within=LATE)
    trained = completed(world, job)
    assert isinstance(trained, TrainResult)
    assert (trained.rows_train, trained.rows_test) == (449, 120)
    hand.says(f"/predict {tables.new} output=xlsx reasons=2 threshold=60%")
    hand.presses("Run")
    job = hand.sees(r"job_(\w+)").group(1)
    hand.sees("120 rows predicted", within=LATE)
    predicted = completed(world, job)
    assert isinstance(predicted, PredictResult)
    sheet = pd.read_excel(predicted.path, engine="calamine")
    assert len(sheet) == 120
    assert {"prediction", "reason_1", "reason_2"} <= set(sheet)
    hand.says(f"job_{job}")
    hand.sees("output=xlsx reasons=2 threshold=0.6")
    hand.presses("Dashboard")
    hand.sees(r"/dashboard-link/\S+\?task=[0-9a-f]+\.[0-9a-f]+")

    hand.says(f"/data {tables.train} diagnosis")
    hand.sees("449 rows", within=LATE)
    hand.presses("Train on this")
    hand.sees(r"Target: diagnosis[\s\S]*Model: Automatic")
    hand.presses("Cancel")


def completed(world: World, job: str) -> Result:
    end = world.events(job)[-1]
    assert isinstance(end, Completed)
    return end.result


def tell_of_a_neural_network(hand: Hand, world: World, laptop: TestHost, prompt: Spoken, tables: Tables) -> None:
    """A machine has no TensorFlow until its owner wants it."""
    hand.says(f"/train {tables.train} diagnosis model=keras")
    hand.presses("Settings")
    hand.says('{"layers": [{"units": 16, "dropout": 0.1}, {"units": 8}], "epochs": 2}')
    hand.presses("Run")
    hand.sees(r"need TensorFlow[\s\S]*hayride-node neural on", within=LATE)
    told = world.node(laptop, "neural", "on")
    assert told.returncode == 0, told.stdout
    prompt.expect("its box is started anew", within=LATE)
    prompt.expect(r"Connected\.", within=LATE)
    until(lambda: world.status(laptop)["state"] == "joined", "the laptop is back", within=LATE)
    hand.presses("Retry")
    hand.sees(r"Neural network[\s\S]*Accuracy", within=LATE)
    assert world.node(laptop, "neural", "off").returncode == 0
    prompt.expect("its box is started anew", within=LATE)
    prompt.expect(r"Connected\.", within=LATE)
    until(lambda: world.status(laptop)["state"] == "joined", "the laptop is back once more", within=LATE)


def tell_of_leaving(hand: Hand, world: World, prompt: Spoken, tables: Tables, *, between: Callable[[], None]) -> None:
    """Drain, stay after all, revoke."""
    hand.says(f"/train {tables.train} diagnosis {LONG}")
    hand.sees("449 rows", within=LATE)
    hand.presses("Run")
    job = hand.sees(r"job_(\w+)").group(1)
    until(lambda: len(world.events(job)) > 2, "it runs", within=LATE)
    hand.says("/worker")
    hand.sees("laptop connected")
    between()
    hand.presses("Drain")
    hand.sees("Drain laptop")
    between()
    hand.presses("Yes, drain laptop")
    hand.sees("Draining")
    between()
    hand.presses("Resume")
    hand.sees("laptop connected")
    between()
    hand.presses("Revoke laptop")
    hand.sees("Revoke laptop")
    between()
    hand.presses("Yes, revoke laptop")
    hand.sees("laptop is cut off")
    prompt.expect("removed from its pool", within=LATE)


def epochs_told(world: World, job: str) -> int:
    return sum(isinstance(event, Progress) and event.step.startswith("epoch") for event in world.events(job))


def told(phone: Phone) -> list[str]:
    """All that stands in a chat, but for the cards of jobs, which go on by themselves."""
    return [shown.text for shown in phone.messages() if "job_" not in shown.text]
