"""What is the case, with its numbers and without a sentence.

A fact is made where it is found, is stored with its parameters and is put into words only at the
edge (``bms.messages``), so that an old one can be read in either language. Programs decide on the
type of a finding or on its code, never on its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from bms.errors import BmsError


class MessageCode(StrEnum):
    """Base of the enumerations whose members name a message: one family of facts each.

    Every member needs a message in every catalogue; a test compares them. Values are unique
    across the families and stable, because they are stored and shown in answers of the API.
    """


class TermCode(StrEnum):
    """Base of the enumerations whose members are words inside messages: a quantity, a role."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the catalogue as a parameter: the name of a quantity, of a role, of a unit."""

    term: str
    """Code of the word."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as a parameter; ``at`` is aware."""

    at: datetime
    """The moment, ISO 8601 with offset."""


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day as a parameter."""

    on: date
    """The day, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A message without words: ``code`` names it, ``parameters`` fill its placeholders.

    A parameter ``count`` chooses between singular and plural. Numbers are in the unit that the
    message names; None is "not known".
    """

    code: str
    """Stable name of the message."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """Numbers, names and times of the message by the name of their placeholder."""

    def __hash__(self) -> int:
        return hash((self.code, *sorted(self.parameters)))

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.code}({told})" if told else self.code


Word: TypeAlias = bool | int | float | str | Term | Moment | Day | Fact | None
Parameter: TypeAlias = Word | tuple[Word, ...]


def fact(code: MessageCode, **parameters: Parameter) -> Fact:
    """Returns the fact of this code with these parameters."""
    return Fact(code.value, parameters)


class Explained(BmsError):
    """An error with reasons that are facts; the edge puts them into words behind its text."""

    def __init__(self, text: str, facts: tuple[Fact, ...]) -> None:
        self.text, self.facts = text, facts
        super().__init__(f"{text}: {'; '.join(map(str, facts))}")
