"""How long plans, receipts and the names of people are kept, and the rounds that let the others go.

What goes leaves its entry in the chain and a checkpoint, so that the evidence of the rest stays
whole. What people decided is kept for good; who it was and in which words, for a year.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from bms.model.control.evidence import CITY, EvidenceKind, Part, Pruning, Removal
from bms.ports.safety import HandsOffMarks, Journal
from bms.ports.storage.evidence import EvidenceStore
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

NAMELESS = (
    EvidenceKind.KEY_EXPIRY,
    EvidenceKind.KEY_END,
    EvidenceKind.PERSON_END,
    EvidenceKind.STEP_BACK,
    EvidenceKind.TRIAL_RESULT,
    EvidenceKind.ERASURE,
    EvidenceKind.REMOVAL,
)
"""Kinds that hold no name, or that of ``ACTOR``."""
ONLY_OF_CITY = (EvidenceKind.KEY, EvidenceKind.PERSON, EvidenceKind.NOTICE)
"""Kinds whose rows concern no site. A key keeps its name as long as it is good, and so do people
who sign in."""
OF_CITY = (EvidenceKind.AUDIT, EvidenceKind.WORK_EVENT, *ONLY_OF_CITY)
FIVE_YEARS = timedelta(days=5 * 366)
NAMES = timedelta(days=365)
REPEATS = timedelta(days=1)
KEPT = (
    (EvidenceKind.PLAN, Part.APART, timedelta(days=30)),
    (EvidenceKind.PLAN, Part.ROW, FIVE_YEARS),
    (EvidenceKind.RECEIPT, Part.ROW, FIVE_YEARS),
    *(
        (kind, Part.APART, NAMES)
        for kind in EvidenceKind
        if kind not in (EvidenceKind.PLAN, *NAMELESS)
    ),
)
"""The problem of a plan is kept for 30 days, with what people said in it, its setpoints and
receipts as long as bills are."""
ACTOR = "retention"


def prunings(chain: str, now: datetime) -> tuple[Pruning, ...]:
    """What is too old at ``now`` in the chain of a site or of the city."""
    city = chain == CITY
    return tuple(
        Pruning(
            site=chain,
            kind=kind,
            part=part,
            before=now - kept,
            actor=ACTOR,
            at=now,
            reason=f"{kind.value} ({part.value}) is kept for {kept.days} days",
        )
        for kind, part, kept in KEPT
        if (kind in OF_CITY if city else kind not in ONLY_OF_CITY)
    )


def forget_names(now: datetime, marks: HandsOffMarks, journal: Journal) -> None:
    """Leave out of the files beside the database who did what has been over for a year, and why.
    Raises ``GuardError``."""
    marks.forget_names(now - NAMES)
    journal.tidy()


def forget_repeats(folder: Path, now: datetime) -> None:
    """Delete the answers that are kept for requests that are sent twice, a day after."""
    for place in folder.glob("*"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            if datetime.fromisoformat(json.loads(place.read_text())["at"]) + REPEATS <= now:
                place.unlink()


async def prune(chain: str, *, now: datetime, evidence: EvidenceStore) -> tuple[Removal, ...]:
    """Remove what is too old in the chain of a site or of the city. Returns the checkpoints."""

    def work() -> tuple[Removal, ...]:
        return tuple(r for pruning in prunings(chain, now) for r in evidence.prune(pruning))

    removals = await off_loop(work)
    for removal in removals:
        log.info("%s: %d times %s", chain or "the city", removal.rows, removal.reason)
    return removals
