"""One message does it all: train, then predict with the fresh model."""

from __future__ import annotations

from pathlib import Path

import pytest

from head.api import EndReason, JobStatus, PredictSpec, TrainSpec
from tests.support.chats import predicted, terminal, trained, until

LINE = "/train ~/churn.csv churned then predict ~/new.csv"


async def test_one_message_trains_and_predicts(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        form = await chat.types(LINE)
        assert "Target: churned (2 classes: no 73 %, yes 27 %)" in form
        assert "Then predicts: ~/new.csv" in form
        await chat.types("#1")
        training = chat.job()
        assert isinstance(training.spec, TrainSpec)
        assert training.then == "~/new.csv"
        chat.run_job()
        chat.head.finish(training.id, trained())
        following = chat.job()
        await until(lambda: ("console", f"job:{following.id}") in chat.head._cards)
        end = chat.prints()
        assert isinstance(following.spec, PredictSpec)
        assert following.spec.model_id == "model1234567"
        assert end.index("Accuracy") < end.index(f"job_{following.id}")
        for _ in range(2):  # looked at again, as after a restart
            await chat.bot.cards.follow(chat.person_id, training.id)
        assert f"job_{following.id}" not in chat.prints()
        chat.run_job()
        chat.head.finish(following.id, predicted())
        assert "3 rows" in await chat.types("!")


@pytest.mark.parametrize("reason", [EndReason.CRASHED, EndReason.CANCELLED])
async def test_where_the_training_fails_the_person_hears_that_nothing_was_predicted(
    tmp_path: Path, reason: EndReason
) -> None:
    async with terminal(tmp_path) as chat:
        await chat.types(LINE)
        await chat.types("#1")
        job = chat.run_job()
        status = JobStatus.FAILED if reason is EndReason.CRASHED else JobStatus.CANCELLED
        chat.head.set_job(job.id, status=status, end_reason=reason, ended=chat.head.clock.now())
        await until(lambda: ("console", f"end:{job.id}") in chat.head._cards)
        assert "The prediction on ~/new.csv was not begun." in chat.prints()
        assert len(await chat.head.jobs(chat.person_id)) == 1


async def test_a_file_that_is_not_there_is_told_before_the_training(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        form = await chat.types("/train ~/churn.csv churned then predict ~/nothing.csv")
        assert "There is no file ~/nothing.csv." in form
        form = await chat.types("then=~/new.csv")
        assert "Then predicts: ~/new.csv" in form
        assert "There is no file" not in form


async def test_the_target_may_be_asked_for(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        form = await chat.types("/train ~/churn.csv then predict ~/new.csv")
        assert "Then predicts: ~/new.csv" in form
        assert "Which column" in form


async def test_words_of_a_target_that_only_look_like_it_stay_a_target(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "There is no column then what." in await chat.types("/train ~/churn.csv then what")
