"""What can be refused: a closed list, documented here."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ray_jobs.spec.base import Frozen, Name, Text, most


class ProblemCode(StrEnum):
    """Closed list of what a job or an inspection can refuse. The chat has one text with a remedy for each."""

    FILE_MISSING = "file_missing"  #: nothing is at that path on that machine
    FILE_IS_FOLDER = "file_is_folder"  #: a folder that holds no Parquet files
    FILE_NOT_REGULAR = "file_not_regular"  #: a FIFO, socket or device
    FILE_EMPTY = "file_empty"  #: zero bytes
    FILE_TOO_LARGE = "file_too_large"  #: larger than its machine's owner lets jobs read
    FILE_UNREADABLE = "file_unreadable"  #: no permission, or an I/O error
    NO_ROWS = "no_rows"  #: a header and nothing below it
    NOT_THIS_FORMAT = "not_this_format"  #: the content is not what the ending says
    UNKNOWN_FORMAT = "unknown_format"  #: an ending we don't read
    OUTSIDE_ALLOWED = "outside_allowed"  #: outside the allowed folders, after resolving links and ..
    FILES_DIFFER = "files_differ"  #: the files of a pattern have not the same columns or format
    SHEET_MISSING = "sheet_missing"  #: the workbook has no such sheet
    TARGET_MISSING = "target_missing"  #: no column of that name
    TARGET_CONSTANT = "target_constant"  #: the target has one value only
    TARGET_EMPTY = "target_empty"  #: every value of the target is missing
    NO_FEATURES = "no_features"  #: nothing but the target
    TOO_FEW_ROWS = "too_few_rows"
    TOO_MANY_CLASSES = "too_many_classes"
    COLUMN_MISSING = "column_missing"  #: a column that the model, the split or a list needs is not in the file
    COLUMN_TYPE = "column_type"  #: a column is not at all what it was in training, so the answer would be wrong
    BAD_SPLIT = "bad_split"  #: no test or no training rows come of it
    UNKNOWN_MODEL = "unknown_model"  #: no such entry in the catalogue
    MODEL_NOT_FOR_TASK = "model_not_for_task"  #: a classifier for a number, a regressor for classes
    BAD_PARAMETER = "bad_parameter"
    MODEL_NOT_FOUND = "model_not_found"  #: no such trained model on that machine
    MODEL_DAMAGED = "model_damaged"  #: a hash differs, or a type outside the allow-list
    NO_EXPORT = "no_export"  #: that kind of model cannot be written in that form
    TENSORFLOW_MISSING = "tensorflow_missing"
    LIBRARY_MISSING = "library_missing"  #: what the entry needs is not installed there
    NO_SPACE = "no_space"  #: the box's disk quota is used up
    OUT_OF_MEMORY = "out_of_memory"
    UPLOAD_MISSING = "upload_missing"
    NOT_LEARNED = "not_learned"  #: every candidate failed, or the numbers left the range of floating point
    CRASHED = "crashed"  #: a bug of ours; the id finds the machine's log line
    INTERRUPTED = "interrupted"  #: the machine restarted while the job ran


class Problem(Frozen):
    """Why something was refused or ended: a code for programs, and what it was about for people."""

    code: ProblemCode
    message: Text  #: one English sentence with the particulars; no path of the server, no traceback
    subject: Text = ""  #: the path, column or parameter that it is about
    suggestions: Annotated[tuple[Name, ...], most(10)] = ()  #: e.g. nearest column names
    log_id: Annotated[str, Field(max_length=32)] = ""
