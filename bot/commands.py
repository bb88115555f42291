"""The commands, in the order in which a person meets them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.language import N_


@dataclass(frozen=True, kw_only=True)
class Command:
    name: str
    about: str  #: for the menu, and for /help
    example: str = ""  #: with what belongs behind it


COMMANDS: tuple[Command, ...] = (
    Command(name="start", about=N_("what this is, and how things stand")),
    Command(name="connect", about=N_("add a machine of yours")),
    Command(
        name="disconnect",
        about=N_("take a machine out, or all of them"),
        example="/disconnect laptop",
    ),
    Command(name="worker", about=N_("your machines")),
    Command(name="data", about=N_("look at a table"), example="/data ~/hayride/churn.csv"),
    Command(name="train", about=N_("train a model"), example="/train ~/hayride/churn.csv churned"),
    Command(name="predict", about=N_("use a model"), example="/predict ~/hayride/new.csv"),
    Command(name="jobs", about=N_("what runs and what ran"), example="/jobs running"),
    Command(
        name="models",
        about=N_("your models: rename, delete, compare, export"),
        example="/models compare OLD NEW",
    ),
    Command(
        name="templates",
        about=N_("forms that you keep under a name"),
        example="/templates churn weekly",
    ),
    Command(name="dashboard", about=N_("look into your cluster")),
    Command(name="settings", about=N_("language, notifications, your data")),
    Command(name="cancel", about=N_("stop a job, or leave a form")),
    Command(name="help", about=N_("all commands")),
)

#: In the menus of admins' chats, and unknown to everybody else.
ADMIN_COMMANDS: tuple[Command, ...] = (
    Command(name="users", about=N_("who may use this server")),
    Command(name="pools", about=N_("everybody's clusters")),
    Command(name="allow_here", about=N_("answer in this group")),
    Command(name="forbid_here", about=N_("answer no more in this group")),
)

#: Which commands make sense where others read along.
GROUP_COMMANDS: tuple[Command, ...] = tuple(
    it for it in COMMANDS if it.name not in {"connect", "dashboard", "settings"}
)
