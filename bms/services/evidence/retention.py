"""How long plans and receipts are kept, and the rounds that let the others go.

What goes leaves its entry in the chain and a checkpoint, so that the evidence of the rest stays
whole. What people decided is kept for good.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.model.control.evidence import EvidenceKind, Part, Pruning, Removal
from bms.ports.storage.evidence import EvidenceStore
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

FIVE_YEARS = timedelta(days=5 * 366)
KEPT = (
    (EvidenceKind.PLAN, Part.APART, timedelta(days=30)),
    (EvidenceKind.PLAN, Part.ROW, FIVE_YEARS),
    (EvidenceKind.RECEIPT, Part.ROW, FIVE_YEARS),
)
"""The problem of a plan is kept for 30 days, its setpoints and receipts as long as bills are."""
ACTOR = "retention"


def prunings(site: Site, now: datetime) -> tuple[Pruning, ...]:
    """What is too old at ``now``."""
    return tuple(
        Pruning(
            site=site.id,
            kind=kind,
            part=part,
            before=now - kept,
            actor=ACTOR,
            at=now,
            reason=f"{kind.value} ({part.value}) is kept for {kept.days} days",
        )
        for kind, part, kept in KEPT
    )


async def prune_site(site: Site, *, now: datetime, evidence: EvidenceStore) -> tuple[Removal, ...]:
    """Remove what is too old of a site. Returns the checkpoints."""

    def work() -> tuple[Removal, ...]:
        return tuple(r for pruning in prunings(site, now) for r in evidence.prune(pruning))

    removals = await off_loop(work)
    for removal in removals:
        log.info("%s: %d times %s", site.id, removal.rows, removal.reason)
    return removals
