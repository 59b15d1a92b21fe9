"""What keeps a saving from being claimed, and how far it may be claimed in spite of it.

A verdict is never chosen: it is the lowest ceiling of the objections that were found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bms.model.fact import Fact, MessageCode, Parameter


class Verdict(StrEnum):
    """How far a saving may be claimed."""

    VERIFIED = "verified"
    INDICATIVE = "indicative"
    NOT_CLAIMABLE = "not_claimable"


_WORST_FIRST = (Verdict.NOT_CLAIMABLE, Verdict.INDICATIVE, Verdict.VERIFIED)


class ObjectionKind(StrEnum):
    """What an objection is about."""

    DATA = "data"
    """The amount of data, or how far they reach."""
    MODEL = "model"
    """How well the baseline model follows the use of its period."""
    SIZE = "size"
    """The saving beside its own uncertainty."""
    EVENT = "event"
    """A non-routine event that nobody has confirmed or dismissed."""
    BASELINE = "baseline"
    """A baseline that is not the one that was frozen."""
    PARTS = "parts"
    """Parts of a sum that cannot be claimed alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection(Fact):
    """A fact that limits a claim: no verdict above ``ceiling`` is left open by it."""

    kind: ObjectionKind
    ceiling: Verdict

    __hash__ = Fact.__hash__


def objection(
    code: MessageCode, kind: ObjectionKind, ceiling: Verdict, /, **parameters: Parameter
) -> Objection:
    """Returns the objection of this code with the parameters of its message."""
    return Objection(code.value, parameters, kind=kind, ceiling=ceiling)


def verdict_of(objections: Iterable[Objection]) -> Verdict:
    """Returns the best verdict that all objections leave open; verified without any."""
    ceilings = (each.ceiling for each in objections)
    return min(ceilings, key=_WORST_FIRST.index, default=Verdict.VERIFIED)


def verdict_of_saving(saving_kwh: float | None, objections: Iterable[Objection]) -> Verdict:
    """Returns the verdict of a saving [kWh]; what has no number is not claimable."""
    return Verdict.NOT_CLAIMABLE if saving_kwh is None else verdict_of(objections)
