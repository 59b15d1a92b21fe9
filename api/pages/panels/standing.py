"""How one building stands: mode, plan, points held and overridden, age of its readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.pages.language import PageTranslator
from api.pages.panels.plan import plan_state_now
from bms.model.assets.point import Role
from bms.model.assets.site import Mode, Site
from bms.services.overview.buildings import BuildingNow

STALE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingRow:
    """How one building stands. ``reading`` is the age of the newest reading in words."""

    id: str
    name: str
    about: str
    mode: Mode
    in_use: bool
    plan: str
    plan_word: str
    held: int
    overrides: int
    reading: str | None
    stale: bool
    outdoor: str | None


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


def building_row(building: BuildingNow, at: datetime, t: PageTranslator) -> BuildingRow:
    """One building as it stands at ``at``."""
    site, latest, newest = building.site, building.latest, building.newest
    outdoor = next(
        (latest[p.id].good_value for p in site.points_by_role(Role.OUTDOOR_TEMP) if p.id in latest),
        None,
    )
    state = plan_state_now(building.plan)
    return BuildingRow(
        id=site.id,
        name=name_of(site, t),
        about=" · ".join(
            (
                t.one_of(f"use_{site.use}", site.use),
                t("area", area=site.area_m2),
                t(f"heat_{site.heat_source.kind.value}"),
            )
        ),
        mode=building.mode,
        in_use=building.in_use,
        plan=state,
        plan_word=t(f"plan_{state}"),
        held=building.controlled,
        overrides=building.held,
        reading=None if newest is None else t.since(newest, at),
        stale=newest is None or at - newest > STALE,
        outdoor=None if outdoor is None else f"{t.number(outdoor, 1)} °C",
    )
