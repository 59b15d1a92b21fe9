"""Trials of sites that are no longer in the files: shown and sealed as they were drawn, and ended
where nobody obeys the draw any more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from datetime import datetime

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.site import Site
from bms.model.savings.trial import DAY, Trial, TrialEnd
from bms.ports.storage.trials import TrialStore
from bms.services.site_lookup import site_named
from bms.services.trials.ports import TrialPorts
from bms.services.trials.report import seal_and_compare

ENDED_BY = "bms"
REASON = "the site is no longer in the files"


def close_gone_trials(
    ports: TrialPorts, sites: Collection[str], since: MutableMapping[str, datetime]
) -> None:
    """Seal what is over of sites that are no longer among ``sites``, and end a trial whose site was
    gone for a whole block: nothing is controlled by its draw any more, so it shows no effect.

    ``since`` is when each was seen to be gone first; a site that came back is left out of it.
    Raises ``FeedError`` without weather where effects are due.
    """
    now = ports.clock.now()
    gone = {site.id: site for site in gone_sites(ports.trials, sites)}
    for back in since.keys() - gone.keys():
        del since[back]
    for name, site in gone.items():
        first = since.setdefault(name, now)
        for known in ports.trials.trials(name):
            trial = known.trial
            if known.open(now) and now - first >= trial.block_days * DAY:
                ports.trials.end_trial(
                    TrialEnd(trial=trial.id, site=name, at=now, by=ENDED_BY, reason=REASON)
                )
        seal_and_compare(ports, site)


def gone_sites(trials: TrialStore, sites: Collection[str]) -> list[Site]:
    """The sites that have trials and are no longer in the files, as far as their last trial sealed
    them."""
    gone = trials.trials_of([name for name in trials.trial_sites() if name not in sites])
    return [_as_sealed(kept[-1].trial) for kept in gone.values() if kept]


def site_with_trials(trials: TrialStore, sites: Mapping[str, Site], name: str) -> Site:
    """The site of this id, or one that is no longer in the files as far as its last trial sealed
    it. Raises ``NotFound``."""
    if name in sites or not (kept := trials.trials(name)):
        return site_named(sites, name)
    return _as_sealed(kept[-1].trial)


def _as_sealed(trial: Trial) -> Site:
    design = trial.sealed
    return Site(
        id=trial.site,
        name_da=trial.site,
        name_en=trial.site,
        use="",
        area_m2=0.0,
        latitude=design.latitude or 0.0,
        longitude=design.longitude or 0.0,
        timezone=trial.timezone,
        heat_source=HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=0.0),
        zones=design.zones,
        devices=(),
        points=design.points,
        meters=design.meters,
        price_area=design.price_area,
        electricity_tariff=design.electricity_tariff,
        heat_tariff=design.heat_tariff,
    )
