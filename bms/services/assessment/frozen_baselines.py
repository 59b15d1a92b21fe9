"""Baselines that were used once: kept as they stood, so that none moves in silence.

The first time a saving is computed against the baseline of our control, that baseline is frozen.
What came in later (late readings, corrections, another method) gives another baseline; the saving
is then computed with it, says so, and proves nothing until a person has accepted the new baseline.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bms.model.fact import MessageCode, Moment, Term, TermCode
from bms.model.savings.avoided_use import (
    FrozenBaseline,
    KeptBaseline,
    Savings,
    SiteSavings,
    Span,
)
from bms.model.savings.objection import Objection, ObjectionKind, Verdict, objection
from bms.ports.storage.ledgers import LedgerStore
from bms.savings.models.baseline_identity import frozen_baseline

FIRST_USE = "first use"
BY_ITSELF = "bms"


class BaselineCode(MessageCode):
    """What happened to a frozen baseline."""

    CHANGED = "baseline_changed"


class BaselinePart(TermCode):
    """What of a baseline changed."""

    DATA = "baseline_data"
    METHOD = "baseline_method"


Key = tuple[str, Span]


def standing_baselines(kept: Iterable[KeptBaseline]) -> dict[Key, KeptBaseline]:
    """Returns the last one that was kept for each meter and period."""
    return {(each.baseline.meter_id, each.baseline.period): each for each in kept}


def freeze_baselines(ledgers: LedgerStore, savings: SiteSavings, now: datetime) -> None:
    """Keeps the baselines of a saving that is computed for the first time."""
    known = standing_baselines(ledgers.baselines(savings.id))
    for baseline in _baselines(savings):
        if (baseline.meter_id, baseline.period) not in known:
            kept = KeptBaseline(baseline=baseline, at=now, author=BY_ITSELF, reason=FIRST_USE)
            ledgers.keep_baseline(kept)


def accept_changed(
    ledgers: LedgerStore, savings: SiteSavings, *, author: str, reason: str, now: datetime
) -> tuple[KeptBaseline, ...]:
    """Keeps the baselines as they stand now, in place of those before; returns the new ones."""
    known = standing_baselines(ledgers.baselines(savings.id))
    made = []
    for baseline in _baselines(savings):
        before = known.get((baseline.meter_id, baseline.period))
        if before is None or before.baseline.id != baseline.id:
            made.append(KeptBaseline(baseline=baseline, at=now, author=author, reason=reason))
            ledgers.keep_baseline(made[-1])
    return tuple(made)


def compared_with_frozen(savings: SiteSavings, kept: Iterable[KeptBaseline]) -> SiteSavings:
    """Returns ``savings`` with an objection, and so at most ``indicative``, where a baseline is not
    the one that was kept."""
    known = standing_baselines(kept)
    changed = {
        meter.meter_id: objection
        for meter in savings.meters
        if (objection := _changed(meter, known)) is not None
    }
    if not changed:
        return savings
    return replace(
        savings,
        meters=tuple(_with(meter, changed.get(meter.meter_id)) for meter in savings.meters),
        reasons=(*savings.reasons, *changed.values()),
    )


def _with(meter: Savings, changed: Objection | None) -> Savings:
    return meter if changed is None else replace(meter, reasons=(*meter.reasons, changed))


def _baselines(savings: SiteSavings) -> list[FrozenBaseline]:
    """Those that a number was computed against."""
    found = (frozen_baseline(meter) for meter in savings.meters if meter.saving_kwh is not None)
    return [baseline for baseline in found if baseline is not None]


def _changed(meter: Savings, known: dict[Key, KeptBaseline]) -> Objection | None:
    """What stood when the baseline was first used, and what stands now."""
    kept = known.get((meter.meter_id, meter.baseline))
    if kept is None or meter.baseline_id in (None, kept.baseline.id):
        return None
    was = kept.baseline
    same_method = dict(was.settings) == dict(meter.baseline_settings or {})
    what = BaselinePart.DATA if same_method else BaselinePart.METHOD
    return objection(
        BaselineCode.CHANGED,
        ObjectionKind.BASELINE,
        Verdict.INDICATIVE,
        what=Term(what.value),
        meter=meter.meter_id,
        since=Moment(kept.at),
        was_kwh=was.baseline_kwh,
        is_kwh=meter.baseline_kwh,
    )
