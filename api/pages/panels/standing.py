"""How one building stands: mode, plan, points held and overridden, age of its readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from api.pages.language import PageTranslator
from api.pages.panels.claim import Claim, claim_of
from api.pages.panels.plan import plan_state
from api.pages.panels.receipts import overridden_points
from api.ports import ApiPorts
from bms.model.assets.point import Role
from bms.model.assets.site import Mode, Site
from bms.services.assessment.savings_cache import SiteAssessment
from bms.services.site_lookup import mode_in_force

STALE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingRow:
    """How one building stands. ``reading`` is the age of the newest reading in words."""

    id: str
    name: str
    about: str
    mode: Mode
    plan: str
    plan_word: str
    held: int
    overrides: int
    reading: str | None
    stale: bool
    outdoor: str | None
    claim: Claim | None


def name_of(site: Site, t: PageTranslator) -> str:
    return site.name_da if t.language == "da" else site.name_en


def names_of(sites: Iterable[Site], t: PageTranslator) -> dict[str, str]:
    """The names of sites and of their meters by the ids that facts have of them."""
    found: dict[str, str] = {}
    for site in sites:
        found[site.id] = name_of(site, t)
        kinds = Counter(meter.commodity for meter in site.meters if meter.billed)
        for meter in site.meters:
            name = t(f"meter_{meter.commodity.value}")
            several = kinds[meter.commodity] > 1 or not meter.billed
            more = f" ({meter.id})" if several else ""
            found[f"{site.id}/{meter.id}"] = f"{name_of(site, t)}: {name.lower()}{more}"
    return found


def held_points(ports: ApiPorts) -> Counter[str]:
    """Open leases of each site."""
    at = ports.clock.reading()
    leases = ports.control.journal.leases().values()
    return Counter(lease.point.site for lease in leases if not lease.ended(at))


def building_row(
    ports: ApiPorts, site: Site, held: int, assessed: SiteAssessment | None, t: PageTranslator
) -> BuildingRow:
    """One building of the list."""
    now, control = ports.clock.now(), ports.control
    latest = ports.planning.readings.latest([point.id for point in site.points])
    newest = max((reading.time for reading in latest.values()), default=None)
    state = plan_state(control.plans.plan_in_force(site.id, now))
    outdoor = next(
        (latest[p.id].good_value for p in site.points_by_role(Role.OUTDOOR_TEMP) if p.id in latest),
        None,
    )
    names = names_of((site,), t)
    return BuildingRow(
        id=site.id,
        name=name_of(site, t),
        about=" · ".join(
            (
                t("area", area=site.area_m2),
                t(f"heat_{site.heat_source.kind.value}"),
            )
        ),
        mode=mode_in_force(site, control.decisions),
        plan=state,
        plan_word=t(f"plan_{state}"),
        held=held,
        overrides=len(overridden_points(site, now, control.decisions, control.journal)),
        reading=None if newest is None else t.since(newest, now),
        stale=newest is None or now - newest > STALE,
        outdoor=None if outdoor is None else f"{t.number(outdoor, 1)} °C",
        claim=None if assessed is None else claim_of(assessed.savings, assessed, names, t),
    )
