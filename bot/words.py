"""What the chat says about states and errors: one text for each, and no state or error without a text.

An error is three lines: what happened, what it means for your data, what to do now.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot import machine_words
from bot.html import Html, clip, fill, lines, text
from bot.language import ENGLISH, N_, spoken, tr
from head.api import (
    DataRefused,
    EndReason,
    HayrideError,
    JobStatus,
    JoinState,
    MachineState,
    NotFoundError,
    PoolUnavailable,
    Problem,
    ProblemCode,
)


@dataclass(frozen=True, kw_only=True)
class ErrorWords:
    """`happened` is the first line where the error itself brings no sentence."""

    happened: str
    data: str
    remedy: str


_UNTOUCHED = N_("Your files are as they were.")
_LOOKED = N_("I only looked. Your file is as it was.")

PROBLEMS: dict[ProblemCode, ErrorWords] = {
    ProblemCode.FILE_MISSING: ErrorWords(
        happened=N_("There is no such file there."),
        data=N_("Nothing was read or changed."),
        remedy=N_("Check the spelling, or send me the file here. A good path looks like ~/hayride/churn.csv"),
    ),
    ProblemCode.FILE_IS_FOLDER: ErrorWords(
        happened=N_("That is a folder, not a file."),
        data=N_("Nothing in it was read or changed."),
        remedy=N_("Name one file inside it, for example ~/hayride/churn.csv"),
    ),
    ProblemCode.FILE_NOT_REGULAR: ErrorWords(
        happened=N_("That is not an ordinary file."),
        data=N_("I did not open it."),
        remedy=N_("Save the table as a CSV or Parquet file and name that one."),
    ),
    ProblemCode.FILE_EMPTY: ErrorWords(
        happened=N_("The file is empty."),
        data=_LOOKED,
        remedy=N_("Check that the export finished, or choose another file."),
    ),
    ProblemCode.FILE_TOO_LARGE: ErrorWords(
        happened=N_("The file is larger than its machine's owner lets jobs read."),
        data=_UNTOUCHED,
        remedy=N_("Choose a smaller file, or type `hayride-node allow FOLDER --max-size SIZE` on that machine."),
    ),
    ProblemCode.FILE_UNREADABLE: ErrorWords(
        happened=N_("The machine may not read that file."),
        data=_UNTOUCHED,
        remedy=N_("Make it readable for the user that runs Hayride there, or copy it into ~/hayride."),
    ),
    ProblemCode.NO_ROWS: ErrorWords(
        happened=N_("The file has column names and no rows below them."),
        data=_LOOKED,
        remedy=N_("Check that the export finished, or choose another file."),
    ),
    ProblemCode.NOT_THIS_FORMAT: ErrorWords(
        happened=N_("The content is not what the file's ending says."),
        data=_LOOKED,
        remedy=N_("Save it again as CSV or Parquet, or correct the ending of its name."),
    ),
    ProblemCode.UNKNOWN_FORMAT: ErrorWords(
        happened=N_("I cannot read files of this kind."),
        data=_LOOKED,
        remedy=N_("Save the table as .csv or .parquet and try that."),
    ),
    ProblemCode.OUTSIDE_ALLOWED: ErrorWords(
        happened=N_("That file is outside the folders that this machine shares with me."),
        data=N_("I cannot see it, and did not try to."),
        remedy=N_(
            "Send me the file here, or copy it into ~/hayride on your machine "
            "(or allow its folder there: hayride-node allow FOLDER)."
        ),
    ),
    ProblemCode.FILES_DIFFER: ErrorWords(
        happened=N_("The files of that pattern don't have the same columns."),
        data=_LOOKED,
        remedy=N_("Name a pattern that fits files of one kind only, or one of the files."),
    ),
    ProblemCode.SHEET_MISSING: ErrorWords(
        happened=N_("The workbook has no sheet of that name."),
        data=_LOOKED,
        remedy=N_("Choose one of its sheets, for example sheet=2024"),
    ),
    ProblemCode.TARGET_MISSING: ErrorWords(
        happened=N_("The table has no column of that name."),
        data=_LOOKED,
        remedy=N_("Choose the column that the model should learn to predict."),
    ),
    ProblemCode.TARGET_CONSTANT: ErrorWords(
        happened=N_("The target has the same value in every row, so there is nothing to learn."),
        data=_LOOKED,
        remedy=N_("Choose another target, or a file with more than one outcome in it."),
    ),
    ProblemCode.TARGET_EMPTY: ErrorWords(
        happened=N_("The target column has no values."),
        data=_LOOKED,
        remedy=N_("Choose another target, or a file where it is filled in."),
    ),
    ProblemCode.NO_FEATURES: ErrorWords(
        happened=N_("There is no column besides the target to learn from."),
        data=_LOOKED,
        remedy=N_("Choose a file with at least one more column."),
    ),
    ProblemCode.TOO_FEW_ROWS: ErrorWords(
        happened=N_("There are too few rows to learn from and to check the result on."),
        data=_LOOKED,
        remedy=N_("Choose a file with more rows."),
    ),
    ProblemCode.TOO_MANY_CLASSES: ErrorWords(
        happened=N_("The target has too many different values to be learned as classes."),
        data=_LOOKED,
        remedy=N_("Choose another target, say a column with a few repeated values, or one that holds numbers."),
    ),
    ProblemCode.COLUMN_MISSING: ErrorWords(
        happened=N_("The model needs a column that this file does not have."),
        data=N_("Nothing was predicted; your file is as it was."),
        remedy=N_("Add the column, or choose the model that was trained on files like this one."),
    ),
    ProblemCode.COLUMN_TYPE: ErrorWords(
        happened=N_("A column is not what it was when the model learned."),
        data=N_("Nothing was predicted; your file is as it was."),
        remedy=N_("Correct the column, or choose the model that was trained on files like this one."),
    ),
    ProblemCode.BAD_SPLIT: ErrorWords(
        happened=N_("That split leaves no rows to learn from, or none to check the result on."),
        data=N_("Nothing was trained; your file is as it was."),
        remedy=N_("Choose another split, for example split=random test=0.25"),
    ),
    ProblemCode.UNKNOWN_MODEL: ErrorWords(
        happened=N_("I know no model of that name."),
        data=N_("Nothing was started."),
        remedy=N_("Choose one of the models below, for example model=random_forest"),
    ),
    ProblemCode.MODEL_NOT_FOR_TASK: ErrorWords(
        happened=N_("That model does not fit this kind of target."),
        data=N_("Nothing was started."),
        remedy=N_("Choose another model; Histogram gradient boosting fits both classes and numbers."),
    ),
    ProblemCode.BAD_PARAMETER: ErrorWords(
        happened=N_("One of the settings cannot be used."),
        data=N_("Nothing was trained; your file is as it was."),
        remedy=N_("Correct it in Settings, for example max_depth=6"),
    ),
    ProblemCode.MODEL_NOT_FOUND: ErrorWords(
        happened=N_("That trained model is not on the machine any more."),
        data=_UNTOUCHED,
        remedy=N_("Choose another one with /models, or train it again."),
    ),
    ProblemCode.MODEL_DAMAGED: ErrorWords(
        happened=N_("The model's file was changed since it was trained, so I did not open it."),
        data=N_("Nothing was predicted; your file is as it was."),
        remedy=N_("Train it again."),
    ),
    ProblemCode.NO_EXPORT: ErrorWords(
        happened=N_("This model can't be written in that form."),
        data=N_("Nothing was written; the model is as it was."),
        remedy=N_("Try another form: card, onnx or python."),
    ),
    ProblemCode.TENSORFLOW_MISSING: ErrorWords(
        happened=N_("Neural networks need TensorFlow, which is not installed there."),
        data=N_("Nothing was trained; your file is as it was."),
        remedy=N_("Type `hayride-node neural on` on that machine and try again, or choose another model."),
    ),
    ProblemCode.LIBRARY_MISSING: ErrorWords(
        happened=N_("That needs a library which is not installed there."),
        data=N_("Nothing was started; your files are as they were."),
        remedy=N_("Choose something else, or update Hayride on that machine."),
    ),
    ProblemCode.NO_SPACE: ErrorWords(
        happened=N_("The space that Hayride may use there is full."),
        data=N_("Your files are as they were; nothing half-written was kept."),
        remedy=N_("Remove old models or results there, or raise the limit on the machine."),
    ),
    ProblemCode.OUT_OF_MEMORY: ErrorWords(
        happened=N_("The job needed more memory than there is."),
        data=N_("Your files are as they were, and nothing half-done was kept."),
        remedy=N_("Try fewer rows or columns, a lighter model, or a machine with more memory."),
    ),
    ProblemCode.NOT_LEARNED: ErrorWords(
        happened=N_("Nothing could be learned: every try failed, or its numbers grew beyond all bounds."),
        data=N_("Your files are as they were, and nothing half-done was kept."),
        remedy=N_("Look at the table with /data for values that can't be right, or choose another model."),
    ),
    ProblemCode.UPLOAD_MISSING: ErrorWords(
        happened=N_("The file that you sent is not there any more."),
        data=N_("Your own copy is as it was."),
        remedy=N_("Send it again."),
    ),
    ProblemCode.CRASHED: ErrorWords(
        happened=N_("Something broke on our side while the job ran."),
        data=N_("Your files are as they were, and nothing half-done was kept."),
        remedy=N_("Run it again. If it breaks again, tell your admin the id below."),
    ),
    ProblemCode.INTERRUPTED: ErrorWords(
        happened=N_("The machine restarted while the job ran."),
        data=N_("Your files are as they were, and nothing half-done was kept."),
        remedy=N_("Run it again."),
    ),
}

STATUSES: dict[JobStatus, tuple[str, str]] = {
    JobStatus.QUEUED: ("🕓", N_("waiting")),
    JobStatus.DISPATCHED: ("🕓", N_("starting")),
    JobStatus.RUNNING: ("▶️", N_("running")),
    JobStatus.UNREACHABLE: ("📡", N_("out of reach")),
    JobStatus.COMPLETED: ("✅", N_("done")),
    JobStatus.FAILED: ("❌", N_("failed")),
    JobStatus.CANCELLED: ("⏹", N_("cancelled")),
    JobStatus.TIMED_OUT: ("⌛", N_("out of time")),
}

ENDINGS: dict[EndReason, ErrorWords] = {
    EndReason.DONE: ErrorWords(happened=N_("Done."), data=_UNTOUCHED, remedy=N_("See /models and /jobs")),
    EndReason.REFUSED: ErrorWords(
        happened=N_("The machine looked and could not do that."),
        data=_UNTOUCHED,
        remedy=N_("Change the form and run it again."),
    ),
    EndReason.CRASHED: PROBLEMS[ProblemCode.CRASHED],
    EndReason.OUT_OF_MEMORY: PROBLEMS[ProblemCode.OUT_OF_MEMORY],
    EndReason.INTERRUPTED: PROBLEMS[ProblemCode.INTERRUPTED],
    EndReason.CANCELLED: ErrorWords(
        happened=N_("Cancelled, as you asked."),
        data=N_("The work has stopped; your files are as they were."),
        remedy=N_("Start again whenever you like with /train or /predict"),
    ),
    EndReason.TIMED_OUT: ErrorWords(
        happened=N_("The job used up its time and was stopped."),
        data=N_("Your files are as they were, and nothing half-done was kept."),
        remedy=N_("Give it more time (limit=1800 means half an hour), fewer rows or a lighter model."),
    ),
    EndReason.REVOKED: ErrorWords(
        happened=N_("The job's machine, or your pool's last one, was removed while the job was open."),
        data=N_("Files on that machine are as they were; we no longer reach it."),
        remedy=N_("Run it on another machine, or add one with /connect"),
    ),
}

MACHINES: dict[MachineState, tuple[str, str]] = {
    MachineState.CONNECTED: ("🟢", N_("connected")),
    MachineState.UNREACHABLE: ("🔴", N_("out of reach")),
    MachineState.NEVER: ("⚪", N_("never connected yet")),
    MachineState.REVOKED: ("⚫", N_("removed")),
}

JOINS: dict[JoinState, str] = {
    JoinState.WAITING: N_("Waiting for the command to run…"),
    JoinState.INSTALLING: N_("Installing. The first time takes a few minutes."),
    JoinState.CONNECTING: N_("Connecting…"),
    JoinState.JOINED: N_("Joined."),
    JoinState.EXPIRED: N_("This command has expired. Send /connect for a fresh one."),
}

#: The field of a form where a problem belongs, for the codes that do not speak of the file.
FIELDS: dict[ProblemCode, str] = {
    ProblemCode.TARGET_MISSING: "target",
    ProblemCode.TARGET_CONSTANT: "target",
    ProblemCode.TARGET_EMPTY: "target",
    ProblemCode.UNKNOWN_MODEL: "model",
    ProblemCode.MODEL_NOT_FOR_TASK: "model",
    ProblemCode.MODEL_NOT_FOUND: "model",
    ProblemCode.MODEL_DAMAGED: "model",
    ProblemCode.TENSORFLOW_MISSING: "model",
    ProblemCode.LIBRARY_MISSING: "model",
    ProblemCode.BAD_PARAMETER: "settings",
    ProblemCode.BAD_SPLIT: "settings",
    ProblemCode.SHEET_MISSING: "settings",
}


def three(happened: Html, data: Html, remedy: Html, *, id: str = "") -> Html:
    """The three lines, and the id that stands in the log."""
    return lines(
        fill("⚠️ {it}", it=happened),
        data,
        fill("<b>{it}</b>", it=remedy),
        fill("<i>id {id}</i>", id=id) if id else None,
    )


def entry(words: ErrorWords) -> Html:
    """The three lines of a table's entry."""
    return three(_of(words.happened), _of(words.data), _of(words.remedy))


def problem(it: Problem) -> Html:
    """What a machine refused, with the nearest names that would do."""
    words = PROBLEMS[it.code]
    remedy = _of(words.remedy)
    if it.suggestions:
        names = _either([clip(name, 60) for name in it.suggestions[:3]])
        remedy = fill("Did you mean {names}? {remedy}", names=names, remedy=remedy)
    return three(said(it.message, words.happened), _of(words.data), remedy, id=it.log_id)


def error(it: HayrideError, *, id: str = "") -> Html:
    """Any error that may be shown. `id`: under it the log says what lies behind."""
    if isinstance(it, DataRefused):
        return problem(it.problem)
    data, remedy = fill("Nothing was changed."), fill("See /help for what I can do.")
    happened = N_("That can't be done.")
    if isinstance(it, PoolUnavailable):
        data, remedy = fill("Nothing was started, and your files are as they were."), fill("Try again.")
        happened = N_("Your cluster does not answer.")
    elif isinstance(it, NotFoundError):
        remedy = fill("See /jobs, /models and /worker.")
        happened = N_("There is no such thing of yours.")
    return three(said(it.message, happened), data, said(it.remedy, "") if it.remedy else remedy, id=id)


def said(message: str, ours: str) -> Html:
    """What the machine or the control plane said, which is English. For a reader of another language it is put into
    that where it is known; else our own words for it come first, since the message alone holds the values.
    """
    if not message:
        return _of(ours)
    known = machine_words.translated(message)
    if known is not None:
        return text(clip(known, 400))
    if spoken() == ENGLISH or not ours:
        return text(clip(message, 400))
    return fill("{ours} <i>{message}</i>", ours=_of(ours), message=clip(message, 400))


def _of(words: str) -> Html:
    """A table's words in the reader's language."""
    return text(tr(words)) if words else Html("")


def _either(names: list[str]) -> str:
    """One or another."""
    return tr(" or ").join(names)


def bug(id: str) -> Html:
    """An error of ours that nobody should see the inside of."""
    return three(
        fill("Something went wrong on our side."),
        fill("Your files and models are as they were."),
        fill("Try again. If it happens again, tell your admin this id."),
        id=id,
    )


def admission(code: str) -> Html:
    """How a further machine is let in: a stolen chat alone must not be enough."""
    typed = fill("<code>hayride-node admit {code}</code>", code=code)
    return fill("To let it in, type this on a machine that is in your pool: {typed}", typed=typed)
