"""Measures: what was done to buildings, and what each has saved."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import MADE_ID, SITE_ID, CacheDep, Cursor, Limit, PortsDep, Reader, Recorder, page_of
from api.ports import ApiPorts
from api.protocol.repeats import RepeatableRoute
from api.schemas.measures import MeasureAnswer, MeasureBody, MeasureEndBody, MeasuresPage
from bms.errors import NotFound
from bms.model.access.grant import Permission
from bms.model.assets.site import Site
from bms.services.access.authorise import authorise
from bms.services.assessment.measures import (
    MeasureRequest,
    end_measure,
    enter_measure,
    measure_saving,
    measure_savings,
    site_measures,
)
from bms.services.site_lookup import site_named

router = APIRouter(prefix="/measures", tags=["savings"], route_class=RepeatableRoute)

OfSite = Annotated[str | None, Query(pattern=SITE_ID, description="`control` needs it")]
MeasureId = Annotated[str, Path(pattern=MADE_ID)]


@router.get("")
def measures(
    ports: PortsDep,
    key: Reader,
    cache: CacheDep,
    site: Annotated[str | None, Query(pattern=SITE_ID)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> MeasuresPage:
    """Measures of a site, or of all, with the saving of the last year or since they took effect.

    Control by us is among them, with the id `control`.
    """
    if site:
        authorise(key, Permission.VIEW, site)
    chosen = [site_named(ports.sites, site)] if site else list(ports.sites.values())
    known = [(each, row) for each in chosen for row in site_measures(each, cache.ports.ledgers)]
    shown, after = page_of(known, lambda row: f"{row[0].id}:{row[1].measure.id}", limit, cursor)
    wanted = {(each.id, row.measure.id) for each, row in shown}
    return MeasuresPage(
        measures=[
            MeasureAnswer.of(row, each.timezone)
            for each in chosen
            if any(name == each.id for name, _ in wanted)
            for row in measure_savings(cache, each)
            if (each.id, row.kept.measure.id) in wanted
        ],
        next=after,
    )


@router.post("", status_code=201)
def add_measure(
    ports: PortsDep, key: Recorder, cache: CacheDep, body: MeasureBody
) -> MeasureAnswer:
    """Enter what was done to a building. Its baseline is frozen."""
    authorise(key, Permission.RECORD, body.site)
    site = site_named(ports.sites, body.site)
    asked = MeasureRequest(
        kind=body.kind,
        what=body.what,
        start=body.start,
        author=key.name,
        meters=body.meters,
        end=body.end,
        blackout_until=body.blackout_until,
        cost_dkk=body.cost_dkk,
        expected_share=body.expected_share,
        expected_kwh=body.expected_yearly_kwh,
    )
    kept = enter_measure(cache, site, asked)
    return MeasureAnswer.of(measure_saving(cache, site, kept.measure.id), site.timezone)


@router.get("/{measure_id}")
def measure(
    ports: PortsDep, key: Reader, cache: CacheDep, measure_id: MeasureId, site: OfSite = None
) -> MeasureAnswer:
    """One measure with its saving."""
    chosen = _site_of(measure_id, site, ports)
    return MeasureAnswer.of(measure_saving(cache, chosen, measure_id), chosen.timezone)


@router.post("/{measure_id}/end")
def end(
    ports: PortsDep,
    key: Recorder,
    cache: CacheDep,
    measure_id: MeasureId,
    body: MeasureEndBody,
    site: OfSite = None,
) -> MeasureAnswer:
    """Say until when a measure acted; nothing is measured after it."""
    chosen = _site_of(measure_id, site, ports)
    end_measure(cache, chosen, measure_id, end=body.end, author=key.name, reason=body.reason)
    return MeasureAnswer.of(measure_saving(cache, chosen, measure_id), chosen.timezone)


def _site_of(measure_id: str, site: str | None, ports: ApiPorts) -> Site:
    """The site of a measure; every site has one of the id ``control``."""
    if site is not None:
        return site_named(ports.sites, site)
    for each in ports.sites.values():
        known = ports.assessment.ledgers.measures(each.id)
        if any(row.measure.id == measure_id for row in known):
            return each
    raise NotFound(f"no measure {measure_id!r} was entered; of 'control' give the site, too")
