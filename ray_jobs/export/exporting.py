"""An export from the order to the file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator
from itertools import count
from pathlib import Path

from ray_jobs.catalogue import Step
from ray_jobs.export.holding import held
from ray_jobs.manifest import Manifest
from ray_jobs.models import FittedModel
from ray_jobs.order import Order
from ray_jobs.place import Place, check_space
from ray_jobs.problems import Refused
from ray_jobs.spec import ExportResult, ExportSpec, ProblemCode
from ray_jobs.store import ModelStore, version_warnings

ExportOrder = Order[ExportSpec]

_ENDINGS = {"card": ".card.html", "onnx": ".onnx", "python": ".python.zip"}
#: The card in a model's folder.
_CARD = "card.html"
_STEM_BYTES = 150


def export(order: ExportOrder) -> Generator[Step, None, ExportResult]:
    """Writes the model in the form that is asked for; yields the steps of the work. Raises Refused, OSError."""
    place, form = order.place, order.spec.form
    store = ModelStore(place.models)
    unfinished = place.job(order.job_id) / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    part = unfinished / "export"
    yield Step(name="loading the model", fraction=0.0)
    if form == "card":
        manifest, notes = store.manifest(order.spec.model_id), list[str]()
        _copy_card(store.folder / manifest.model_id, part)
    else:
        manifest, model = store.load(order.spec.model_id)
        _check_sharing(place, manifest, model)
        notes = version_warnings(manifest)
        yield Step(name="writing", fraction=0.3)
        notes += _write(form, store.folder / manifest.model_id, manifest, model, part)
    check_space(place, 0)
    path = _put_in_place(place, order.job_id, part, file_stem(manifest.name, manifest.version), _ENDINGS[form])
    return ExportResult(
        model_id=manifest.model_id,
        form=form,
        path=place.as_owner_knows(path),
        file=path.name,
        bytes=path.stat().st_size,
        warnings=tuple(notes)[:20],
    )


def _write(form: str, folder: Path, manifest: Manifest, model: FittedModel, part: Path) -> list[str]:
    if form == "onnx":
        from ray_jobs.export.graphs import write_onnx

        return write_onnx(manifest, model, part)
    from ray_jobs.export.python_folder import write_python

    write_python(folder, manifest, part)
    return []


def _copy_card(folder: Path, part: Path) -> None:
    card = folder / _CARD
    if card.is_symlink() or not card.is_file():
        raise Refused(ProblemCode.NO_EXPORT, "This model was kept without a card. Train it again to get one.")
    shutil.copyfile(card, part)


def _check_sharing(place: Place, manifest: Manifest, model: FittedModel) -> None:
    """Raises Refused(NO_EXPORT) where the model holds what its owner does not let out."""
    if not place.share_rows and (what := held(manifest, model)):
        raise Refused(
            ProblemCode.NO_EXPORT,
            f"This model holds {what}, and the machine's owner shares no rows; its card can be exported.",
        )


def file_stem(name: str, version: int) -> str:
    """A model's name and version as a plain part of a file's name."""
    plain = re.sub(r"[^\w-]+", "-", name).strip("-_") or "model"
    return f"{plain.encode()[:_STEM_BYTES].decode(errors='ignore')}-v{version}"


def _put_in_place(place: Place, job_id: str, part: Path, stem: str, ending: str) -> Path:
    """Moves the whole file into the results folder, never over one that is there; the job's folder links to it."""
    for number in count(1):
        path = place.results / f"{stem}{f'-{number}' if number > 1 else ''}{ending}"
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            continue
        part.replace(path)  # over the empty file that we just made: nobody else's
        link = place.job(job_id) / path.name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../../results") / path.name)
        return path
    raise AssertionError("count() has no end")
