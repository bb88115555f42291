"""Everybody reads their own language: as their Telegram speaks, or as they chose, also of what is told unasked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands import COMMANDS
from head.api import JobStatus
from tests.support.chats import progress, trained, until
from tests.support.telegram_world import World, telegram_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with telegram_world(tmp_path) as made:
        yield made


async def test_a_request_is_told_in_the_admins_language_and_answered_in_the_askers(world: World) -> None:
    eva = world.telegram.person(7, "Eva")
    eva.language = "pt-PT"
    async with world.serving():
        world.boss.says("/start")
        await world.boss.sees("Train and use models")
        eva.says("/start")
        greeting = await eva.sees("Um administrador pode deixar você entrar")
        eva.presses(greeting, "Pedir acesso")
        question = await world.boss.sees("Eva asks to use this server.")
        world.boss.presses(question, "Allow")
        welcome = await eva.sees("Você entrou. Boas-vindas!")
        assert welcome.labels == ["Começar"]
        await until(lambda: question.text == "Eva may use this server.")
    assert world.telegram.refusals == []


async def test_what_comes_after_a_restart_comes_in_the_readers_language(world: World) -> None:
    world.boss.language = "pt-BR"
    async with world.serving():
        world.head.add_machine(await world.boss_id(), "laptop")
        world.boss.says("/train ~/churn.csv churned")
        card = await world.boss.sees("7.043 linhas")
        world.boss.presses(card, "Iniciar")
        await until(lambda: "Treinar:" in card.text)
        job = world.job()
    async with world.serving():
        world.head.set_job(job.id, status=JobStatus.RUNNING, started=job.created, progress=progress("fold 3 of 5", 0.6))
        await until(lambda: "parte 3 de 5" in card.text)
        world.head.finish(job.id, trained())
        end = await world.boss.sees("Acurácia 0,861")
        assert end.labels == ["Prever", "Comparar", "Detalhes", "Ficha do modelo", "De novo…"]
    assert world.telegram.refusals == []


async def test_the_language_that_was_chosen_goes_before_telegrams(world: World) -> None:
    world.boss.language = "pt"
    async with world.serving():
        world.boss.says("/settings")
        settings = await world.boss.sees("Idioma: Automático")
        world.boss.presses(settings, "English")
        await until(lambda: "Language: English" in settings.text)
        world.boss.says("/jobs")
        await world.boss.sees("No jobs yet.")
        world.boss.presses(settings, "✓ English")
    assert world.telegram.refusals == []


async def test_the_menu_comes_in_both_languages(world: World) -> None:
    async with world.serving():
        await until(lambda: ("default", "pt") in world.telegram.menus)
        for language, about in (("", "train a model"), ("pt", "treinar um modelo")):
            menu = {it["command"]: it["description"] for it in world.telegram.menus["default", language]}
            assert list(menu) == [command.name for command in COMMANDS]
            assert menu["train"] == about
