"""Which messages the code asks for: read from its syntax, without running it.

In ``api``, ``bms.cli`` and ``bms.notices`` a message is asked for by ``t("code", name=value)``
(``self`` inside the class of ``t``), in ``bms.reports`` by ``text.word("code", name=value)``. A
code may be an f-string with one gap; then an enumeration says what fills it (``families``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, nodes

ROOT = Path(__file__).parents[2]
CALLED = "t"
WORD = "word"
ONE_OF = "one_of"
CONTEXTS = (
    ("api", "page"),
    ("bms/cli", "cli"),
    ("bms/reports", "report"),
    ("bms/notices", "notice"),
)
GAP = "{}"


@dataclass(frozen=True, slots=True)
class Use:
    """A message that is asked for. ``code`` has a gap where an enumeration fills it."""

    context: str
    code: str
    parameters: frozenset[str] | None
    """None where they cannot be told from the syntax."""
    optional: bool
    """Whether there is a text of its own where there is no such message."""
    where: str


class Unreadable(Exception):
    """A call whose code is neither a text nor an f-string with one gap."""


def uses(root: Path = ROOT) -> list[Use]:
    """Returns every use of a message of the contexts page, cli and report.

    Raises ``Unreadable`` for a code that only running the program would tell.
    """
    found: list[Use] = []
    for folder, context in CONTEXTS:
        for file in sorted((root / folder).rglob("*.py")):
            found += _in_python(file, context, root)
    for file in sorted((root / "api").rglob("*.html")):
        found += _in_template(file, root)
    return found


def _in_python(file: Path, context: str, root: Path) -> Iterator[Use]:
    for call in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        name = _called(call.func, context)
        if name is None:
            continue
        where = f"{file.relative_to(root)}:{call.lineno}"
        names = [keyword.arg for keyword in call.keywords]
        known = None if None in names else frozenset(filter(None, names))
        for code in _codes(call.args[0], where):
            yield Use(context, code, known, name == ONE_OF, where)


def _called(func: ast.expr, context: str) -> str | None:
    match func:
        case ast.Name(id="t" | "self") if context != "report":
            return CALLED
        case ast.Attribute(value=ast.Name(id="t"), attr="one_of"):
            return ONE_OF
        case ast.Attribute(attr="word") if context == "report":
            return WORD
    return None


def _codes(code: ast.expr, where: str) -> list[str]:
    match code:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=one, orelse=other):
            return [*_codes(one, where), *_codes(other, where)]
        case ast.JoinedStr(values=parts):
            texts = [part.value if isinstance(part, ast.Constant) else GAP for part in parts]
            return ["".join(map(str, texts))]
    raise Unreadable(where)


def _in_template(file: Path, root: Path) -> Iterator[Use]:
    tree = Environment(autoescape=True).parse(file.read_text("utf-8"))
    for call in tree.find_all(nodes.Call):
        optional = isinstance(call.node, nodes.Getattr) and call.node.attr == ONE_OF
        target = call.node.node if isinstance(call.node, nodes.Getattr) else call.node
        if not isinstance(target, nodes.Name) or target.name != CALLED:
            continue
        if isinstance(call.node, nodes.Getattr) and not optional:
            continue
        where = f"{file.relative_to(root)}:{call.lineno}"
        names = frozenset(keyword.key for keyword in call.kwargs)
        for code in _template_codes(call.args[0], where):
            yield Use("page", code, names, optional, where)


def _template_codes(code: nodes.Expr, where: str) -> list[str]:
    match code:
        case nodes.Const():
            return [str(code.value)]
        case nodes.CondExpr():
            other = code.expr2
            return [
                *_template_codes(code.expr1, where),
                *([] if other is None else _template_codes(other, where)),
            ]
        case nodes.Concat():
            parts = (part.value if isinstance(part, nodes.Const) else GAP for part in code.nodes)
            return ["".join(map(str, parts))]
    raise Unreadable(where)
