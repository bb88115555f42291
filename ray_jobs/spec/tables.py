"""A table as a person would describe it: the few facts before Run, and the whole profile."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ray_jobs.spec.base import Frozen, Name, PathText, Seconds, Task, Text, Whole, most

#: `code`: whole numbers that name things (a postcode). `identifier`: as good as unique, of no use to a model.
Kind = Literal["number", "code", "boolean", "category", "date", "text", "identifier", "constant"]

Warnings = Annotated[tuple[Text, ...], most(20)]


class ColumnFacts(Frozen):
    """One column in one line."""

    name: Name
    kind: Kind
    missing: Whole
    distinct: Whole


class Proposal(Frozen):
    """A column that suits a purpose, and why."""

    name: Name
    reason: Text


class DataFacts(Frozen):
    """What the form card shows before Run. Counts are of the sample where `rows_sampled` is below `rows`."""

    path: PathText  #: as the owner of the machine knows it
    files: Whole = 1
    bytes: Whole
    rows: Whole  #: an estimate where `rows_exact` is false
    rows_exact: bool = True
    rows_sampled: Whole = 0  #: rows that were looked at; 0: all
    columns: Annotated[tuple[ColumnFacts, ...], most(2000)]
    target: Name | None = None
    task: Task | None = None
    classes: Whole | None = None
    balance: dict[Name, Whole] = Field(default_factory=dict, max_length=50)  #: rows of each class, the commonest first
    targets: Annotated[tuple[Proposal, ...], most(5)] = ()  #: what could be predicted, the likeliest first
    left_out: Annotated[tuple[Proposal, ...], most(200)] = ()  #: columns that would not be learned from
    memory: Whole = 0  #: bytes that training in memory would take, an estimate
    streamed: bool = False  #: it would not fit, and is streamed
    seconds: Seconds | None = None  #: estimate for the default model
    warnings: Warnings = ()


class Finding(Frozen):
    """Something about the table that a person should know before training."""

    code: Literal[
        "identifier", "constant", "leak", "duplicates", "rare_classes", "imbalance", "drift", "missing", "format"
    ]
    message: Text
    columns: Annotated[tuple[Name, ...], most(50)] = ()


class ColumnProfile(Frozen):
    """One column closely. Values are text, and there are none where the machine's owner shares no rows."""

    name: Name
    kind: Kind
    missing: Whole
    distinct: Whole
    distinct_exact: bool = True
    examples: Annotated[tuple[Name, ...], most(5)] = ()
    #: minimum, 5 %, quartiles, 95 %, maximum: of numbers, and of dates as text; () for the others
    quantiles: Annotated[tuple[Name, ...], most(7)] = ()
    mean: float | None = None
    top: Annotated[tuple[tuple[Name, Whole], ...], most(10)] = ()  #: the commonest values and their rows


class Profile(Frozen):
    """A whole table closely."""

    facts: DataFacts
    columns: Annotated[tuple[ColumnProfile, ...], most(500)]
    duplicates: Whole  #: rows that are copies of an earlier one
    findings: Annotated[tuple[Finding, ...], most(50)] = ()
