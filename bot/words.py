"""What the chat says about states and errors: one text for each, and no state or error without a text.

An error is three lines: what happened, what it means for your data, what to do now.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.html import Html, clip, fill, lines
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


_UNTOUCHED = "Your files are as they were."
_LOOKED = "I only looked. Your file is as it was."

PROBLEMS: dict[ProblemCode, ErrorWords] = {
    ProblemCode.FILE_MISSING: ErrorWords(
        happened="There is no such file there.",
        data="Nothing was read or changed.",
        remedy="Check the spelling, or send me the file here. A good path looks like ~/hayride/churn.csv",
    ),
    ProblemCode.FILE_IS_FOLDER: ErrorWords(
        happened="That is a folder, not a file.",
        data="Nothing in it was read or changed.",
        remedy="Name one file inside it, for example ~/hayride/churn.csv",
    ),
    ProblemCode.FILE_NOT_REGULAR: ErrorWords(
        happened="That is not an ordinary file.",
        data="I did not open it.",
        remedy="Save the table as a CSV or Parquet file and name that one.",
    ),
    ProblemCode.FILE_EMPTY: ErrorWords(
        happened="The file is empty.",
        data=_LOOKED,
        remedy="Check that the export finished, or choose another file.",
    ),
    ProblemCode.FILE_TOO_LARGE: ErrorWords(
        happened="The file is larger than its machine's owner lets jobs read.",
        data=_UNTOUCHED,
        remedy="Choose a smaller file, or type `hayride-node allow FOLDER --max-size SIZE` on that machine.",
    ),
    ProblemCode.FILE_UNREADABLE: ErrorWords(
        happened="The machine may not read that file.",
        data=_UNTOUCHED,
        remedy="Make it readable for the user that runs Hayride there, or copy it into ~/hayride.",
    ),
    ProblemCode.NO_ROWS: ErrorWords(
        happened="The file has column names and no rows below them.",
        data=_LOOKED,
        remedy="Check that the export finished, or choose another file.",
    ),
    ProblemCode.NOT_THIS_FORMAT: ErrorWords(
        happened="The content is not what the file's ending says.",
        data=_LOOKED,
        remedy="Save it again as CSV or Parquet, or correct the ending of its name.",
    ),
    ProblemCode.UNKNOWN_FORMAT: ErrorWords(
        happened="I cannot read files of this kind.",
        data=_LOOKED,
        remedy="Save the table as .csv or .parquet and try that.",
    ),
    ProblemCode.OUTSIDE_ALLOWED: ErrorWords(
        happened="That file is outside the folders that this machine shares with me.",
        data="I cannot see it, and did not try to.",
        remedy="Send me the file here, or copy it into ~/hayride on your machine "
        "(or allow its folder there: hayride-node allow FOLDER).",
    ),
    ProblemCode.FILES_DIFFER: ErrorWords(
        happened="The files of that pattern don't have the same columns.",
        data=_LOOKED,
        remedy="Name a pattern that fits files of one kind only, or one of the files.",
    ),
    ProblemCode.SHEET_MISSING: ErrorWords(
        happened="The workbook has no sheet of that name.",
        data=_LOOKED,
        remedy="Choose one of its sheets, for example sheet=2024",
    ),
    ProblemCode.TARGET_MISSING: ErrorWords(
        happened="The table has no column of that name.",
        data=_LOOKED,
        remedy="Choose the column that the model should learn to predict.",
    ),
    ProblemCode.TARGET_CONSTANT: ErrorWords(
        happened="The target has the same value in every row, so there is nothing to learn.",
        data=_LOOKED,
        remedy="Choose another target, or a file with more than one outcome in it.",
    ),
    ProblemCode.TARGET_EMPTY: ErrorWords(
        happened="The target column has no values.",
        data=_LOOKED,
        remedy="Choose another target, or a file where it is filled in.",
    ),
    ProblemCode.NO_FEATURES: ErrorWords(
        happened="There is no column besides the target to learn from.",
        data=_LOOKED,
        remedy="Choose a file with at least one more column.",
    ),
    ProblemCode.TOO_FEW_ROWS: ErrorWords(
        happened="There are too few rows to learn from and to check the result on.",
        data=_LOOKED,
        remedy="Choose a file with more rows.",
    ),
    ProblemCode.TOO_MANY_CLASSES: ErrorWords(
        happened="The target has too many different values to be learned as classes.",
        data=_LOOKED,
        remedy="Choose another target, say a column with a few repeated values, or one that holds numbers.",
    ),
    ProblemCode.COLUMN_MISSING: ErrorWords(
        happened="The model needs a column that this file does not have.",
        data="Nothing was predicted; your file is as it was.",
        remedy="Add the column, or choose the model that was trained on files like this one.",
    ),
    ProblemCode.COLUMN_TYPE: ErrorWords(
        happened="A column is not what it was when the model learned.",
        data="Nothing was predicted; your file is as it was.",
        remedy="Correct the column, or choose the model that was trained on files like this one.",
    ),
    ProblemCode.BAD_SPLIT: ErrorWords(
        happened="That split leaves no rows to learn from, or none to check the result on.",
        data="Nothing was trained; your file is as it was.",
        remedy="Choose another split, for example split=random test=0.25",
    ),
    ProblemCode.UNKNOWN_MODEL: ErrorWords(
        happened="I know no model of that name.",
        data="Nothing was started.",
        remedy="Choose one of the models below, for example model=random_forest",
    ),
    ProblemCode.MODEL_NOT_FOR_TASK: ErrorWords(
        happened="That model does not fit this kind of target.",
        data="Nothing was started.",
        remedy="Choose another model; Histogram gradient boosting fits both classes and numbers.",
    ),
    ProblemCode.BAD_PARAMETER: ErrorWords(
        happened="One of the settings cannot be used.",
        data="Nothing was trained; your file is as it was.",
        remedy="Correct it in Settings, for example max_depth=6",
    ),
    ProblemCode.MODEL_NOT_FOUND: ErrorWords(
        happened="That trained model is not on the machine any more.",
        data=_UNTOUCHED,
        remedy="Choose another one with /models, or train it again.",
    ),
    ProblemCode.MODEL_DAMAGED: ErrorWords(
        happened="The model's file was changed since it was trained, so I did not open it.",
        data="Nothing was predicted; your file is as it was.",
        remedy="Train it again.",
    ),
    ProblemCode.NO_EXPORT: ErrorWords(
        happened="This model can't be written in that form.",
        data="Nothing was written; the model is as it was.",
        remedy="Try another form: card, onnx or python.",
    ),
    ProblemCode.TENSORFLOW_MISSING: ErrorWords(
        happened="Neural networks need TensorFlow, which is not installed there.",
        data="Nothing was trained; your file is as it was.",
        remedy="Choose another model, or install Hayride's extra called neural on that machine.",
    ),
    ProblemCode.LIBRARY_MISSING: ErrorWords(
        happened="That needs a library which is not installed there.",
        data="Nothing was started; your files are as they were.",
        remedy="Choose something else, or update Hayride on that machine.",
    ),
    ProblemCode.NO_SPACE: ErrorWords(
        happened="The space that Hayride may use there is full.",
        data="Your files are as they were; nothing half-written was kept.",
        remedy="Remove old models or results there, or raise the limit on the machine.",
    ),
    ProblemCode.OUT_OF_MEMORY: ErrorWords(
        happened="The job needed more memory than there is.",
        data="Your files are as they were, and nothing half-done was kept.",
        remedy="Try fewer rows or columns, a lighter model, or a machine with more memory.",
    ),
    ProblemCode.NOT_LEARNED: ErrorWords(
        happened="Nothing could be learned: every try failed, or its numbers grew beyond all bounds.",
        data="Your files are as they were, and nothing half-done was kept.",
        remedy="Look at the table with /data for values that can't be right, or choose another model.",
    ),
    ProblemCode.UPLOAD_MISSING: ErrorWords(
        happened="The file that you sent is not there any more.",
        data="Your own copy is as it was.",
        remedy="Send it again.",
    ),
    ProblemCode.CRASHED: ErrorWords(
        happened="Something broke on our side while the job ran.",
        data="Your files are as they were, and nothing half-done was kept.",
        remedy="Run it again. If it breaks again, tell your admin the id below.",
    ),
    ProblemCode.INTERRUPTED: ErrorWords(
        happened="The machine restarted while the job ran.",
        data="Your files are as they were, and nothing half-done was kept.",
        remedy="Run it again.",
    ),
}

STATUSES: dict[JobStatus, tuple[str, str]] = {
    JobStatus.QUEUED: ("🕓", "waiting"),
    JobStatus.DISPATCHED: ("🕓", "starting"),
    JobStatus.RUNNING: ("▶️", "running"),
    JobStatus.UNREACHABLE: ("📡", "out of reach"),
    JobStatus.COMPLETED: ("✅", "done"),
    JobStatus.FAILED: ("❌", "failed"),
    JobStatus.CANCELLED: ("⏹", "cancelled"),
    JobStatus.TIMED_OUT: ("⌛", "out of time"),
}

ENDINGS: dict[EndReason, ErrorWords] = {
    EndReason.DONE: ErrorWords(happened="Done.", data=_UNTOUCHED, remedy="See /models and /jobs"),
    EndReason.REFUSED: ErrorWords(
        happened="The machine looked and could not do that.",
        data=_UNTOUCHED,
        remedy="Change the form and run it again.",
    ),
    EndReason.CRASHED: PROBLEMS[ProblemCode.CRASHED],
    EndReason.OUT_OF_MEMORY: PROBLEMS[ProblemCode.OUT_OF_MEMORY],
    EndReason.INTERRUPTED: PROBLEMS[ProblemCode.INTERRUPTED],
    EndReason.CANCELLED: ErrorWords(
        happened="Cancelled, as you asked.",
        data="The work has stopped; your files are as they were.",
        remedy="Start again whenever you like with /train or /predict",
    ),
    EndReason.TIMED_OUT: ErrorWords(
        happened="The job used up its time and was stopped.",
        data="Your files are as they were, and nothing half-done was kept.",
        remedy="Give it more time (limit=1800 means half an hour), fewer rows or a lighter model.",
    ),
    EndReason.REVOKED: ErrorWords(
        happened="The job's machine was removed while the job was open.",
        data="Files on that machine are as they were; we no longer reach it.",
        remedy="Run it on another machine, or add one with /connect",
    ),
}

MACHINES: dict[MachineState, tuple[str, str]] = {
    MachineState.CONNECTED: ("🟢", "connected"),
    MachineState.UNREACHABLE: ("🔴", "out of reach"),
    MachineState.NEVER: ("⚪", "never connected yet"),
    MachineState.REVOKED: ("⚫", "removed"),
}

JOINS: dict[JoinState, str] = {
    JoinState.WAITING: "Waiting for the command to run…",
    JoinState.INSTALLING: "Installing. The first time takes a few minutes.",
    JoinState.CONNECTING: "Connecting…",
    JoinState.JOINED: "Joined.",
    JoinState.EXPIRED: "This command has expired. Send /connect for a fresh one.",
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
}


def three(happened: object, data: object, remedy: object, *, id: str = "") -> Html:
    """The three lines, and the id that stands in the log."""
    return lines(
        fill("⚠️ {it}", it=happened if isinstance(happened, Html) else clip(happened, 400)),
        fill("{it}", it=data),
        fill("<b>{it}</b>", it=remedy if isinstance(remedy, Html) else clip(remedy, 400)),
        fill("<i>id {id}</i>", id=id) if id else None,
    )


def problem(it: Problem) -> Html:
    """What a machine refused, with the nearest names that would do."""
    words = PROBLEMS[it.code]
    remedy = words.remedy
    if it.suggestions:
        remedy = f"Did you mean {' or '.join(clip(name, 60) for name in it.suggestions[:3])}? {remedy}"
    return three(it.message or words.happened, words.data, remedy, id=it.log_id)


def error(it: HayrideError, *, id: str = "") -> Html:
    """Any error that may be shown. `id`: under it the log says what lies behind."""
    if isinstance(it, DataRefused):
        return problem(it.problem)
    if isinstance(it, PoolUnavailable):
        data, remedy = "Nothing was started, and your files are as they were.", it.remedy or "Try again."
        return three(it.message, data, remedy, id=id)
    if isinstance(it, NotFoundError):
        return three(it.message, "Nothing was changed.", it.remedy or "See /jobs, /models and /worker.", id=id)
    return three(it.message, "Nothing was changed.", it.remedy or "See /help for what I can do.", id=id)


def bug(id: str) -> Html:
    """An error of ours that nobody should see the inside of."""
    return three(
        "Something went wrong on our side.",
        "Your files and models are as they were.",
        "Try again. If it happens again, tell your admin this id.",
        id=id,
    )


def admission(code: str) -> Html:
    """How a further machine is let in: a stolen chat alone must not be enough."""
    typed = fill("<code>hayride-node admit {code}</code>", code=code)
    return fill("To let it in, type this on a machine that is in your pool: {typed}", typed=typed)
