"""A program of its own: writes the rows of a sheet as JSON lines, within a limit of memory.

A workbook of a few kilobytes can claim a billion cells, and calamine holds a sheet as a whole. So it is read in a
process that may use so much memory and no more; if it ends, nothing else does. It imports nothing of ours. (macOS takes
no such limit of memory; there the number of cells has to do.)

Arguments: the path, the sheet ("" for the first), bytes of memory, seconds of CPU, cells that are the most.
First line out: {"sheets": [...], "sheet": name, "rows": n, "columns": n}, or {"problem": kind, "sheets": [...]}.
Then a line for each row from the sheet's first on, then {"end": true}.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import sys


def main(path: str, wanted: str, memory: int, seconds: int, most_cells: int) -> None:
    import python_calamine as calamine

    limits = {resource.RLIMIT_AS: memory, resource.RLIMIT_CPU: seconds, resource.RLIMIT_CORE: 0}
    if sys.platform == "darwin":
        del limits[resource.RLIMIT_AS]
    for what, limit in limits.items():
        hard = resource.getrlimit(what)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (limit, limit))
    sheets: list[str] = []
    try:
        book = calamine.CalamineWorkbook.from_path(path)
        visible = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.typ == calamine.SheetTypeEnum.WorkSheet and sheet.visible == calamine.SheetVisibleEnum.Visible
        ]
        sheets = visible or book.sheet_names
        name = _found(wanted, book.sheet_names) if wanted else next(iter(sheets), None)
        if name is None:
            _write({"problem": "sheet", "sheets": sheets})
            return
        sheet = book.get_sheet_by_name(name)
        if sheet.height * sheet.width > most_cells:
            _write({"problem": "size", "sheets": sheets})
            return
        _write({"sheets": sheets, "sheet": name, "rows": sheet.height, "columns": sheet.width})
        for row in sheet.iter_rows():
            _write([_plain(value) for value in row])
        _write({"end": True})
    except calamine.PasswordError:
        _write({"problem": "password", "sheets": sheets})
    except (calamine.CalamineError, OSError, ValueError):
        _write({"problem": "damage", "sheets": sheets})
    except MemoryError:
        _write({"problem": "size", "sheets": sheets})


def _found(wanted: str, names: list[str]) -> str | None:
    if wanted in names:
        return wanted
    alike = [name for name in names if name.strip().casefold() == wanted.strip().casefold()]
    return alike[0] if len(alike) == 1 else None


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, dt.date):
        return {"moment": value.isoformat()}
    if isinstance(value, dt.timedelta):
        return {"seconds": value.total_seconds()}
    return str(value) if isinstance(value, dt.time) else value


def _write(line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
