"""Which host files a Python environment needs: its prefix, its base's prefix, and the symlinks in between."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sealing.errors import SealError
from sealing.plan import Bind

#: What every box shows anyway, see sealing.bwrap.
SYSTEM = tuple(
    Path(path) for path in ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/bin", "/lib", "/lib32", "/lib64")
)
_APP = "/app"
_MOST_LINKS = 40


@dataclass(frozen=True, kw_only=True)
class PythonFiles:
    """`binds` are real folders at their real paths, `links` (path, what it says) the symlinks that lead there."""

    binds: tuple[Bind, ...]
    links: tuple[tuple[str, str], ...]


def python_files(python: Path) -> PythonFiles:
    """What `python` needs of the host, whoever installed it: the distribution, /usr/local, pyenv, uv, conda; a venv or
    none. Raises SealError where there is no such interpreter.
    """
    if not python.is_absolute() or not python.exists():
        raise SealError(f"There is no Python at {python}.")
    real, links = _follow(python)
    binds = _prefix(real)
    prefix = python.parent.parent
    settings = prefix / "pyvenv.cfg"
    if settings.is_file():
        real_prefix, more = _follow(prefix)
        links |= more
        binds.append(real_prefix)
        # The interpreter looks for its library beside the path that its venv names, not only beside the real one.
        home = _home(settings)
        base, more = _follow(home / real.name if (home / real.name).exists() else home)
        links |= more
        binds += _prefix(base)
    shown = _outermost(binds)
    visible = [*shown, *SYSTEM]
    needed = {path: says for path, says in links.items() if not any(path.is_relative_to(root) for root in visible)}
    return PythonFiles(
        binds=tuple(Bind(source=path, target=str(path)) for path in shown),
        links=tuple((str(path), says) for path, says in sorted(needed.items())),
    )


def app_binds(packages: Iterable[str]) -> tuple[Bind, ...]:
    """Our packages ("head.pool", "ray_jobs") below /app, found as this process imports them. Raises SealError."""
    binds = []
    for package in packages:
        top, *rest = package.split(".")
        spec = importlib.util.find_spec(top)
        places = [Path(place).joinpath(*rest) for place in (spec.submodule_search_locations or [])] if spec else []
        found = next((place for place in places if place.is_dir()), None)
        if found is None:
            raise SealError(f"Hayride's own package {package} is not installed.", "Install Hayride again.")
        binds.append(Bind(source=found.resolve(), target="/".join((_APP, top, *rest))))
    return tuple(binds)


def _follow(path: Path) -> tuple[Path, dict[Path, str]]:
    """The real path, and every symlink on the way with what it says, as the kernel walks it."""
    links: dict[Path, str] = {}
    hops = 0
    waiting, at = list(path.parts[1:]), Path("/")
    while waiting:
        name = waiting.pop(0)
        at = at.parent if name == ".." else at / name
        if not at.is_symlink():
            continue
        says = os.readlink(at)
        links[at] = says
        hops += 1
        if hops > _MOST_LINKS:
            raise SealError(f"{path} leads through too many symlinks.")
        target = Path(says)
        waiting = [*(part for part in target.parts if part != "/"), *waiting]
        at = Path("/") if target.is_absolute() else at.parent
    return at, links


def _prefix(real: Path) -> list[Path]:
    """What to show of the installation that the real interpreter belongs to."""
    prefix = real.parent.parent
    if prefix == Path("/usr") or any(real.is_relative_to(root) for root in SYSTEM):
        return []
    # These hold other things than Python: show Python's alone.
    if prefix in (Path("/usr/local"), Path.home(), Path.home() / ".local", Path("/opt")):
        version = real.name.removeprefix("python")
        parts = [*prefix.glob("bin/python3*"), *prefix.glob("lib/libpython3*"), prefix / "lib" / f"python{version}"]
        return [part for part in parts if part.exists() and not part.is_symlink()]
    return [prefix]


def _home(settings: Path) -> Path:
    for line in settings.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return Path(value.strip())
    raise SealError(f"{settings} does not say where its Python is.", "Make the environment again.")


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Each path once, without those below another."""
    distinct = sorted(set(paths))
    return [path for path in distinct if not any(path != other and path.is_relative_to(other) for other in distinct)]
