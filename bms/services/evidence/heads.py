"""Keep the ends of the chains beside the database, as long as the database continues them."""

from __future__ import annotations

import logging

from bms.ports.storage.evidence import EvidenceStore, KnownHeads

log = logging.getLogger(__name__)


def keep_heads(evidence: EvidenceStore, known: KnownHeads) -> frozenset[str]:
    """Keep where the chains end now.

    Returns the chains that do not continue what is known, because somebody cut or rewrote them:
    what is known of those stays. Raises ``StoreError``.
    """
    before, now = known.heads(), evidence.chain_heads()
    moved = {chain: head for chain, head in before.items() if now.get(chain) != head}
    broken = frozenset(moved) - evidence.heads_that_stand(moved)
    for chain in sorted(broken):
        log.error(
            "the evidence of %s was cut or rewritten: entry %d is not the one that was known; run"
            " bms audit verify",
            chain or "the city",
            before[chain].number,
        )
    known.keep({chain: head for chain, head in now.items() if chain not in broken})
    return broken
