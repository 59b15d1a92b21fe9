"""Run the rules on a subject: findings, and where a rule cannot run. None is left out silently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bms.faults.air import coils, mixing_box, recovery
from bms.faults.air import running as running_times
from bms.faults.codes import CannotCode
from bms.faults.delays import runs
from bms.faults.hydronics import circuit, rooms
from bms.faults.meters import cooling, counting, electricity, load_shape, seasons, water
from bms.faults.observations import DAY_S, Equipment, Observations
from bms.faults.residuals import conformal
from bms.faults.rule import Detected, Rule, missing
from bms.faults.sensors import neighbours, values
from bms.faults.signals import AMOUNTS, SHARES, Signal, unit_of
from bms.model.fact import Fact, fact
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import CannotRun, Evidence, EvidenceSeries, Finding

RULES: tuple[Rule, ...] = (
    *cooling.RULES,
    *load_shape.RULES,
    *seasons.RULES,
    *counting.RULES,
    *electricity.RULES,
    *water.RULES,
    *circuit.RULES,
    *rooms.RULES,
    *mixing_box.RULES,
    *coils.RULES,
    *recovery.RULES,
    *running_times.RULES,
    *values.RULES,
    *neighbours.RULES,
    *conformal.RULES,
)


MOST_VALUES = 400
"""Values that a line of a picture keeps."""
PLACELESS = 40
"""Detections of one rule that are told one by one; rooms beyond them are the same fault."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the rules of a subject answered; ``ran`` counts those that could look."""

    findings: tuple[Finding, ...]
    cannot: tuple[CannotRun, ...]
    ran: int

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            self.findings + other.findings, self.cannot + other.cannot, self.ran + other.ran
        )


def applies(rule: Rule, equipment: Equipment) -> bool:
    """Whether a rule is about such equipment."""
    return rule.equipment in (equipment, Equipment.ANY)


def detect(seen: Observations, rules: Iterable[Rule] = RULES) -> Answers:
    """What every rule for the subject's equipment answers."""
    answers = Answers((), (), 0)
    for rule in rules:
        if applies(rule, seen.equipment):
            answers += _ask(seen, rule)
    return answers


def detect_all(subjects: Sequence[Observations], rules: Iterable[Rule] = RULES) -> Answers:
    """The answers of several subjects together."""
    chosen = tuple(rules)
    return sum((detect(seen, chosen) for seen in subjects), Answers((), (), 0))


def qualify(seen: Observations, rule: Rule) -> Fact | None:
    """Why a rule cannot run on a subject by what it has; None where it can be tried."""
    lacks = [signal for signal in rule.needs if not seen.has(signal)]
    if not lacks and rule.any_of and not any(map(seen.has, rule.any_of)):
        lacks = list(rule.any_of)
    return missing(lacks) if lacks else None


def _ask(seen: Observations, rule: Rule) -> Answers:
    reason = qualify(seen, rule)
    if reason is None:
        try:
            with np.errstate(invalid="ignore", divide="ignore"):
                answer = rule.look(seen, rule.at(seen))
        except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
            answer = fact(CannotCode.RULE_FAILED, error=str(error))
        if not isinstance(answer, Fact):
            told = [each for one in answer[:PLACELESS] for each in _findings(seen, rule, one)]
            return Answers(tuple(told), (), 1)
        reason = answer
    refusal = CannotRun(rule=rule.id, site_id=seen.site_id, subject=seen.subject, reason=reason)
    return Answers((), (refusal,), 0)


def _findings(seen: Observations, rule: Rule, one: Detected) -> list[Finding]:
    """A finding for each stretch of time; what comes back within the rule's ``join_h``, or on the
    next day, is the same stretch."""
    stretches: list[tuple[int, int]] = []
    for first, end in runs(one.flags):
        if stretches and _same(seen, rule, stretches[-1][1] - 1, first):
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((first, end))
    return [_finding(seen, rule, one, first, end) for first, end in stretches]


def _same(seen: Observations, rule: Rule, last: int, first: int) -> bool:
    apart = int(seen.at[first]) - int(seen.at[last])
    days = int(seen.local.day[first]) - int(seen.local.day[last])
    return apart <= rule.join_h * 3600 or days <= 1


def _finding(seen: Observations, rule: Rule, one: Detected, first: int, end: int) -> Finding:
    start, stop = seen.moment(first), seen.moment(end - 1)
    stop = type(stop).fromtimestamp(stop.timestamp() + seen.step_s, stop.tzinfo)
    subject = seen.subject if one.place is None else f"{seen.subject}/{one.place}"
    before = max(0, int(np.searchsorted(seen.at, int(seen.at[first]) - _lead_s(rule))))
    after = min(len(seen), max(end, int(np.searchsorted(seen.at, int(seen.at[end - 1]) + 7200))))
    risk = None if rule.risk is None else fact(rule.risk)
    hours = _stood_h(seen, rule, one.flags[first:end])
    return Finding(
        rule=rule.id,
        site_id=seen.site_id,
        subject=subject,
        start=start,
        end=stop,
        severity=one.severity or rule.severity,
        evidence=Evidence(
            start=seen.moment(before),
            end=stop,
            series=_lines(seen, one, slice(before, after)),
        ),
        price=one.price,
        fact=Fact(rule.fact.value, {"hours": hours, **one.parameters}),
        look_for=fact(rule.look_for),
        confidence=one.confidence,
        comfort_kh_year=one.comfort_kh_year,
        risk=risk,
    )


def _stood_h(seen: Observations, rule: Rule, flags: Flags) -> float:
    """How long the condition of a rule held in a stretch [h]: it had stood for the delay before
    each run of it was confirmed."""
    confirming = rule.delay_h - seen.step_s / 3600.0
    return seen.hours(flags) + len(runs(flags)) * max(confirming, 0.0)


def _lead_s(rule: Rule) -> int:
    """How long before its confirmation the picture of a fault begins [s]."""
    return int(max(rule.delay_h * 3600 * 3, DAY_S // 4))


def _lines(seen: Observations, one: Detected, where: slice) -> tuple[EvidenceSeries, ...]:
    lines = [
        _line(seen, signal.value, unit_of(signal), seen.signals[signal], signal, where)
        for signal in dict.fromkeys(one.lines)
        if signal in seen.signals
    ]
    for name, series in one.extra.items():
        signal = Signal(name)
        lines.append(_line(seen, name, unit_of(signal), series, signal, where))
    return tuple(lines)


def _line(
    seen: Observations, name: str, unit: str, values: Floats, signal: Signal, where: slice
) -> EvidenceSeries:
    """A line on an even grid from the first interval on, thinned by means, amounts by sums."""
    at = seen.at[where]
    length = int(at[-1] - at[0]) // seen.step_s + 1
    thin = -(-length // MOST_VALUES)
    place = (at - at[0]) // (seen.step_s * thin)
    chosen = values[where] * (100.0 if signal in SHARES else 1.0)
    known: Flags = np.isfinite(chosen)
    n = np.bincount(place[known], minlength=int(place[-1]) + 1)
    total = np.bincount(place[known], chosen[known], minlength=int(place[-1]) + 1)
    shown = total if signal in AMOUNTS else total / np.maximum(n, 1)
    return EvidenceSeries(
        name=name,
        unit=unit,
        start=seen.moment(where.start),
        step_s=seen.step_s * thin,
        values=tuple(round(float(v), 4) if c else None for v, c in zip(shown, n, strict=True)),
    )
