"""Against learned normal behaviour: residuals with a conformal threshold.

The score of a day is the mean residual of several days over the usual deviation. It is compared
with the scores of the subject's own past: at a false-alarm rate of alpha the threshold is the
ceil((n + 1)(1 - alpha)) th smallest of n past scores (Vovk, Gammerman & Shafer 2005; Laxhammar &
Falkman 2014). Scores of neighbouring days overlap, so blocks of ``DAYS`` days count once, and the
largest of each is kept.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from bms.faults.codes import FaultCode, LookFor
from bms.faults.days import DayTable, last_mean, outdoor_days, trailing
from bms.faults.earlier import MAD_TO_DEVIATION, earlier_alike
from bms.faults.expected import ExpectedDays, expectation
from bms.faults.meters.heat_days import HeatDays
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import electricity_price, heat_price
from bms.faults.rooms import rooms
from bms.faults.rule import Detected, Rule, Seen, found, too_short
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId

DAYS = 5
GUARD_DAYS = 10
LEAST_BLOCKS = 12
FEWEST_DAYS = 100
ALIKE_K, FEWEST_ALIKE = 3.0, 20


def conformal_threshold(past: Floats, alpha: float) -> float:
    """The threshold of scores at a false-alarm rate of ``alpha``; infinite where too few past
    scores are there to tell so rare an event."""
    known = np.sort(past[np.isfinite(past)])
    rank = math.ceil((len(known) + 1) * (1.0 - alpha))
    return float(known[rank - 1]) if 0 < rank <= len(known) else math.inf


def exceedance(scores: Floats, alpha: float, *, spare: float = 1.1) -> Floats:
    """Score over its threshold from the past of each day; NaN where the past is too short. The
    threshold is multiplied by ``spare`` where the past has fewer blocks than ``1 / alpha``: it is
    the largest then."""
    over = np.full(len(scores), np.nan)
    for day in range(GUARD_DAYS + DAYS * LEAST_BLOCKS, len(scores), 3):
        past = scores[: day - GUARD_DAYS]
        blocks = _largest_of_blocks(past)
        blocks = blocks[np.isfinite(blocks)]
        if len(blocks) < LEAST_BLOCKS:
            continue
        threshold = conformal_threshold(blocks, alpha)
        if math.isinf(threshold):
            threshold = spare * float(blocks.max())
        over[day : day + 3] = scores[day : day + 3] / max(threshold, 1e-9)
    return over


def _largest_of_blocks(scores: Floats) -> Floats:
    n = len(scores) // DAYS * DAYS
    if not n:
        return scores[:0]
    blocks = scores[len(scores) - n :].reshape(-1, DAYS)
    known = np.isfinite(blocks)
    largest = np.where(known, blocks, -np.inf).max(axis=1)
    return np.where(known.any(axis=1), largest, np.nan)


def _lately(off: Floats) -> Floats:
    return trailing(off, DAYS, least=DAYS - 1)


def _unusual(
    seen: Observations, rule: Rule, off: Floats, usual: ExpectedDays, least: float
) -> Flags:
    """Days whose residual over the usual deviation, of ``least`` at least, is beyond what the
    subject's own past has shown; further where people said that there was no fault. Holidays are
    neither judged nor part of that past: what a building does on them says nothing of other days.
    """
    scores = _lately(off) / np.maximum(_deviation(seen, off, usual), least)
    over = exceedance(np.where(_holidays(seen), np.nan, scores), rule.tolerance)
    beyond: Flags = over > seen.context.raised.get(rule.id, 1.0)
    return beyond


def _holidays(seen: Observations) -> Flags:
    """Days of which, with those before them, a third or more are closed for another reason than
    their weekday."""
    listed = DayTable.of(seen).listed.astype(np.float64)
    many: Flags = trailing(listed, DAYS, least=1) >= 0.3
    return many


def _deviation(seen: Observations, off: Floats, usual: ExpectedDays) -> Floats:
    """Usual deviation of days about as cold as each, no more of them known: of all days. Where the
    weather changes what a building does, days are further off than in steady frost."""
    if not seen.has(Signal.OUTDOOR_TEMP):
        return usual.scale
    table = DayTable.of(seen)
    like = earlier_alike(
        np.abs(off),
        outdoor_days(seen, table),
        ALIKE_K,
        kind=np.zeros(len(table), dtype=np.bool_),
        guard=GUARD_DAYS,
        fewest=FEWEST_ALIKE,
    )
    return np.where(np.isfinite(like.median), MAD_TO_DEVIATION * like.median, usual.scale)


def heat_residual(seen: Observations, rule: Rule) -> Seen:
    """Five days take more heat than their weather explains, by the subject's own measure."""
    days = HeatDays.of(seen)
    if len(days.table) < FEWEST_DAYS:
        return too_short(len(days.table), FEWEST_DAYS)
    off = days.heat - days.expected.value
    lately, mean = _lately(off), float(np.nanmean(days.heat))
    relative = lately / np.maximum(_lately(days.expected.value), 1e-9)
    much = (relative > 0.04) & (lately > 0.08 * mean)
    flags = days.table.stood(_unusual(seen, rule, off, days.expected, 0.02 * mean) & much, 2)
    extra = last_mean(lately, flags)
    return found(
        days.table.spread(flags),
        {"share": last_mean(relative, flags), "extra": extra},
        price=heat_price(seen.context, extra * 365.0 * 0.6, error=0.6),
        lines=(Signal.HEAT, Signal.OUTDOOR_TEMP),
    )


def electricity_residual(seen: Observations, rule: Rule) -> Seen:
    """Five days take more electricity than the kind of day and its season explain."""
    table = DayTable.of(seen)
    if len(table) < FEWEST_DAYS:
        return too_short(len(table), FEWEST_DAYS)
    use = table.total(seen[Signal.ELECTRICITY])
    usual = expectation(use, _kinds_of_days(seen), history_days=240)
    off, mean = use - usual.value, float(np.nanmean(use))
    much = _lately(off) > 0.04 * mean
    flags = table.stood(_unusual(seen, rule, off, usual, 0.02 * mean) & much, 2)
    extra = last_mean(_lately(off), flags)
    return found(
        table.spread(flags),
        {"share": extra / mean, "extra": extra},
        price=electricity_price(seen.context, extra * 365.0, error=0.5),
        lines=(Signal.ELECTRICITY,),
    )


def _kinds_of_days(seen: Observations) -> list[Floats]:
    """Designs of days by use, weekday and cold, without and with the season's wave."""
    table = DayTable.of(seen)
    columns = [np.ones(len(table)), table.closed, (table.day + 3) % 7 == 5]
    if seen.has(Signal.OUTDOOR_TEMP):
        columns.append(np.maximum(15.0 - outdoor_days(seen, table), 0.0))
    plain = np.stack(columns, axis=1).astype(np.float64)
    season = np.cos(2 * np.pi * (table.day % 365.25) / 365.25)
    return [plain, np.column_stack([plain, season])]


def temperature_residual(seen: Observations, rule: Rule) -> Seen:
    """A room's temperature has left what its setpoint, the weather and the use explain."""
    table = DayTable.of(seen)
    if len(table) < FEWEST_DAYS:
        return too_short(len(table), FEWEST_DAYS)
    outdoor = table.mean(seen[Signal.OUTDOOR_TEMP])
    plain = [np.ones(len(table)), outdoor, np.maximum(outdoor - 14.0, 0.0), table.closed]
    answers: list[Detected] = []
    for room in rooms(seen, Signal.ZONE_TEMP):
        wanted = room.columns.get(Signal.ZONE_SETPOINT)
        columns = plain if wanted is None else [*plain, table.mean(wanted)]
        temp = table.mean(room[Signal.ZONE_TEMP])
        usual = expectation(temp, [np.stack(columns, axis=1).astype(np.float64)])
        lately = _lately(temp - usual.value)
        over = exceedance(np.abs(lately) / np.maximum(usual.scale, 0.1), rule.tolerance)
        beyond = over > seen.context.raised.get(rule.id, 1.0)
        flags = table.stood(beyond & (np.abs(lately) > 1.0), 2)
        told = {"off": last_mean(lately, flags)}
        answers += room.told(table.spread(flags), told, (Signal.ZONE_TEMP,))
    return tuple(answers)


ALPHA = 0.01
"""A false alarm in a hundred blocks of five days: less than one a year."""
_row = partial(
    Rule,
    source="Vovk et al. 2005; Laxhammar & Falkman 2014; EnergyFaultDetector (arXiv 2511.14791)",
    silent=(State.THIN_DATA,),
    tolerance=ALPHA,
    under=True,
    unit="false alarms a block of five days",
    delay_h=120,
)
RULES = (
    _row(
        id=RuleId("RES-HEAT"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.HEAT_RESIDUAL,
        look=heat_residual,
        look_for=LookFor.HEAT_LOSS,
        needs=(Signal.HEAT, Signal.OUTDOOR_TEMP),
    ),
    _row(
        id=RuleId("RES-ELECTRICITY"),
        equipment=Equipment.ELECTRICITY_METER,
        fact=FaultCode.ELECTRICITY_RESIDUAL,
        look=electricity_residual,
        look_for=LookFor.STANDBY,
        needs=(Signal.ELECTRICITY,),
    ),
    _row(
        id=RuleId("RES-ROOM"),
        equipment=Equipment.ROOMS,
        fact=FaultCode.ROOM_RESIDUAL,
        look=temperature_residual,
        look_for=LookFor.RADIATOR,
        needs=(Signal.ZONE_TEMP, Signal.OUTDOOR_TEMP),
    ),
)
