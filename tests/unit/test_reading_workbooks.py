"""Excel workbooks and spreadsheets."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # has none

from ray_jobs.reading import workbook_reader
from ray_jobs.spec import ProblemCode
from tests.support.readings import Shelf

_AT = dt.datetime.combine(dt.date(2024, 1, 5), dt.time(8, 30))  # a sheet knows no time zones
_ROWS: list[list[object]] = [
    ["name", "whole", "share", "day", "at", "ok", "code", "mixed", "clock"],
    ["a", 1, 0.5, dt.date(2024, 1, 5), _AT, True, "007", 1, dt.time(8, 30)],
    ["b", None, 1, None, None, None, "12", "2", None],
    [
        "?",
        3,
        2.25,
        dt.date(1999, 12, 31),
        dt.datetime.combine(dt.date(2024, 2, 1), dt.time()),
        False,
        "13",
        "NA",
        dt.time(23, 59),
    ],
]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "data").mkdir()
    return Shelf(tmp_path / "data")


def rows_of(*rows: Sequence[object]) -> list[list[object]]:
    return [list(row) for row in rows]


def workbook(sheets: dict[str, list[list[object]]], hidden: tuple[str, ...] = ()) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    forms = {
        dt.date: book.add_format({"num_format": "yyyy-mm-dd"}),
        dt.datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        dt.time: book.add_format({"num_format": "hh:mm"}),
    }
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        if name in hidden:
            sheet.hide()
        else:
            sheet.activate()  # the first could not be hidden otherwise
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                if type(value) in forms:
                    sheet.write_datetime(at, column, value, forms[type(value)])
                elif value is not None:
                    sheet.write(at, column, value)
    book.close()
    return target.getvalue()


def open_document(cells: list[list[str]]) -> bytes:
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in cells
    )
    names = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    names += 'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    names += 'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    content = (
        f'<?xml version="1.0"?><office:document-content {names}><office:body><office:spreadsheet>'
        f'<table:table table:name="One">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
    return target.getvalue()


def test_what_cells_mean(shelf: Shelf) -> None:
    for name in ("t.xlsx", "t.xlsm"):
        frame = shelf.frame(name, workbook({"One": _ROWS}))
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == {
            **{"name": "str", "whole": "float64", "share": "float64", "day": "datetime64[us]", "at": "datetime64[us]"},
            **{"ok": "object", "code": "str", "mixed": "float64", "clock": "str"},
        }
        assert frame["name"].isna().tolist() == [False, False, True]
        assert frame["code"].tolist() == ["007", "12", "13"]
        assert frame["mixed"].tolist()[:2] == [1.0, 2.0]
        assert frame["at"].iloc[0] == pd.Timestamp(2024, 1, 5, 8, 30)
        assert frame["clock"].iloc[0] == "08:30:00"
        with shelf.opened(name) as source:
            assert (source.format, source.warnings) == ("excel", ())
            pieces = list(source.batches(rows=2))
            assert [dict(piece.dtypes) for piece in pieces] == [dict(frame.dtypes)] * 2
            pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), frame)
            pd.testing.assert_frame_equal(source.sample(), frame)
            assert len(source.sample(2)) == 2


def test_whole_numbers_without_gaps_are_whole(shelf: Shelf) -> None:
    rows = rows_of(["n", "x"], *([n, n / 2] for n in range(9_000)))
    frame = shelf.frame("t.xlsx", workbook({"One": rows}))
    assert frame["n"].dtype == np.int64
    assert frame["n"].tolist() == list(range(9_000))


def test_a_late_text_makes_a_column_text(shelf: Shelf) -> None:
    rows = rows_of(["n"], *([n] for n in range(8_500)), ["x"])
    frame = shelf.frame("t.xlsx", workbook({"One": rows}))
    assert frame["n"].tolist()[:2] + frame["n"].tolist()[-1:] == ["0", "1", "x"]


def test_the_choice_of_a_sheet(shelf: Shelf) -> None:
    shelf.put("t.xlsx", workbook({"Draft": [["z"], [0]], "A": [["a"], [1]], "B b": [["b"], [2]]}, hidden=("Draft",)))
    assert shelf.frame("t.xlsx").columns.tolist() == ["a"]
    assert "2 sheets; 'A' was read" in shelf.warnings("t.xlsx")
    for sheet in ("B b", "b B "):
        assert shelf.frame("t.xlsx", sheet=sheet).columns.tolist() == ["b"]
    assert shelf.frame("t.xlsx", sheet="Draft").columns.tolist() == ["z"]
    problem = shelf.refusal("t.xlsx", sheet="Bb")
    assert (problem.code, problem.suggestions) == (ProblemCode.SHEET_MISSING, ("B b",))
    shelf.put("t.csv", "a\n1\n")
    assert shelf.refusal("t.csv", sheet="A").code is ProblemCode.SHEET_MISSING


def test_a_header_below_a_title(shelf: Shelf) -> None:
    rows: list[list[object]] = [
        ["Sales 2024"],
        [],
        [None, "draft"],
        [None, "id", "n", "", "when"],
        [None, 1, 2, 1, "x"],
        [None, 2, 4, 2, "x"],
    ]
    frame = shelf.frame("t.xlsx", workbook({"One": rows}))
    assert frame.to_dict("list") == {"id": [1, 2], "n": [2, 4], "column 3": [1, 2], "when": ["x", "x"]}
    assert "header was found in row 4" in shelf.warnings("t.xlsx")


def test_blank_rows_and_columns_are_none(shelf: Shelf) -> None:
    rows: list[list[object]] = [[], ["a", None, "b"], [1, None, 2], [], [None, None, None], [3, None, 4], [None, " "]]
    frame = shelf.frame("t.xlsx", workbook({"One": rows}))
    assert frame["a"].tolist()[:2] == [1.0, 3.0]
    assert frame.columns.tolist()[0] == "a"


def test_open_document(shelf: Shelf) -> None:
    frame = shelf.frame("t.ods", open_document([["a", "b"], ["1", "x"], ["2.5", "y"]]))
    assert frame.to_dict("list") == {"a": [1.0, 2.5], "b": ["x", "y"]}


def test_several_workbooks(shelf: Shelf) -> None:
    shelf.put("t-1.xlsx", workbook({"One": [["a", "b"], [1, "x"]]}))
    shelf.put("t-2.xlsx", workbook({"One": [["b", "a"], ["y", 2.5]]}))
    assert shelf.frame("t-*.xlsx").to_dict("list") == {"a": [1.0, 2.5], "b": ["x", "y"]}
    shelf.put("t-3.xlsx", workbook({"One": [["b"], ["y"]]}))
    assert shelf.refusal("t-*.xlsx").code is ProblemCode.FILES_DIFFER


def archive_of_something() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("readme.txt", "no workbook")
    return target.getvalue()


def far_apart() -> bytes:
    """Two cells: as a whole sheet half a terabyte."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write(0, 0, "x")
    sheet.write(1_048_575, 16_383, 1)
    book.close()
    return target.getvalue()


def inflated() -> bytes:
    """A sheet with a text of 400 MB, in 2 MB."""
    good = zipfile.ZipFile(io.BytesIO(workbook({"One": [["a"], [1]]})))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member in good.infolist():
            content = good.read(member)
            if member.filename.endswith("sheet1.xml"):
                with archive.open(member.filename, "w", force_zip64=True) as sheet:
                    sheet.write(content.replace(b"</sheetData>", b'<row r="3"><c r="A3" t="inlineStr"><is><t>'))
                    for _ in range(100):
                        sheet.write(b"x" * (4 << 20))
                continue
            archive.writestr(member.filename, content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        ("t.xlsx", archive_of_something, ProblemCode.NOT_THIS_FORMAT),
        ("t.xlsx", lambda: b"a,b\n1,2\n", ProblemCode.NOT_THIS_FORMAT),
        ("t.xls", lambda: b"<html><table>", ProblemCode.NOT_THIS_FORMAT),
        ("t.xls", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000), ProblemCode.NOT_THIS_FORMAT),
        ("t.ods", archive_of_something, ProblemCode.NOT_THIS_FORMAT),
        ("t.xlsx", lambda: workbook({"One": _ROWS})[:3000], ProblemCode.NOT_THIS_FORMAT),
        ("t.xlsx", lambda: workbook({"One": [], "Two": [["a"], [1]]}), ProblemCode.FILE_EMPTY),
        ("t.xlsx", lambda: workbook({"One": [["a", "b"]]}), ProblemCode.NO_ROWS),
        ("t.xlsx", far_apart, ProblemCode.OUT_OF_MEMORY),
    ],
)
def test_what_is_refused(shelf: Shelf, name: str, make: Callable[[], bytes], code: ProblemCode) -> None:
    problem = shelf.refusal(name, make())
    assert problem.code is code
    if code is ProblemCode.FILE_EMPTY:
        assert problem.suggestions == ("Two",)


def test_a_bomb_ends_its_own_process_only(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_reader, "_MEMORY", 300 << 20)
    assert shelf.refusal("t.xlsx", inflated()).code is ProblemCode.OUT_OF_MEMORY
    assert len(shelf.frame("u.xlsx", workbook({"One": _ROWS}))) == 3
