"""What the chat may ask of the control plane. `bot` imports this module and nothing else of head.

Every method takes the person's id and answers only about what is that person's. Refusals are `HayrideError`s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Literal, Protocol

from head.admin_api import AccessRequest, AdminApi, PoolView, UserView
from head.belongings import EXPORT_LIMIT, LANGUAGES, TEMPLATE_NAME_LIMIT, Belongings, Person, Template
from head.chat_settings import ChatSettings, Webhook
from head.clock import Clock
from head.data_places import DataPlaces
from head.errors import (
    DataRefused,
    HayrideError,
    JobRefused,
    JoinRefused,
    NotFoundError,
    PoolUnavailable,
    RefusedError,
)
from head.rest import Rest
from head.views import (
    Change,
    Draft,
    EndReason,
    JobStatus,
    JobView,
    JoinOffer,
    JoinState,
    MachineState,
    MachineView,
    ModelView,
    Moment,
    UploadView,
)
from ray_jobs.catalogue import AUTO, descriptions
from ray_jobs.spec import (
    TYPED_ROWS,
    Candidate,
    ColumnProfile,
    Data,
    DataFacts,
    Event,
    ExportResult,
    ExportSpec,
    FileSplit,
    Folder,
    FolderEntry,
    GroupSplit,
    ModelDescription,
    OutputFormat,
    Parameter,
    ParameterDescription,
    PathData,
    PredictData,
    PredictResult,
    PredictSpec,
    Problem,
    ProblemCode,
    Profile,
    ProfileResult,
    ProfileSpec,
    Progress,
    RandomSplit,
    Result,
    RowsData,
    Spec,
    Split,
    Task,
    TimeSplit,
    TrainResult,
    TrainSpec,
    UploadData,
)

__all__ = [
    "AUTO",
    "CATALOGUE",
    "DRAFT_DAYS",
    "EVENTS_PAGE",
    "EXPORT_FORMS",
    "EXPORT_LIMIT",
    "HEAD",
    "LANGUAGES",
    "TEMPLATE_NAME_LIMIT",
    "TYPED_ROWS",
    "UPLOAD_LIMIT",
    "AccessRequest",
    "Candidate",
    "Change",
    "ChatSettings",
    "Clock",
    "ColumnProfile",
    "Data",
    "DataFacts",
    "DataPlaces",
    "DataRefused",
    "Draft",
    "EndReason",
    "Event",
    "ExportResult",
    "ExportSpec",
    "FileSplit",
    "Folder",
    "FolderEntry",
    "GroupSplit",
    "HayrideError",
    "HeadApi",
    "JobRefused",
    "JobStatus",
    "JobView",
    "JoinOffer",
    "JoinRefused",
    "JoinState",
    "MachineState",
    "MachineView",
    "ModelDescription",
    "ModelView",
    "Moment",
    "NotFoundError",
    "OutputFormat",
    "Parameter",
    "ParameterDescription",
    "PathData",
    "Person",
    "PoolUnavailable",
    "PoolView",
    "PredictData",
    "PredictResult",
    "PredictSpec",
    "Problem",
    "ProblemCode",
    "Profile",
    "ProfileResult",
    "ProfileSpec",
    "Progress",
    "RandomSplit",
    "RefusedError",
    "Rest",
    "Result",
    "RowsData",
    "Spec",
    "Split",
    "Task",
    "Template",
    "TimeSplit",
    "TrainResult",
    "TrainSpec",
    "UploadData",
    "UploadView",
    "UserView",
    "Webhook",
]

#: Every kind of model that can be trained, auto first.
CATALOGUE: tuple[ModelDescription, ...] = descriptions()

#: What a model can be written as, for use elsewhere.
EXPORT_FORMS: tuple[Literal["card", "onnx", "python"], ...] = ("card", "onnx", "python")
#: The most events of a job that are handed out at once.
EVENTS_PAGE = 1000
#: The place of a job that no machine runs: the pool's own head node.
HEAD = "head"
#: Days after which a form that nobody touched, or a sent file that no job used, is deleted.
DRAFT_DAYS = 7
#: Telegram's getFile hands out at most this much; the console holds to the same.
UPLOAD_LIMIT = 20 * 1024 * 1024


class HeadApi(AdminApi, Belongings, Protocol):
    """The control plane as the chat sees it."""

    # --- people ---
    async def person_for_telegram(self, telegram_id: int, name: str, *, speaks: str = "") -> Person:
        """The person behind a Telegram account; made on first sight; only admins are admitted by that. `speaks`: the
        IETF code of their language; "" leaves what was said last.
        """

    async def local_person(self) -> Person:
        """The person at the console: admitted, admin."""

    async def admins(self) -> list[Person]: ...

    async def admit(self, admin_id: str, person_id: str, admitted: bool) -> Person:
        """Lets somebody in, or out: then their open jobs are cancelled; what is theirs stays."""

    # --- machines ---
    @property
    def joining_enabled(self) -> bool: ...

    async def offer_join(self, person_id: str) -> JoinOffer:
        """A fresh single-use join command. Raises JoinRefused where joining is switched off."""

    async def join_state(self, person_id: str, offer_id: str) -> tuple[JoinState, MachineView | None]: ...

    async def machines(self, person_id: str) -> list[MachineView]:
        """Without the revoked ones, those that need attention first."""

    async def revoke(self, person_id: str, machine_id: str) -> None:
        """Cuts it off and ends its open jobs; with the last one those on the server too, where the person's files and
        models are deleted.
        """

    async def rename_machine(self, person_id: str, machine_id: str, name: str) -> None:
        """Raises RefusedError for what is no name, or is another machine's."""

    async def set_rest(self, person_id: str, machine_id: str, rest: Rest) -> None:
        """Pauses a machine, lets it begin jobs again, or lets it leave when its jobs have ended."""

    # --- data, jobs, models ---
    async def upload(self, person_id: str, name: str, content: AsyncIterator[bytes]) -> UploadView:
        """Stores a sent file on the person's connected machine, else in the pool's inbox."""

    async def find_upload(self, person_id: str, name: str) -> UploadView | None:
        """The newest file of that name that was sent."""

    async def default_place(self, person_id: str) -> str:
        """Where a path is meant when none is said: the one connected machine, else the last one seen, else HEAD."""

    async def places_with(self, person_id: str, data: PathData) -> DataPlaces:
        """Looks for a path on all connected machines at once. Raises PoolUnavailable."""

    async def inspect(self, person_id: str, place: str, data: Data, target: str | None) -> DataFacts:
        """Looks at the file where it lies. Raises DataRefused, PoolUnavailable, JobRefused (the machine is away)."""

    async def browse(self, person_id: str, place: str, path: str) -> Folder:
        """What can be chosen in an allowed folder of a machine; "": its allowed folders, or what is in the only one.
        Raises RefusedError for HEAD, DataRefused, PoolUnavailable, JobRefused (the machine is away).
        """

    async def submit(self, person_id: str, spec: Spec, place: str, *, request: str, then: str = "") -> JobView:
        """Queues a job. The same `request` (a draft's id and revision, say) twice gives the same job. `then`: a path;
        when the training has ended well, a job that predicts it with the fresh model is queued at the same place.
        """

    async def test_job(self, person_id: str, machine_id: str, *, request: str) -> JobView:
        """Sends a small table to exactly that machine and trains on it there, to see that all works; the same
        `request` twice gives the same job. Raises JobRefused where the machine is away.
        """

    async def cancel(self, person_id: str, job_id: str) -> JobView: ...

    async def job(self, person_id: str, job_id: str) -> JobView: ...

    async def jobs(
        self, person_id: str, *, limit: int = 8, offset: int = 0, among: Collection[JobStatus] = ()
    ) -> list[JobView]:
        """Open ones first, then newest first. `among`: those that stand there only; (): all."""

    async def job_events(
        self, person_id: str, job_id: str, *, before: int | None = None, limit: int = 200
    ) -> list[Event]:
        """The newest stored events, oldest first, `EVENTS_PAGE` at most; `before`: of those with a lower number."""

    async def job_file(self, person_id: str, job_id: str, name: str, target: Path) -> None:
        """Fetches a picture or result of a job into `target`, a fresh file in a folder that no box can write."""

    async def models(self, person_id: str, *, limit: int = 8, offset: int = 0) -> list[ModelView]: ...

    async def model(self, person_id: str, model_id: str) -> ModelView: ...

    async def rename_model(self, person_id: str, model_id: str, name: str) -> ModelView:
        """Becomes the next version of that name. Raises RefusedError for what is no name, JobRefused where its machine
        is away, NotFoundError where it is not there any more (and then it is off the list too)."""

    async def drop_model(self, person_id: str, model_id: str) -> None:
        """Deletes the model for good. Raises NotFoundError, JobRefused where its machine is away."""

    async def dashboard_link(self, person_id: str, *, job_id: str = "") -> str:
        """A single-use link to the person's own Ray dashboard, and there to the task of a job that has begun; starts
        the pool where it sleeps. Raises NotFoundError.
        """

    # --- what the chat keeps ---
    async def seen(self, names: Collection[str]) -> set[str]:
        """Those of them that were noted within the last two days: what was brought to the chat may be brought again."""

    async def note_seen(self, names: Collection[str]) -> None: ...

    async def save_draft(self, person_id: str, draft: Draft) -> Draft:
        """Inserts or updates by id."""

    async def draft(self, person_id: str, draft_id: str) -> Draft: ...

    async def active_draft(self, person_id: str, chat_id: str) -> Draft | None:
        """The newest draft of the chat that is not paused."""

    async def drop_draft(self, person_id: str, draft_id: str) -> None: ...

    async def last_run(self, person_id: str, kind: str) -> Draft | None:
        """The newest form of a kind that became a job."""

    async def expired_drafts(self) -> list[tuple[str, Draft]]:
        """(person_id, draft) of drafts that nobody has touched for `DRAFT_DAYS`; the chat tells so and drops them."""

    async def save_card(self, person_id: str, *, chat_id: str, subject: str, message_id: int) -> None:
        """Remembers which message shows `subject` ("job:ID", "offer:ID"), so that it goes on after a restart."""

    async def cards(self, subject: str) -> list[tuple[str, int]]:
        """(chat_id, message_id) of every message that shows the subject."""

    async def unsettled(self) -> list[Change]:
        """Everybody's jobs that are open or ended within the last day, and everybody's machines: what the chat looks at
        after a start, since a process that was killed may have kept an end that it had not told yet."""

    def changes(self) -> AsyncIterator[Change]:
        """Every change from now on, until the control plane stops. Slow readers get the newest of each subject."""
