"""Virtual meters: sums, differences and shares of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bms.metering.events import event
from bms.metering.flaw import Flaw, FlawCode
from bms.metering.step_edges import step_edges
from bms.model.fact import MessageCode, fact
from bms.model.readings.metering import Consumption, MeterEvent
from bms.model.readings.runs_and_peaks import Mask, runs
from bms.model.readings.series import Floats, Micros, Series

ROUNDING = 1e-9
"""Below zero by less than this share of the parts is arithmetic, not use."""


class VirtualCode(MessageCode):
    """What is said about the parts of a virtual meter."""

    PART = "part_of_virtual_meter"


def virtual_use(
    parts: Mapping[str, Consumption], terms: Iterable[tuple[str, float]], *, signed: bool = False
) -> Consumption:
    """The sum of factor times use over ``terms``, pairs of a key of ``parts`` and a factor.

    A step is NaN where it is for any part: a building does not use less because one of its meters
    was not read. It is NaN too where a difference falls below zero (the parts are not read at the
    same instant); the total still counts it, and is None only where that of a part is, or where it
    is below zero itself. Events are those of the parts, with their names; the amounts stay with
    the parts. With ``signed`` it may be below zero: more went out than came in.

    Raises ValueError without terms, for an unknown part, and for parts in different units or over
    different steps.
    """
    pairs = tuple(terms)
    chosen = [(_part(parts, name), factor) for name, factor in pairs]
    if not chosen:
        raise ValueError("a virtual meter has at least one term")
    first = chosen[0][0]
    _alike(first, [part for part, _ in chosen])
    use = np.sum([factor * part.use.values for part, factor in chosen], axis=0)
    size = np.sum([abs(factor) * np.abs(part.use.values) for part, factor in chosen], axis=0)
    below = np.zeros(len(use), dtype=np.bool_) if signed else use < -ROUNDING * size
    edges = _edges(first)
    events = [
        event(Flaw(FlawCode.BELOW_ZERO, int(edges[i]), int(edges[j]), amount), first.unit)
        for i, j in runs(below)
        for amount in [float(use[i:j].sum())]
    ]
    names = dict.fromkeys(name for name, _ in pairs)
    events += [_of(name, each) for name in names for each in parts[name].events]
    return Consumption(
        use=Series(first.use.start, first.use.step, use if signed else _at_least_zero(use, below)),
        unit=first.unit,
        total=_total(chosen, signed=signed),
        events=tuple(sorted(events, key=lambda each: (each.start, each.end))),
        edges=first.edges,
    )


def _part(parts: Mapping[str, Consumption], name: str) -> Consumption:
    if name not in parts:
        raise ValueError(f"a virtual meter asks for {name}, and there is only {', '.join(parts)}")
    return parts[name]


def _alike(first: Consumption, parts: Sequence[Consumption]) -> None:
    for part in parts:
        if part.unit is not first.unit:
            raise ValueError(f"{part.unit} cannot be added to {first.unit}")
        if not np.array_equal(_edges(part), _edges(first)):
            raise ValueError("only use over the same steps can be added")


def _edges(part: Consumption) -> Micros:
    return (
        step_edges(part.use.start, part.use.end, part.use.step)
        if part.edges is None
        else part.edges
    )


def _at_least_zero(use: Floats, below: Mask) -> Floats:
    values: Floats = np.where(below, np.nan, np.maximum(use, 0.0))
    return values


def _total(chosen: Sequence[tuple[Consumption, float]], *, signed: bool) -> float | None:
    amounts = [factor * part.total for part, factor in chosen if part.total is not None]
    total = sum(amounts)
    return total if len(amounts) == len(chosen) and (signed or total >= 0) else None


def _of(meter: str, each: MeterEvent) -> MeterEvent:
    """The event of a part, named as such: its amount is the part's and not the sum's."""
    return replace(each, amount=None, fact=fact(VirtualCode.PART, meter=meter, event=each.fact))
