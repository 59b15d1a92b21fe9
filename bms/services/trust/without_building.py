"""Trust where there is no building to harm: in benches and tests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, cast

from bms.model.assets.site import Mode, Site
from bms.model.control.hands_off import SiteMode
from bms.model.epoch import EPOCH
from bms.ports.storage.decisions import DecisionStore
from bms.services.trust.commissioned import Flaws


class AllCommissioned:
    """Implements ``Commissioned``: every point is."""

    def flaws(self, sites: Collection[Site]) -> dict[str, Flaws]:
        """See ``Commissioned``."""
        return {site.id: {} for site in sites}


class _AllApproved:
    """A ``DecisionStore`` in which every site was put to ``auto`` before anything else was said."""

    def __init__(self, kept: DecisionStore) -> None:
        self._kept = kept

    def mode(self, site: str) -> Mode:
        return self._kept.mode(site) or Mode.AUTO

    def modes(self, sites: Collection[str]) -> dict[str, Mode]:
        return dict.fromkeys(sites, Mode.AUTO) | self._kept.modes(sites)

    def modes_said(self, sites: Collection[str]) -> list[SiteMode]:
        first = SiteMode(site="", mode=Mode.AUTO, at=EPOCH, actor="bench", reason="no building")
        return [*(replace(first, site=site) for site in sites), *self._kept.modes_said(sites)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kept, name)


def all_approved(kept: DecisionStore) -> DecisionStore:
    """The decisions, with an approval of ``auto`` for each site as the oldest of them."""
    return cast("DecisionStore", _AllApproved(kept))
