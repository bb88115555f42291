"""The texts of the chat as its source has them, and the catalogues beside them.

`python -m tests.support.chat_texts` (scripts/words) brings the catalogues up to date: new texts come in without a
translation, those that nobody says any more go.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

BOT = Path(__file__).resolve().parents[2] / "bot"
LOCALE = BOT / "locale"

#: What translates, and which of its arguments: one text, or one and many.
TRANSLATING = {"fill": (0,), "tr": (0,), "N_": (0,), "alert": (0,), "ntr": (0, 1), "plural": (1, 2)}
#: Where a text may come from a table of `N_("...")`.
OF_TABLES = {"tr", "alert"}

#: Speaks to the operator, in English.
_FOR_OPERATORS = {"telegram_intake.py"}
#: What looks like a sentence and is none: Telegram's errors, Unicode's classes, a language by its own name.
FOR_PROGRAMS = {
    "Cc", "Cs", "Cf", "English",
    "message to edit not found", "message can't be edited", "no text in the message to edit", "message is not modified",
}  # fmt: skip

_HOLES = re.compile(r"\{\w*\}|</?\w[^>]*>")
#: Two words side by side, or a capitalised one; not a command, and no settings as they are typed.
_SENTENCE = re.compile(r"^(?!/)(?!\w+=)(.*[^\W\d_]{2,}[,.:;!?]? [^\W\d_]|[A-Z][a-z]+$)", re.DOTALL)

#: Exceptions that nobody in the chat is told of.
_FOR_LOGS = {"ValueError", "LookupError", "Undeliverable", "BadCallback", "error"}

Text = tuple[str, ...]  #: one text, or one and many


@dataclass(kw_only=True)
class Found:
    """What a source file says."""

    texts: set[Text] = field(default_factory=set)
    #: What is no literal where one has to stand, and words that nothing translates: "file:line what".
    wrong: list[str] = field(default_factory=list)


def sources() -> list[Path]:
    return sorted(path for path in BOT.rglob("*.py") if path.name not in _FOR_OPERATORS)


def found_in(paths: list[Path]) -> Found:
    found = Found()
    for path in paths:
        _Reader(path, found).visit(ast.parse(path.read_text()))
    return found


def has_words(text: str) -> bool:
    """Whether there is something to translate besides placeholders and tags."""
    return any(character.isalpha() for character in _HOLES.sub("", text))


class _Reader(ast.NodeVisitor):
    def __init__(self, path: Path, found: Found) -> None:
        self._name = path.relative_to(BOT).as_posix()
        self._found = found

    def visit_Call(self, node: ast.Call) -> None:
        name = _called(node.func)
        if name in TRANSLATING and len(node.args) > max(TRANSLATING[name]):
            places = TRANSLATING[name]
            self._take(name, node, [node.args[place] for place in places])
            for index, argument in enumerate(node.args):
                if index not in places or not isinstance(argument, ast.Constant):
                    self.visit(argument)
        elif not _is_for_programs(node.func):
            for argument in node.args:
                self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg not in {"name", "task_name"} or name in TRANSLATING:
                self.visit(keyword.value)
        self.visit(node.func)

    def _take(self, name: str, node: ast.Call, arguments: list[ast.expr]) -> None:
        values = [argument.value for argument in arguments if isinstance(argument, ast.Constant)]
        texts = tuple(value for value in values if isinstance(value, str))
        if len(texts) == len(arguments):
            if has_words(texts[0]):
                self._found.texts.add(texts)
        elif name not in OF_TABLES and self._name not in {"html.py", "chat.py", "amounts.py"}:
            self._wrong(node, f"{name}() of what is no literal")

    def visit_Raise(self, node: ast.Raise) -> None:
        """An exception that is no refusal is for the log."""
        if isinstance(node.exc, ast.Call) and _called(node.exc.func) not in _FOR_LOGS:
            self.visit(node.exc)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            if not (isinstance(statement, ast.FunctionDef) and statement.name == "__init__" and _is_error(node)):
                self.visit(statement)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Dict(self, node: ast.Dict) -> None:
        for value in node.values:
            self.visit(value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and _SENTENCE.search(node.value) and node.value not in FOR_PROGRAMS:
            self._wrong(node, f"not translated: {node.value!r}")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        said = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        if _SENTENCE.search(said):
            self._wrong(node, f"not translated: {said!r}")
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def _wrong(self, node: ast.expr, what: str) -> None:
        self._found.wrong.append(f"{self._name}:{node.lineno} {what}")


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Subscript):
        return _called(function.value)
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_error(node: ast.ClassDef) -> bool:
    return any(_called(base).endswith(("Error", "Exception")) for base in node.bases)


def _is_for_programs(function: ast.expr) -> bool:
    """Logs and patterns are read by nobody in the chat."""
    owner = function.value if isinstance(function, ast.Attribute) else None
    return getattr(owner, "id", "") in {"logger", "logging", "re"} or _called(function) == "TypeVar"


def catalogues() -> Iterator[tuple[str, Path]]:
    """(language, file) of each."""
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/hayride.po")):
        yield path.parts[-3], path


def read(language: str, path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


def write(path: Path, catalogue: Catalog) -> None:
    """In the order of the alphabet, without line numbers and dates, so that a change shows what changed."""
    head = path.read_text().partition("\n\n")[0]
    body = io.BytesIO()
    write_po(body, catalogue, width=120, omit_header=True, no_location=True, sort_output=True, ignore_obsolete=True)
    path.write_text(f"{head}\n\n{body.getvalue().decode().strip()}\n")


def main() -> None:
    texts = found_in(sources()).texts
    for language, path in catalogues():
        catalogue = read(language, path)
        template = Catalog()
        for text in texts:
            template.add(text[0] if len(text) == 1 else text)
        catalogue.update(template, no_fuzzy_matching=True, keep_user_comments=True)
        write(path, catalogue)
        missing = [message.id for message in catalogue if message.id and not all(_strings(message.string))]
        print(f"{language}: {len(catalogue)} texts, {len(missing)} without a translation")  # noqa: T201
        for id in missing:
            print(f"  {id}")  # noqa: T201


def _strings(string: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [string] if isinstance(string, str) else list(string or [""])


if __name__ == "__main__":
    main()
