"""How well the models predict, in the text format of Prometheus."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.model.planning.prediction import PredictionDay
from bms.services.city import City
from bms.services.periods import local_date
from bms.services.planning.model_drift import STANDS_DAYS, drifting_zones


def prediction_lines(city: City) -> list[str]:
    """The newest error of every zone and lead, and whether a site's model is given up.

    Raises ``StoreUnavailable``.
    """
    now = city.clock.now()
    errors, drift = [], []
    for site in city.sites.values():
        rows = _newest(city, site, now)
        errors += [
            f'bms_prediction_rmse_kelvin{{site="{site.id}",zone="{row.zone}",'
            f'lead_h="{row.lead_h}"}} {row.rmse_k}'
            for row in rows
            if row.rmse_k is not None
        ]
        if rows:
            given_up = int(bool(drifting_zones(site, city.store, now)))
            drift.append(f'bms_model_drift{{site="{site.id}"}} {given_up}')
    families = {"bms_prediction_rmse_kelvin": errors, "bms_model_drift": drift}
    return [
        line
        for name, samples in families.items()
        if samples
        for line in (f"# TYPE {name} gauge", *samples)
    ]


def _newest(city: City, site: Site, now: datetime) -> list[PredictionDay]:
    today = local_date(now, site.timezone)
    rows = city.store.predictions(site.id, today - timedelta(days=STANDS_DAYS))
    return list({(row.zone, row.lead_h): row for row in rows}.values())
