"""Baselines that were used once: kept as they stood, so that none moves in silence.

The first time a saving is told against the baseline of our control, that baseline is put away. What
came in later (late readings, corrections, another method) gives another baseline; the saving is
then told with it, says so, and proves nothing until a person has accepted the new baseline.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bms.model.savings.savings import (
    FrozenBaseline,
    KeptBaseline,
    Savings,
    SiteSavings,
    Span,
    Verdict,
)
from bms.model.words import Words
from bms.ports.storage.whole import Store
from bms.savings.claims.gates import kwh
from bms.savings.models.baseline_identity import frozen

FIRST_USE = "first use"
BY_ITSELF = "bms"
CHANGED = "baseline_changed"

Key = tuple[str, Span]


def standing_baselines(kept: Iterable[KeptBaseline]) -> dict[Key, KeptBaseline]:
    """The last one that was put away for each meter and period."""
    return {(each.baseline.meter_id, each.baseline.period): each for each in kept}


def freeze(store: Store, savings: SiteSavings, now: datetime) -> None:
    """Put away the baselines of a saving that is told for the first time."""
    known = standing_baselines(store.baselines(savings.id))
    for baseline in _baselines(savings):
        if (baseline.meter_id, baseline.period) not in known:
            kept = KeptBaseline(baseline=baseline, at=now, author=BY_ITSELF, reason=FIRST_USE)
            store.keep_baseline(kept)


def accept(
    store: Store, savings: SiteSavings, *, author: str, reason: str, now: datetime
) -> tuple[KeptBaseline, ...]:
    """Put away the baselines as they stand now, in place of those before; gives the new ones."""
    known = standing_baselines(store.baselines(savings.id))
    made = []
    for baseline in _baselines(savings):
        before = known.get((baseline.meter_id, baseline.period))
        if before is None or before.baseline.id != baseline.id:
            made.append(KeptBaseline(baseline=baseline, at=now, author=author, reason=reason))
            store.keep_baseline(made[-1])
    return tuple(made)


def held_to(savings: SiteSavings, kept: Iterable[KeptBaseline]) -> SiteSavings:
    """``savings`` with a reason, and at most ``indicative``, where a baseline is not the one that
    was put away."""
    known = standing_baselines(kept)
    meters = tuple(_meter(meter, known) for meter in savings.meters)
    changed = [words for meter in meters for words in meter.reasons[-1:] if words.code == CHANGED]
    if not changed:
        return savings
    return replace(
        savings,
        meters=meters,
        verdict=_at_most_indicative(savings.verdict),
        reasons=(*savings.reasons, *changed),
    )


def _baselines(savings: SiteSavings) -> list[FrozenBaseline]:
    """Those that a number was told against."""
    told = (frozen(meter) for meter in savings.meters if meter.saving_kwh is not None)
    return [baseline for baseline in told if baseline is not None]


def _meter(meter: Savings, known: dict[Key, KeptBaseline]) -> Savings:
    kept = known.get((meter.meter_id, meter.baseline))
    if kept is None or meter.baseline_id in (None, kept.baseline.id):
        return meter
    return replace(
        meter,
        verdict=_at_most_indicative(meter.verdict),
        reasons=(*meter.reasons, _words(meter, kept)),
    )


def _at_most_indicative(verdict: Verdict) -> Verdict:
    return Verdict.INDICATIVE if verdict is Verdict.VERIFIED else verdict


def _words(meter: Savings, kept: KeptBaseline) -> Words:
    """What stood when the baseline was first used, and what stands now."""
    was = kept.baseline
    (was_da, was_en), (is_da, is_en) = kwh(was.baseline_kwh or 0.0), kwh(meter.baseline_kwh or 0.0)
    day = f"{kept.at:%Y-%m-%d}"
    moved = dict(was.settings) != dict(meter.baseline_settings or {})
    what_da = "metode eller indstillinger" if moved else "data"
    what_en = "method or settings" if moved else "data"
    return Words(
        CHANGED,
        f"Basislinjens {what_da} er ændret, siden {meter.meter_id} blev opgjort {day}: forbruget i "
        f"basisperioden var {was_da} dengang og er {is_da} nu. Godkend den nye basislinje.",
        f"The {what_en} of the baseline changed since {meter.meter_id} was told on {day}: the use "
        f"of its period was {was_en} then and is {is_en} now. Accept the new baseline.",
    )
