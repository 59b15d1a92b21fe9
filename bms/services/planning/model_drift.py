"""Whether a site's model has drifted: what plans, pages and people are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.model.fact import Fact, MessageCode, fact
from bms.model.planning.prediction import PredictionDay
from bms.model.planning.problem import BuildingModel
from bms.ports.storage.plans import PlanStore
from bms.services.periods import local_date

STANDS_DAYS = 14
"""A standing of so many days ago is no standing."""


class DriftFact(MessageCode):
    """What people are told of a model that is not planned with any more."""

    DRIFTED = "model_drift"


def drifting_zones(site: Site, plans: PlanStore, now: datetime) -> list[PredictionDay]:
    """The newest 24-h row of every zone whose model is not planned with; zones that the model does
    not have are another matter. Raises ``StoreUnavailable``."""
    model = plans.model(site.id)
    known = {zone.zone for zone in model.zones} if model is not None else set()
    today = local_date(now, site.timezone)
    rows = plans.predictions(site.id, today - timedelta(days=STANDS_DAYS))
    return [row for row in drifting(rows) if row.zone in known]


def drifting(rows: Sequence[PredictionDay]) -> list[PredictionDay]:
    """The same from ``rows``, which are oldest first."""
    newest = {row.zone: row for row in rows if row.expected_k is not None}
    return [row for row in newest.values() if row.drifting]


def holding(model: BuildingModel | None, drifted: Iterable[PredictionDay]) -> BuildingModel | None:
    """The part of a model that still holds: one zone that has changed does not take the others
    along. None where nothing is left."""
    gone = {row.zone for row in drifted}
    zones = tuple(zone for zone in model.zones if zone.zone not in gone) if model else ()
    return replace(model, zones=zones) if model is not None and zones else None


def drift_facts(site: Site, rows: Iterable[PredictionDay]) -> tuple[Fact, ...]:
    """Returns a fact for each zone that has drifted."""
    names = {zone.id: zone.name or zone.id for zone in site.zones}
    return tuple(
        fact(
            DriftFact.DRIFTED,
            zone=names.get(row.zone, row.zone),
            error_k=row.rmse_k,
            expected_k=row.expected_k,
        )
        for row in rows
    )
