"""The console's rules, word for word as DESIGN.md has them: other programs drive it."""

from __future__ import annotations

import re
from pathlib import Path

from bot import results
from head.api import (
    EndReason,
    JobRefused,
    JobStatus,
    MachineState,
    PoolUnavailable,
    PredictSpec,
    Problem,
    ProblemCode,
    TrainSpec,
)
from head.clock import ManualClock
from tests.support.chats import PNG, Terminal, predicted, progress, terminal, trained, until
from tests.support.doors import settled
from tests.support.in_memory_head import InMemoryHead, Table


async def _start(chat: Terminal, line: str = "/train ~/churn.csv churned") -> str:
    """Fills in a form in one line and runs it."""
    printed = await chat.types(line)
    return printed + await chat.types("#1")


def _content(path: str) -> bytes:
    return Path(path).read_bytes()


async def test_one_line_trains_and_the_end_is_printed(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        form = await chat.types("/train ~/churn.csv churned model=random_forest max_depth=3 test=20% limit=2m")
        assert "7,043 rows, 4 columns" in form
        assert "Target: churned (2 classes: no 73 %, yes 27 %)" in form
        assert re.search(r"^\[1\] Run  \[2\] Data  .*\[7\] Cancel  \[8\] Save as template$", form, re.MULTILINE)
        card = await chat.types("#1")
        assert "[1] Cancel" in card
        spec = chat.job().spec
        assert isinstance(spec, TrainSpec)
        assert (spec.target, spec.parameters, getattr(spec.split, 'test_fraction', None), spec.time_limit) == (
            "churned", {"max_depth": 3}, 0.2, 120,
        )  # fmt: skip
        chat.head.job_files[chat.job().id, "roc.png"] = PNG
        chat.run_job()
        chat.head.finish(chat.job().id, trained())
        end = await chat.types("!")
        assert "Accuracy 0.861, simple guessing gets 0.735" in end
        (picture,) = [line for line in end.splitlines() if line.endswith("roc.png")]
        assert _content(picture) == PNG
        assert await chat.ends() == 0
        assert "Accuracy" not in chat.prints()  # told once


async def test_the_end_of_input_waits_for_its_jobs_and_tells_how_they_ended(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _start(chat)
        chat.lines.put_nowait(None)
        await settled()
        assert not chat.running.done()
        problem = Problem(code=ProblemCode.OUT_OF_MEMORY, message="The job needed 9 GB.")
        chat.head.set_job(
            chat.job().id, status=JobStatus.FAILED, end_reason=EndReason.OUT_OF_MEMORY, problem=problem,
            ended=chat.head.clock.now(),
        )  # fmt: skip
        assert await chat.running == 1
        assert "The job needed 9 GB." in chat.prints()


async def test_a_job_that_was_cancelled_is_no_failure_and_cancel_asks_the_machine(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _start(chat)
        chat.run_job()
        printed = await chat.types("#1")
        assert "Stopping" in printed
        assert chat.job().cancelling
        now = chat.head.clock.now()
        chat.head.set_job(chat.job().id, status=JobStatus.CANCELLED, end_reason=EndReason.CANCELLED, ended=now)
        assert await chat.ends() == 0
        assert "Cancelled, as you asked." in chat.prints()


async def test_what_ends_meanwhile_does_not_come_between_a_script_and_its_buttons(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _start(chat)
        chat.lines.put_nowait("/train ~/churn.csv plan")
        chat.head.finish(chat.job().id, trained())  # its last message has a button of its own
        for line in ("#1", "/help", None):
            chat.lines.put_nowait(line)
        await until(lambda: "/dashboard look into" in chat.out.getvalue())
        assert "Accuracy" not in chat.out.getvalue().partition("/start what")[0]
        assert chat.job().spec.model_dump()["data"]["kind"] == "path"
        assert len(await chat.head.jobs(chat.person_id)) == 2  # [1] was Run
        chat.head.finish(chat.job().id, trained("second123456"))
        assert await chat.running == 0
        assert chat.out.getvalue().count("Accuracy 0.861, ") == 2


async def test_two_taps_of_run_are_one_job(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/train ~/churn.csv churned")
        run = list(chat.door._buttons)
        await chat.types("#1")
        chat.door._buttons = run
        assert "run already" in await chat.types("#1")
        assert len(await chat.head.jobs(chat.person_id)) == 1


async def test_a_stale_button_says_so_and_shows_the_form_as_it_stands(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/train ~/churn.csv churned")
        old = list(chat.door._buttons)
        await chat.types("#3")
        await chat.types("plan")
        chat.door._buttons = old
        printed = await chat.types("#1")
        assert "had changed since" in printed
        assert "Target: plan" in printed
        assert await chat.head.jobs(chat.person_id) == []


async def test_a_bare_train_asks_for_the_data_then_offers_the_columns(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "Which file?" in await chat.types("/train")
        columns = await chat.types("~/churn.csv")
        assert "[1] Run  [2] churned  [3] age  [4] plan  [5] months" in columns
        assert "Target: churned (2 classes: no 73 %, yes 27 %)" in await chat.types("#2")
        await chat.types("#1")
        assert chat.job().spec.model_dump()["data"]["kind"] == "path"


async def test_of_many_columns_the_last_is_offered_first(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.files["~/wide.csv"] = Table(columns={f"c{n}": 2 for n in range(60)})
        printed = await chat.types("/train ~/wide.csv")
        assert "[1] Run  [2] c59  [3] c0" in printed
        assert "Type its name." in printed
        assert "Target: c40" in await chat.types("C40")


async def test_run_on_an_unfinished_form_asks_for_what_is_missing(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/train ~/churn.csv")
        assert "First the target, please." in await chat.types("#1")
        assert await chat.head.jobs(chat.person_id) == []


async def test_a_wrong_value_is_answered_at_its_field_and_the_good_ones_stay(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        printed = await chat.types("/train ~/churn.csv churnd model=random_forest")
        assert "There is no column churnd." in printed
        assert "Did you mean churned?" in printed
        assert "[2] churned" in printed
        printed = await chat.types("#2")
        assert "Model: Random forest" in printed
        assert "⚠️" not in printed
        assert "I know no model called magic" in await chat.types("/train ~/churn.csv churned model=magic")
        assert "test=2 cannot be used" in await chat.types("/train ~/churn.csv churned test=2")
        assert "no machine called moon" in await chat.types("/train ~/churn.csv churned on=moon")
        assert "does not do regression" in await chat.types("/train ~/churn.csv age model=logistic_regression")


async def test_a_missing_file_is_three_lines_and_run_looks_again(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        printed = await chat.types("/train ~/late.csv y")
        assert "There is no file ~/late.csv." in printed
        chat.head.files["~/late.csv"] = Table(columns={"x": 50, "y": 2})
        printed = await chat.types("#1")
        assert "100 rows" in printed
        assert await chat.head.jobs(chat.person_id) == []  # the facts are shown before anything runs
        await chat.types("#1")
        assert len(await chat.head.jobs(chat.person_id)) == 1


async def test_a_pool_that_does_not_answer_loses_no_input(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        table = chat.head.files["~/churn.csv"]
        chat.head.files["~/churn.csv"] = PoolUnavailable("The pool does not answer.", remedy="Try again in a minute.")
        printed = await chat.types("/train ~/churn.csv churned")
        assert "Try again in a minute." in printed
        chat.head.files["~/churn.csv"] = table
        assert "7,043 rows" in await chat.types("#1")


async def test_a_machine_that_is_away_is_waited_for_only_when_asked(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop", MachineState.UNREACHABLE)
        printed = await chat.types("/train ~/churn.csv churned")
        assert "laptop is away" in printed
        assert "[1] Run when laptop is back" in printed
        await chat.types("#1")
        assert chat.job().place == laptop.id


async def test_a_machine_that_goes_between_card_and_run_is_told_before_anything_starts(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/train ~/churn.csv churned")
        chat.head.set_machine(laptop.id, state=MachineState.UNREACHABLE)
        printed = await chat.types("#1")
        assert "[1] Run when laptop is back" in printed
        assert await chat.head.jobs(chat.person_id) == []
        chat.head.set_machine(laptop.id, state=MachineState.REVOKED)
        await chat.types("/train ~/churn.csv churned on=laptop")
        assert await chat.head.jobs(chat.person_id) == []


async def test_a_sent_file_is_meant_by_its_name_and_fills_what_is_asked(tmp_path: Path) -> None:
    sent = tmp_path / "my churn.csv"
    sent.write_text("a,b\n1,2\n")
    async with terminal(tmp_path / "files") as chat:
        chat.head.files["my churn.csv"] = chat.head.files["churn.csv"]
        assert "[1] Train on it  [2] Predict with it" in await chat.types(f"+{sent}")
        assert "Which column" in await chat.types("#1")
        await chat.types('/train "my churn.csv" churned')
        await chat.types("#1")
        assert chat.job().spec.model_dump()["data"]["kind"] == "upload"
        await chat.types("/train")
        assert "Which column" in await chat.types(f"+ {sent}")


async def test_a_file_that_cannot_be_sent_says_why(tmp_path: Path) -> None:
    big, empty = tmp_path / "big.csv", tmp_path / "empty.csv"
    with big.open("wb") as file:
        file.truncate(25 * 1024 * 1024)
    empty.touch()
    async with terminal(tmp_path / "files") as chat:
        assert "big.csv has 25 MB; this chat takes at most 20 MB." in await chat.types(f"+{big}")
        assert "empty.csv is empty." in await chat.types(f"+{empty}")
        assert "There is no file" in await chat.types(f"+{tmp_path}")
        assert "There is no file" in await chat.types("+/nowhere/x.csv")
        assert chat.head._uploads == []


async def test_predict_takes_the_newest_model_or_the_named_one(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "You have no model yet" in await chat.types("/predict ~/new.csv")
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        for id in ("first1234567", "second123456"):
            await _start(chat)
            chat.head.finish(chat.job().id, trained(id))
            await chat.types("!")
        for line, meant in [
            ("/predict ~/new.csv", "second123456"),
            ("/predict first1234567 ~/new.csv", "first1234567"),
            ("/predict ~/new.csv first1234567", "first1234567"),
            ("/predict churned-hist_gradient_boosting ~/new.csv", "second123456"),
        ]:
            await _start(chat, line)
            spec = chat.job().spec
            assert isinstance(spec, PredictSpec)
            assert (spec.model_id, chat.job().place) == (meant, laptop.id)
        chat.head.job_files[chat.job().id, "new.csv.predictions.csv"] = b"age,prediction\n41,no\n"
        for job in await chat.head.jobs(chat.person_id):
            if not job.status.ended:
                chat.head.finish(job.id, predicted())
        end = await chat.types("!")
        assert "no: 2, yes: 1" in end
        assert "no | 41" in end
        assert "/new.csv.predictions.csv" in end
        assert "You have no model called nothing" in await chat.types("/predict nothing ~/new.csv")


async def test_a_sent_file_is_not_predicted_on_a_machine_that_does_not_have_it(tmp_path: Path) -> None:
    sent = tmp_path / "churn.csv"
    sent.write_text("a,b\n1,2\n")
    async with terminal(tmp_path / "files") as chat:
        await chat.types(f"+{sent}")  # nobody has joined: it goes to the server
        chat.head.add_machine(chat.person_id, "laptop")
        await _start(chat)
        chat.head.finish(chat.job().id, trained())
        assert "another place than the one where this model lives" in await chat.types("/predict churn.csv")


async def test_another_command_sets_a_form_aside_and_free_text_does_not_reach_it(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/train ~/churn.csv")
        printed = await chat.types("/help")
        assert "I set your train form aside." in printed
        assert "I am not asking anything" in await chat.types("churned")
        await chat.types("/train ~/churn.csv")
        await chat.types("/jobs")
        assert (await chat.head.active_draft(chat.person_id, "console")) is None


async def test_a_form_that_was_set_aside_goes_on(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types("/train ~/churn.csv model=random_forest")
        await chat.types("/models_")  # no such command, so nothing is set aside
        await chat.types("/connect")
        printed = await chat.types("#1")
        assert "Model: Random forest" in printed
        assert "Target: churned" in await chat.types("churned")


async def test_cancel_leaves_the_form_and_then_offers_the_jobs(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _start(chat)
        await chat.types("/train ~/churn.csv")
        printed = await chat.types("/cancel")
        assert "The form is cancelled" in printed
        assert "[1] Stop churn.csv → churned" in printed
        await chat.types("#1")
        assert chat.job().cancelling


async def test_revoking_takes_a_second_tap_that_names_the_machine(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        laptop = chat.head.add_machine(chat.person_id, "laptop")
        assert "8 cores, 32 GB" in await chat.types("/worker")
        assert "[1] Yes, revoke laptop" in await chat.types("#4")
        assert chat.head._machines[laptop.id][1].state is MachineState.CONNECTED
        await chat.types("#1")
        assert chat.head._machines[laptop.id][1].state is MachineState.REVOKED


async def test_where_joining_is_off_connect_and_worker_say_so(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.joining_enabled = False
        for line in ("/connect", "/worker"):
            printed = await chat.types(line)
            assert "switched off on this server" in printed
            assert "token" not in printed


async def test_the_join_command_is_whole_and_followed_until_the_machine_is_there(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        printed = await chat.types("/connect")
        assert "curl -fsSL 'https://hayride.example.org/worker' | python3 - --token=" + "t" * 43 + "\n" in printed
        laptop = chat.head.add_machine(chat.person_id, "laptop", MachineState.NEVER)
        chat.head.redeem(chat.head.offers[-1], laptop.id)
        await until(lambda: "laptop used the command. Installing" in chat.out.getvalue())
        chat.head.set_machine(laptop.id, state=MachineState.UNREACHABLE)
        await until(lambda: "laptop used the command. Connecting" in chat.out.getvalue())
        chat.head.set_machine(laptop.id, state=MachineState.CONNECTED)
        await until(lambda: "laptop joined: 8 cores, 32 GB." in chat.out.getvalue())
        assert "[1] Run a test job  [2] Train a model  [3] My machines" in chat.out.getvalue()
        chat.head.set_machine(laptop.id, state=MachineState.UNREACHABLE)
        await settled()
        assert chat.out.getvalue().count("Connecting") == 1


async def test_a_join_command_that_nobody_used_expires_aloud(tmp_path: Path) -> None:
    clock = ManualClock()
    async with terminal(tmp_path, clock) as chat:
        await chat.types("/connect")
        await settled()
        clock.advance(302)
        await until(lambda: "This command has expired" in chat.out.getvalue())


async def test_progress_is_sparse_and_the_end_is_always_told(tmp_path: Path) -> None:
    clock = ManualClock()
    async with terminal(tmp_path, clock) as chat:
        await _start(chat)
        chat.run_job()
        for fold in range(40):
            chat.head.set_job(chat.job().id, progress=progress(f"fold {fold} of 40", fold / 40, n=fold + 2))
            await settled()
            clock.advance(0.5)
        await settled()
        printed = chat.prints()
        assert 2 <= len([line for line in printed.splitlines() if line.startswith("…")]) <= 5
        chat.head.finish(chat.job().id, trained())
        await until(lambda: "Accuracy 0.861" in chat.out.getvalue())


async def test_a_search_that_is_dealt_out_says_to_whom(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _start(chat)
        chat.head.set_job(chat.job().id, status=JobStatus.DISPATCHED, comparing_on=("laptop", "desk"))
        await until(lambda: "is compared on laptop, desk" in chat.out.getvalue())
        card = results.card(chat.job(), chat.head.clock.now())
        assert "laptop, desk have this table: each compares a share of the models first." in card.text


async def test_after_a_restart_cards_go_on_and_an_end_that_was_not_told_is_told_once(tmp_path: Path) -> None:
    head: InMemoryHead
    async with terminal(tmp_path) as chat:
        head = chat.head
        await _start(chat)
        await chat.types("/train ~/churn.csv")  # a form that waits for its target
    head.finish(chat.job().id, trained())  # nobody listens
    async with terminal(tmp_path, head=head) as chat:
        await until(lambda: "Accuracy 0.861" in chat.out.getvalue())
        chat.prints()
        assert "Target: churned" in await chat.types("churned")
    async with terminal(tmp_path, head=head) as chat:
        await chat.types("/start")
        assert "Accuracy" not in chat.prints()


async def test_what_takes_long_is_said_after_a_second(tmp_path: Path) -> None:
    clock = ManualClock()

    class SlowHead(InMemoryHead):
        async def inspect(self, *arguments: object) -> object:  # type: ignore[override]
            await self.clock.sleep(12)
            raise JobRefused("Too late.")

    async with terminal(tmp_path, clock, SlowHead(clock=clock)) as chat:
        chat.lines.put_nowait("/train ~/churn.csv churned")
        await settled()
        assert chat.prints() == ""
        clock.advance(1)
        await settled()
        assert "Looking at ~/churn.csv" in chat.prints()
        clock.advance(11)
        await until(lambda: "Too late." in chat.out.getvalue())


async def test_buttons_that_are_not_there_and_lines_that_mean_nothing(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "There are no buttons just now." in await chat.types("#1")
        assert await chat.types("") == ""
        assert "I do not know /dance" in await chat.types("/dance")
        await chat.types("/start")
        assert "No button has the number 99" in await chat.types("#99")
        assert "You have no such job" in await chat.types("job_abcd1234")
        await _start(chat)
        assert "churn.csv" in await chat.types(f"/start job_{chat.job().id}")
