"""One prediction from the spec to the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ray_jobs.catalogue import Step
from ray_jobs.cores import free_cores, moment
from ray_jobs.manifest import Manifest
from ray_jobs.models import FittedModel
from ray_jobs.order import Order
from ray_jobs.place import check_space
from ray_jobs.predict.answers import Answers
from ray_jobs.predict.checks import Fitting, fitted
from ray_jobs.predict.column_types import ColumnTypes, Misfit
from ray_jobs.predict.comparison import Comparison
from ray_jobs.predict.formats import Format, check_size, format_of, too_long
from ray_jobs.predict.kept import first_rows
from ray_jobs.predict.notes import Notes, Weight
from ray_jobs.predict.pieces import Misaligned, Piece, Pieces, rows_at_once
from ray_jobs.predict.preview import preview
from ray_jobs.predict.reasons import Reasons
from ray_jobs.predict.result_file import Unfinished, result_name, unfinished
from ray_jobs.predict.score import Score
from ray_jobs.predict.typed_rows import typed_piece
from ray_jobs.predict.writers import SHEET_ROWS, SheetWriter, Writer
from ray_jobs.problems import Refused, listed
from ray_jobs.reading.formats import without_packing
from ray_jobs.reading.source import Source, open_source
from ray_jobs.reading.standing import json_keys
from ray_jobs.spec import PredictResult, PredictSpec, Preview, ProblemCode, RowsData
from ray_jobs.store import ModelStore, version_warnings

PredictOrder = Order[PredictSpec]
Steps = Generator[Step, None, PredictResult]

#: Rows that are looked at before anything is computed.
_SAMPLE = 5_000
_READ_FROM = 0.05  #: the fraction at which the pieces begin
#: Seconds between two steps that tell how far it is.
_STEP_SECONDS = 1.0
#: Of the job's time limit; the rows themselves come first.
_REASONS_SHARE = 0.3
_TYPED_NAME = "typed-rows.csv"


@dataclass(frozen=True, kw_only=True)
class _Input:
    """What is predicted on: a file, or typed rows."""

    name: str
    columns: tuple[str, ...]
    taken: frozenset[str]  #: names that no answer may have
    format: Format
    rows: tuple[int, bool]  #: how many, and whether that is exact
    read: Callable[[], Iterator[Piece]]  #: from the beginning
    share_rows: bool
    hash: Callable[[], str] | None = None
    notes: Callable[[Notes], None] = lambda notes: None


def predict(order: PredictOrder) -> Steps:
    """Predicts every row and returns where the file lies; yields the steps of the work. Raises Refused."""
    begun, counted = time.perf_counter(), moment()
    yield Step(name="loading the model", fraction=0.0)
    manifest, model = ModelStore(order.place.models).load(order.spec.model_id)
    notes = Notes()
    for warning in version_warnings(manifest):
        notes.add(Weight.MODEL, warning)
    yield Step(name="reading", fraction=0.02)
    with _opened(order, manifest, notes) as given, unfinished(order.place, order.job_id) as folder:
        run = _Run(order, manifest, model, given, folder)
        with threadpool_limits(limits=free_cores(counted, order.threads)):
            yield from run.through()
        yield Step(name="finishing", fraction=0.97)
        return run.result(notes, begun)


@contextmanager
def _opened(order: PredictOrder, manifest: Manifest, notes: Notes) -> Iterator[_Input]:
    spec = order.spec
    if isinstance(spec.data, RowsData):
        names, piece = typed_piece(spec.data, manifest, notes)
        chosen = format_of(spec.output, "csv", _TYPED_NAME, None)
        if chosen.name != "csv":
            piece = replace(piece, kept=ColumnTypes().table(names, first_rows(piece.kept, len(piece.frame))))
        yield _Input(
            name=_TYPED_NAME,
            columns=names,
            taken=frozenset(names),
            format=chosen,
            rows=(len(piece.frame), True),
            read=lambda: iter((piece,)),
            share_rows=True,  # they came from the chat, and the answer goes back there
        )
        return
    with open_source(order.place, spec.data) as source:
        chosen = format_of(spec.output, source.format, source.name, source.csv)
        fitting = fitted(source.columns, source.sample(_SAMPLE), manifest, notes)
        if source.csv and chosen.name == "csv":
            check_space(order.place, source.bytes)
        yield _file_input(source, fitting, manifest, chosen, share_rows=order.place.share_rows)


def _file_input(source: Source, fitting: Fitting, manifest: Manifest, chosen: Format, *, share_rows: bool) -> _Input:
    pieces = Pieces(source, rows_at_once(source, manifest), output=chosen.name)
    before = source.warnings
    taken = json_keys(source) if source.format == chosen.name == "jsonl" else ()

    def tell(notes: Notes) -> None:
        for warning in source.warnings:
            notes.add(Weight.READING if warning in before else Weight.VALUES, warning)
        if without_packing(source.name) != source.name:
            notes.add(Weight.ASIDE, "The file was compressed; the result is not.")

    return _Input(
        name=source.name,
        columns=source.columns,
        taken=frozenset((*source.columns, *taken)),
        format=chosen,
        rows=source.rows(),
        read=lambda: pieces.read(fitting),
        share_rows=share_rows,
        hash=source.hash,
        notes=tell,
    )


class _Run:
    """Everything that is gathered while the pieces go by; begun again where a piece shows that it must be."""

    def __init__(
        self, order: PredictOrder, manifest: Manifest, model: FittedModel, given: _Input, folder: Unfinished
    ) -> None:
        self._order, self._manifest, self._model = order, manifest, model
        self._given, self._folder = given, folder
        self._clear()
        check_size(given.format, given.rows, [*given.columns, *self.answers.names])

    def _clear(self) -> None:
        spec = self._order.spec
        self.rows = 0
        self.answers = Answers(self._manifest, spec, self._given.taken)
        self.reasons = Reasons(
            self._model, self._manifest, spec.reasons, spec.threshold, _REASONS_SHARE * spec.time_limit
        )
        self.comparison = Comparison(self._manifest)
        self.score = Score(self._manifest, spec.threshold)
        self.preview = Preview()
        self.cut = 0

    def through(self) -> Generator[Step, None, None]:
        """All pieces, into the unfinished file."""
        while True:
            try:
                yield from self._once()
                break
            except (Misfit, Misaligned):  # each happens a few times at most
                self._clear()
        if not self.rows:
            raise Refused(ProblemCode.NO_ROWS, f"{self._given.name} has a header and no rows below it.")

    def _once(self) -> Generator[Step, None, None]:
        names = [*self._given.columns, *self.answers.names]
        told = time.monotonic()
        with closing(self._given.format.writer(self._folder.begin(), names)) as writer:
            yield Step(name="predicting", fraction=_READ_FROM)
            for piece in self._given.read():
                self._add(piece, writer)
                self._folder.check()
                if time.monotonic() - told >= _STEP_SECONDS:
                    told = time.monotonic()
                    share = min(1.0, self.rows / max(1, self._given.rows[0]))
                    yield Step(name="predicting", fraction=_READ_FROM + (0.95 - _READ_FROM) * share)
        self.cut = writer.cut if isinstance(writer, SheetWriter) else 0

    def _add(self, piece: Piece, writer: Writer) -> None:
        outputs = self._model.outputs(piece.frame)
        added = self.answers.of(outputs)
        if self.answers.reasons:
            reasons = self.reasons.of(piece.frame, outputs)
            added |= dict(zip(self.answers.names[-self.answers.reasons :], reasons, strict=True))
        if not self.rows and self._given.share_rows:
            self.preview = preview(self._given.columns, piece.kept, added)
        self.rows += len(piece.frame)
        if isinstance(writer, SheetWriter) and self.rows >= SHEET_ROWS:
            raise too_long(self.rows)
        writer.write(piece.kept, added)
        self.comparison.add(piece.frame)
        if piece.truth is not None:
            self.score.add(piece.truth, outputs)

    def result(self, notes: Notes, begun: float) -> PredictResult:
        """Puts the file in place and tells what came of it."""
        place, given = self._order.place, self._given
        metrics = self.score.metrics(notes)
        if metrics and given.hash and given.hash() == self._manifest.data_hash:
            notes.add(Weight.SCORE, "The model was trained on this very file, so the score on it says little.")
        self._note(notes)
        path = self._folder.put_in_place(result_name(given.name, given.format.ending))
        return PredictResult(
            model_id=self._manifest.model_id,
            path=place.as_owner_knows(path),
            file=path.name,
            rows=self.rows,
            counts=self.answers.counted(),
            warnings=notes.told(),
            preview=self.preview,
            metrics=metrics,
            drift=self.comparison.drift(),
            predict_seconds=time.perf_counter() - begun,
        )

    def _note(self, notes: Notes) -> None:
        self.comparison.warn(notes, share_rows=self._given.share_rows)
        self._given.notes(notes)
        if self.answers.reasons and self.reasons.rows < self.rows:
            some = f"The first {self.reasons.rows:,} rows have reasons; more would take too long."
            notes.add(
                Weight.ASIDE, some if self.reasons.rows else "No row has reasons: the model takes too long for them."
            )
        if interval := self.answers.interval:
            low, high = self.answers.names[1:3]
            notes.add(
                Weight.ASIDE,
                f"In {interval.level:.0%} of rows like those of training the true value lies between {listed([low])} "
                f"and {listed([high])}.",
            )
        if self.cut:
            notes.add(Weight.ASIDE, f"{self.cut:,} texts were longer than a cell of a sheet can be, and were cut.")
