"""What a form holds while it is filled in. It is kept as JSON in a draft, so that it survives a restart."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from bot.browser import Browsing
from bot.html import Html
from bot.typed_rows import as_typed
from head.api import AUTO, DataFacts, OutputFormat, Parameter, PredictData, RowsData, Task


class Trouble(BaseModel):
    """What is wrong with a field: the three lines, shown at the field until it changes."""

    model_config = ConfigDict(frozen=True)

    field: str  #: "" for the form as a whole
    html: str

    @property
    def text(self) -> Html:
        return Html(self.html)


class Form(BaseModel):
    """The part that every form has."""

    model_config = ConfigDict(frozen=True)  # drafts of an older version may hold keys that are gone: ignored

    data: PredictData | None = None  #: typed rows only to predict
    place: str = ""  #: a machine's id, or HEAD; "" until it is known
    place_name: str = ""
    place_chosen: bool = False  #: said by the person, so that nothing else moves it
    browsing: Browsing | None = None  #: the folder that is looked at while the data is asked for
    candidates: tuple[str, ...] = ()  #: ids of several machines that have the file; asks which while no place is set
    facts: DataFacts | None = None
    trouble: Trouble | None = None
    away: bool = False  #: the card says that its machine is away, and that Run will wait for it
    sheet: str = ""  #: of the workbook
    time_limit: int  #: seconds
    job: str = ""  #: what came of pressing Run

    @property
    def undecided(self) -> bool:
        """Whether several machines have the file, and the person has yet to say which is meant."""
        return bool(self.candidates) and not self.place

    @property
    def table(self) -> PredictData | None:
        """The data with the sheet of it that is meant."""
        if self.data is None or isinstance(self.data, RowsData):
            return self.data
        return self.data.model_copy(update={"sheet": self.sheet})

    @property
    def file(self) -> str:
        """The data as it is shown: the machine's own spelling once it was looked at."""
        if self.data is None:
            return ""
        if self.data.kind == "rows":
            return as_typed(self.data)
        if self.data.kind == "upload":
            return self.data.name
        return self.facts.path if self.facts is not None else self.data.path


class TrainForm(Form):
    target: str = ""
    model: str = AUTO
    task: Task | None = None
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    test_fraction: float = 0.25
    split: str = ""  #: "time:COLUMN", "group:COLUMN" or "file:PATH"; "": at random
    folds: int = 0
    budget: int = 120  #: seconds, for auto
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    name: str = ""
    seed: int = 0
    then: str = ""  #: a path to predict with the model, once it is trained
    seen: tuple[str, ...] = ()  #: paths besides the data that were looked at


class PredictForm(Form):
    model_id: str = ""
    model_name: str = ""  #: with its version
    model_title: str = ""
    model_place: str = ""
    features: tuple[str, ...] = ()  #: the columns that the model learned from
    target: str = ""  #: and the one that it predicts
    output: OutputFormat = "same"
    reasons: int = 0  #: columns that mattered most, for each row
    threshold: float | None = None  #: of the second of two classes
