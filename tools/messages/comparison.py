"""Code and catalogues side by side: what lacks a message, what is left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from string import Formatter

from bms.messages.catalogue import FOLDER, SOURCE, catalogue, languages
from bms.model.fact import MessageCode, TermCode
from tools.messages.catalogue_files import ordered
from tools.messages.families import FAMILIES, members
from tools.messages.uses import GAP, Use, uses

Key = tuple[str, str]
"""Context and code."""


def placeholders(text: str) -> set[str]:
    """Returns the names of the placeholders of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def needed(found: Iterable[Use]) -> set[Key]:
    """Returns the messages that code asks for. Raises ``KeyError`` for a gap without family."""
    codes = {(use.context, code) for use in found if not use.optional for code in _filled(use)}
    codes |= {("fact", code) for code in members(MessageCode)}
    return codes | {("term", code) for code in members(TermCode)}


def _filled(use: Use) -> list[str]:
    if GAP not in use.code:
        return [use.code]
    return [use.code.replace(GAP, str(value)) for value in FAMILIES[use.context, use.code]]


def differences(folder: Path = FOLDER) -> list[str]:
    """Returns a line for each thing that is wrong, by language."""
    found = uses()
    wanted = needed(found)
    lines = [*_twice(), *_families_left_over(found)]
    for language in languages(folder):
        have = set(catalogue(language, folder).messages)
        lines += [f"{language}: no message {c}:{code}" for c, code in sorted(wanted - have)]
        spare = {key for key in have - wanted if not _maybe(key, found)}
        lines += [f"{language}: no code asks for {c}:{code}" for c, code in sorted(spare)]
        lines += _other_placeholders(language, folder)
        if ordered(folder / f"{language}.po") != (folder / f"{language}.po").read_text("utf-8"):
            lines.append(f"{language}: not in order; run tools/messages --write")
    return [*lines, *_without_parameter(found, folder)]


def _twice() -> list[str]:
    times = Counter(members(MessageCode))
    return [f"{code} names {n} facts" for code, n in sorted(times.items()) if n > 1]


def _families_left_over(found: Iterable[Use]) -> list[str]:
    used = {(use.context, use.code) for use in found}
    return [
        f"no code asks for the family {c}:{code}" for c, code in FAMILIES if (c, code) not in used
    ]


def _maybe(key: Key, found: Iterable[Use]) -> bool:
    """Whether the message is one that code can do without."""
    context, code = key
    return any(
        use.optional and use.context == context and fnmatchcase(code, use.code.replace(GAP, "*"))
        for use in found
    )


def _other_placeholders(language: str, folder: Path) -> Iterator[str]:
    source = catalogue(SOURCE, folder).messages
    for key, message in sorted(catalogue(language, folder).messages.items()):
        here = {name for form in message.forms for name in placeholders(form)}
        if key in source and here != {n for f in source[key].forms for n in placeholders(f)}:
            yield f"{language}: {key[0]}:{key[1]} has other placeholders than {SOURCE}"


def _without_parameter(found: Iterable[Use], folder: Path) -> Iterator[str]:
    """Placeholders of messages for which the code hands in nothing."""
    source = catalogue(SOURCE, folder).messages
    for use in found:
        for code in _filled(use) if use.parameters is not None and not use.optional else ():
            message = source.get((use.context, code))
            for form in message.forms if message is not None else ():
                for name in sorted(placeholders(form) - (use.parameters or frozenset())):
                    yield f"{use.where}: {use.context}:{code} needs {name}"
