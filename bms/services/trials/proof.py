"""Whether the trials of a site are what the evidence says: changed, gone, or with a chain that ends
before what is known beside the database, as that of an older copy does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bms.errors import StoreError
from bms.model.assets.site import Site
from bms.model.control.evidence import EvidenceKind
from bms.model.savings.trial import KeptTrial
from bms.services.trials.ports import TrialPorts

PROVEN = (EvidenceKind.TRIAL, EvidenceKind.TRIAL_END, EvidenceKind.TRIAL_RESULT)


def unproven_trials(ports: TrialPorts, site: str, kept: Sequence[KeptTrial]) -> frozenset[str]:
    """The ids of trials of a site that are not as the evidence says: those among ``kept``, and
    those that stand in the evidence alone. All of them where the chain was cut: what was taken
    back with it, such as an end, nobody knows."""
    found = ports.evidence.unproven(site, PROVEN)
    return found | {known.trial.id for known in kept} if is_cut(ports, site) else found


def is_cut(ports: TrialPorts, site: str) -> bool:
    """Whether the chain of a site does not continue what is known of it beside the database; False
    where nothing is known."""
    try:
        known = {} if ports.known_heads is None else ports.known_heads.heads()
    except StoreError:  # the process that keeps them says so
        return False
    head = known.get(site)
    return head is not None and not ports.evidence.heads_that_stand({site: head})


def lost_trials(kept: Sequence[KeptTrial], unproven: Iterable[str]) -> tuple[str, ...]:
    """The trials of a site that stand in the evidence, and no longer or not readably in the
    database; ``unproven`` are all that are not as the evidence says."""
    return tuple(sorted(set(unproven) - {known.trial.id for known in kept}))


def lost_of_building(ports: TrialPorts, kept: Sequence[KeptTrial], site: Site) -> tuple[str, ...]:
    """``lost_trials`` of a building that had the trials ``kept``, under all of its names."""
    names = {site.id, *(known.trial.site for known in kept)}
    found = (lost_trials(kept, ports.evidence.unproven(name, PROVEN)) for name in sorted(names))
    return tuple(each for lost in found for each in lost)
