"""Every message has every language, with the same placeholders; none is left over."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from pkgutil import walk_packages
from string import Formatter

import pytest

from bms.messages.catalogue import catalogue, languages
from bms.model.fact import MessageCode, TermCode

ROOTS = ("bms", "drivers", "optimizer", "sites")


def members(base: type[MessageCode] | type[TermCode]) -> list[str]:
    """The values of every enumeration below ``base``, wherever it stands in the house."""
    for root in ROOTS:
        package = import_module(root)
        for module in walk_packages(package.__path__, f"{root}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                import_module(module.name)
    found, waiting = [], [base]
    while waiting:
        families = waiting.pop().__subclasses__()
        waiting.extend(families)
        found.extend(member.value for family in families for member in family)
    return found


FACTS = members(MessageCode)
TERMS = members(TermCode)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_code_names_one_message() -> None:
    assert [code for code, times in Counter(FACTS).items() if times > 1] == []


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("context", "codes"), [("fact", FACTS), ("term", TERMS)])
def test_every_fact_and_term_has_a_message(language: str, context: str, codes: list[str]) -> None:
    have = {code for where, code in catalogue(language).messages if where == context}
    assert sorted(set(codes) - have) == [], "without message"
    assert sorted(have - set(codes)) == [], "left over"


@pytest.mark.parametrize("language", [each for each in languages() if each != "en"])
def test_languages_have_the_same_messages_with_the_same_placeholders(language: str) -> None:
    here, source = catalogue(language).messages, catalogue("en").messages
    assert set(here) == set(source)
    differing = [
        key
        for key, message in here.items()
        if {name for form in message.forms for name in placeholders(form)}
        != {name for form in source[key].forms for name in placeholders(form)}
    ]
    assert differing == []
