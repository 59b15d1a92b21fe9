"""The simulated municipality's sites: the shipped examples, more of them when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sites as sites_room
from bms.feeds.archive import DATA
from bms.model.assets.site import Site
from drivers.templates import load_templates
from sites.loader import load_sites

ARCHETYPES = ("townhall", "school", "sportshall")
START = datetime(2019, 1, 14, tzinfo=ZoneInfo("Europe/Copenhagen"))
PAST = timedelta(days=365)
DETAILED = timedelta(days=42)
WEATHER = DATA / "weather_hourly.csv.gz"
EXAMPLES = Path(sites_room.__file__).parent / "examples"


def example_sites(count: int) -> tuple[Site, ...]:
    """``count`` sites: town hall, school, sports hall, and again with a number behind the name."""
    examples = {site.id: site for site in load_sites(EXAMPLES, load_templates())}
    made = []
    for index in range(count):
        archetype, again = ARCHETYPES[index % 3], index // 3
        site = examples[archetype]
        made.append(site if again == 0 else renamed(site, f"{archetype}{again + 1}", again + 1))
    return tuple(made)


def archetype_of(site_id: str) -> str:
    """The archetype that a simulated site was made from."""
    return site_id.rstrip("0123456789")


def renamed(site: Site, new_id: str, number: int) -> Site:
    """The same building under another id."""

    def under_new(full: str) -> str:
        return f"{new_id}/{full.split('/', 1)[1]}"

    return replace(
        site,
        id=new_id,
        name_da=f"{site.name_da} {number}",
        name_en=f"{site.name_en} {number}",
        devices=tuple(replace(d, id=under_new(d.id), site=new_id) for d in site.devices),
        points=tuple(
            replace(
                p,
                id=under_new(p.id),
                site=new_id,
                device=under_new(p.device) if p.device else "",
            )
            for p in site.points
        ),
    )


def wired(sites: Sequence[Site], ports: Mapping[str, Mapping[str, int]]) -> tuple[Site, ...]:
    """The sites with the ports that the simulator listens on."""
    return tuple(
        replace(
            site,
            devices=tuple(replace(d, port=ports[site.id][d.protocol]) for d in site.devices),
        )
        for site in sites
    )
