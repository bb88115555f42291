"""The commands, in the order in which a person meets them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Command:
    name: str
    about: str  #: for the menu, and for /help
    pt: str  #: the same in Portuguese
    example: str = ""  #: with what belongs behind it


COMMANDS: tuple[Command, ...] = (
    Command(name="start", about="what this is, and how things stand", pt="o que é isto, e como estão as coisas"),
    Command(name="connect", about="add a machine of yours", pt="adicionar uma máquina sua"),
    Command(
        name="disconnect",
        about="take a machine out, or all of them",
        pt="retirar uma máquina, ou todas",
        example="/disconnect laptop",
    ),
    Command(name="worker", about="your machines", pt="as suas máquinas"),
    Command(name="data", about="look at a table", pt="ver uma tabela", example="/data ~/hayride/churn.csv"),
    Command(name="train", about="train a model", pt="treinar um modelo", example="/train ~/hayride/churn.csv churned"),
    Command(name="predict", about="use a model", pt="usar um modelo", example="/predict ~/hayride/new.csv"),
    Command(name="jobs", about="what runs and what ran", pt="o que corre e o que correu"),
    Command(
        name="models",
        about="your models: rename, delete, compare, export",
        pt="os seus modelos: renomear, apagar, comparar, exportar",
        example="/models compare OLD NEW",
    ),
    Command(
        name="templates",
        about="forms that you keep under a name",
        pt="formulários guardados com um nome",
        example="/templates churn weekly",
    ),
    Command(name="dashboard", about="look into your cluster", pt="ver o seu cluster por dentro"),
    Command(name="settings", about="language, notifications, your data", pt="idioma, avisos, os seus dados"),
    Command(name="cancel", about="stop a job, or leave a form", pt="parar um trabalho, ou sair de um formulário"),
    Command(name="help", about="all commands", pt="todos os comandos"),
)

#: In the menus of admins' chats, and unknown to everybody else.
ADMIN_COMMANDS: tuple[Command, ...] = (
    Command(name="users", about="who may use this server", pt="quem pode usar este servidor"),
    Command(name="pools", about="everybody's clusters", pt="os clusters de todos"),
    Command(name="allow_here", about="answer in this group", pt="responder neste grupo"),
    Command(name="forbid_here", about="answer no more in this group", pt="não responder mais neste grupo"),
)

#: Which commands make sense where others read along.
GROUP_COMMANDS: tuple[Command, ...] = tuple(
    it for it in COMMANDS if it.name not in {"connect", "dashboard", "settings"}
)
