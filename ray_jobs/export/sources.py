"""The source of those modules of ours that a loaded model needs, found by following their imports."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import ray_jobs

_PACKAGE = ray_jobs.__name__


def sources(roots: Iterable[str], *, without: Collection[str] = ()) -> dict[str, bytes]:
    """Path within a folder -> content, of the modules `roots` and all of ours that they import, but for `without`."""
    found: dict[str, bytes] = {}
    open_modules = [*roots]
    while open_modules:
        module = open_modules.pop()
        path = _file(module)
        if path is None or module in without:
            continue
        name = str(path.relative_to(_home().parent))
        if name in found:
            continue
        found[name] = path.read_bytes()
        # A module's packages are imported before it.
        open_modules += [module.rpartition(".")[0], *_imported(ast.parse(found[name]))]
    return dict(sorted(found.items()))


def _home() -> Path:
    return Path(str(ray_jobs.__file__)).parent


def _file(module: str) -> Path | None:
    """The module's file; None for what is not a module of ours."""
    first, *rest = module.split(".")
    if first != _PACKAGE:
        return None
    for path in (_home().joinpath(*rest, "__init__.py"), _home().joinpath(*rest).with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _imported(node: ast.AST) -> Iterator[str]:
    """Every module that is imported, inside functions too, and every name that could be one; not what is for types."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from _imported(child)
