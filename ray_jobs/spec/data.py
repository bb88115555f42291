"""Where a table comes from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ray_jobs.spec.base import Frozen, Id, Name, PathText, most


class PathData(Frozen):
    """A file, a folder of Parquet files, or a pattern (`sales-*.csv`: one table) on the machine that runs the job."""

    kind: Literal["path"] = "path"
    path: PathText
    sheet: Name = ""  #: of an Excel workbook; "": its first one


class UploadData(Frozen):
    """A file that was sent in the chat; it lies in the inbox of the machine or of the pool."""

    kind: Literal["upload"] = "upload"
    upload_id: Id
    name: Name
    sheet: Name = ""


#: The most rows that are typed at once.
TYPED_ROWS = 20


class RowsData(Frozen):
    """Rows typed in the chat, as text: `age=41 plan=pro`. To predict on, never to train on."""

    kind: Literal["rows"] = "rows"
    rows: Annotated[
        tuple[Annotated[dict[Name, Name], Field(min_length=1, max_length=500)], ...],
        Field(min_length=1, max_length=TYPED_ROWS, fail_fast=True),
    ]


Data = Annotated[PathData | UploadData, Field(discriminator="kind")]
PredictData = Annotated[PathData | UploadData | RowsData, Field(discriminator="kind")]
Patterns = Annotated[tuple[Name, ...], most(200)]
