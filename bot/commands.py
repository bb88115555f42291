"""The commands, in the order in which a person meets them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Command:
    name: str
    about: str  #: for the menu, and for /help
    example: str = ""  #: with what belongs behind it


COMMANDS: tuple[Command, ...] = (
    Command(name="start", about="what this is, and how things stand"),
    Command(name="connect", about="add a machine of yours"),
    Command(name="disconnect", about="take a machine out, or all of them", example="/disconnect laptop"),
    Command(name="worker", about="your machines"),
    Command(name="data", about="look at a table", example="/data ~/hayride/churn.csv"),
    Command(name="train", about="train a model", example="/train ~/hayride/churn.csv churned"),
    Command(name="predict", about="use a model", example="/predict ~/hayride/new.csv"),
    Command(name="jobs", about="what runs and what ran"),
    Command(name="models", about="your models: rename, delete, compare, export", example="/models compare OLD NEW"),
    Command(name="templates", about="forms that you keep under a name", example="/templates churn weekly"),
    Command(name="dashboard", about="look into your cluster"),
    Command(name="settings", about="language, notifications, your data"),
    Command(name="cancel", about="stop a job, or leave a form"),
    Command(name="help", about="all commands"),
)
