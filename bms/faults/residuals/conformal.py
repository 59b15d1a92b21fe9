"""Against learned normal behaviour: residuals with a conformal threshold.

The score of a day is the mean residual of several days over the usual deviation. It is compared
with the scores of the subject's own past: at a false-alarm rate of alpha the threshold is the
ceil((n + 1)(1 - alpha)) th smallest of n past scores (Vovk, Gammerman & Shafer 2005; Laxhammar &
Falkman 2014). Scores of neighbouring days overlap, so blocks of ``DAYS`` days count once, and the
largest of each is kept.
"""

from __future__ import annotations

import math

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, outdoor_days, trailing
from bms.faults.delays import confirmed
from bms.faults.expected import expectation
from bms.faults.meters.heat_days import HeatDays, last_mean, too_short
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import electricity_price, heat_price
from bms.faults.rule import Look, Rule, Seen, found, nothing
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId

DAYS = 5
GUARD_DAYS = 10
LEAST_BLOCKS = 12


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


def heat_residual(seen: Observations, rule: Rule) -> Seen:
    """Five days take more heat than their weather explains, by the subject's own measure."""
    days = HeatDays.of(seen)
    if len(days.table) < 100:
        return too_short(len(days.table), 100)
    off = days.heat - days.expected.value
    lately = trailing(off, DAYS, least=DAYS - 1)
    mean = float(np.nanmean(days.heat))
    scores = lately / np.maximum(days.expected.scale, 0.02 * mean)
    over = exceedance(scores, rule.tolerance)
    relative = lately / np.maximum(trailing(days.expected.value, DAYS, least=DAYS - 1), 1e-9)
    raised = seen.context.raised.get(rule.id, 1.0)
    listed = np.isin(days.table.day, np.array(sorted(seen.context.closed), dtype=np.int64))
    usual_days = trailing(listed.astype(np.float64), DAYS, least=1) < 0.3
    much = (relative > 0.04) & (lately > 0.08 * mean) & usual_days
    flags = confirmed((over > raised) & much, days.table.breaks, 2)
    level = last_mean(relative, flags)
    if level is None:
        return nothing()
    extra = last_mean(lately, flags) or 0.0
    return found(
        days.table.spread(flags),
        parameters={"share": level, "extra": extra},
        price=heat_price(seen.context, extra * 365.0 * 0.6, error=0.6),
        lines=(Signal.HEAT, Signal.OUTDOOR_TEMP),
    )


def electricity_residual(seen: Observations, rule: Rule) -> Seen:
    """Five days take more electricity than the kind of day and its season explain."""
    table = DayTable.of(seen)
    if len(table) < 100:
        return too_short(len(table), 100)
    use = table.total(seen[Signal.ELECTRICITY])
    season = 2 * np.pi * (table.day % 365.25) / 365.25
    closed = table.closed.astype(np.float64)
    saturday = ((table.day + 3) % 7 == 5).astype(np.float64)
    columns = [np.ones(len(use)), closed, saturday]
    wave = [*columns, np.cos(season)]
    if seen.has(Signal.OUTDOOR_TEMP):
        cold = np.maximum(15.0 - outdoor_days(seen, table), 0.0)
        columns, wave = [*columns, cold], [*wave, cold]
    usual = expectation(use, [np.stack(columns, axis=1), np.stack(wave, axis=1)], history_days=240)
    lately = trailing(use - usual.value, DAYS, least=DAYS - 1)
    mean = float(np.nanmean(use))
    over = exceedance(lately / np.maximum(usual.scale, 0.02 * mean), rule.tolerance)
    raised = seen.context.raised.get(rule.id, 1.0)
    flags = confirmed((over > raised) & (lately > 0.04 * mean), table.breaks, 2)
    extra = last_mean(lately, flags)
    if extra is None:
        return nothing()
    return found(
        table.spread(flags),
        parameters={"share": extra / mean, "extra": extra},
        price=electricity_price(seen.context, extra * 365.0, error=0.5),
        lines=(Signal.ELECTRICITY,),
    )


def temperature_residual(seen: Observations, rule: Rule) -> Seen:
    """A room's temperature has left what its setpoint, the weather and the use explain."""
    rooms = {**seen.rooms.get(Signal.ZONE_TEMP, {})}
    if Signal.ZONE_TEMP in seen.signals:
        rooms[""] = seen.signals[Signal.ZONE_TEMP]
    table = DayTable.of(seen)
    if len(table) < 100:
        return too_short(len(table), 100)
    outdoor = table.mean(seen[Signal.OUTDOOR_TEMP])
    setpoints = seen.rooms.get(Signal.ZONE_SETPOINT, {})
    answers: list[object] = []
    for place, temps in rooms.items():
        columns = [np.ones(len(table)), outdoor, np.maximum(outdoor - 14.0, 0.0)]
        columns.append(table.closed.astype(np.float64))
        wanted = setpoints.get(place, seen.signals.get(Signal.ZONE_SETPOINT))
        if wanted is not None:
            columns.append(table.mean(wanted))
        usual = expectation(table.mean(temps), [np.stack(columns, axis=1)])
        lately = trailing(table.mean(temps) - usual.value, DAYS, least=DAYS - 1)
        scores = np.abs(lately) / np.maximum(usual.scale, 0.1)
        over = exceedance(scores, rule.tolerance)
        raised = seen.context.raised.get(rule.id, 1.0)
        flags = confirmed((over > raised) & (np.abs(lately) > 1.0), table.breaks, 2)
        level = last_mean(lately, flags)
        if level is not None:
            answers += found(
                table.spread(flags),
                parameters={"room": place, "off": level},
                extra={Signal.ZONE_TEMP.value: temps},
                place=place or None,
            )
    if not rooms:
        return fact(CannotCode.NO_FLOW)
    return tuple(answers)  # type: ignore[arg-type]


ALPHA = 0.01
"""A false alarm in a hundred blocks of five days: less than one a year."""
_SOURCE = "Vovk et al. 2005; Laxhammar & Falkman 2014; EnergyFaultDetector (arXiv 2511.14791)"


def _row(
    name: str,
    equipment: Equipment,
    code: FaultCode,
    look: Look,
    needs: tuple[Signal, ...],
    look_for: LookFor,
) -> Rule:
    return Rule(
        id=RuleId(name),
        equipment=equipment,
        fact=code,
        look_for=look_for,
        look=look,
        source=_SOURCE,
        needs=needs,
        silent=(State.THIN_DATA,),
        tolerance=ALPHA,
        unit="false alarms a block of five days",
        delay_h=120,
    )


RULES = (
    _row(
        "RES-HEAT",
        Equipment.HEAT_METER,
        FaultCode.HEAT_RESIDUAL,
        heat_residual,
        (Signal.HEAT, Signal.OUTDOOR_TEMP),
        LookFor.HEAT_LOSS,
    ),
    _row(
        "RES-ELECTRICITY",
        Equipment.ELECTRICITY_METER,
        FaultCode.ELECTRICITY_RESIDUAL,
        electricity_residual,
        (Signal.ELECTRICITY,),
        LookFor.STANDBY,
    ),
    _row(
        "RES-ROOM",
        Equipment.ROOMS,
        FaultCode.ROOM_RESIDUAL,
        temperature_residual,
        (Signal.ZONE_TEMP, Signal.OUTDOOR_TEMP),
        LookFor.RADIATOR,
    ),
)
