"""How the devices are doing, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.model.planning.prediction import PredictionDay
from bms.model.readings.spool import Importance, Loss, SpoolState
from bms.ports.drivers import DeviceHealth
from bms.services.city import City
from bms.services.periods import local_date
from bms.services.planning.model_drift import STANDS_DAYS, drifting_zones

KINDS = {
    "bms_device_answers_total": "counter",
    "bms_device_errors_total": "counter",
    "bms_device_latency_seconds": "gauge",
    "bms_device_last_good_age_seconds": "gauge",
    "bms_device_left_alone": "gauge",
    "bms_device_clock_drift_seconds": "gauge",
}


def device_lines(city: City) -> list[str]:
    """Samples labelled ``site`` and ``device``, of the devices that this process has asked."""
    families: dict[str, list[str]] = {name: [] for name in KINDS}
    now, known = city.clock.now(), city.drivers.health()
    for site in city.sites.values():
        for device in site.devices:
            if device.id in known:
                label = f'site="{site.id}",device="{_escaped(device.id)}"'
                for name, more, value in _samples(known[device.id], now):
                    families[name].append(f"{name}{{{label}{more}}} {value}")
    return [
        line
        for name, samples in families.items()
        if samples
        for line in (f"# TYPE {name} {KINDS[name]}", *samples)
    ]


def _samples(health: DeviceHealth, now: datetime) -> Iterator[tuple[str, str, str]]:
    """Name, further labels and value; what is not known yet has no sample."""
    yield "bms_device_answers_total", "", str(health.answers)
    for code, count in sorted(dict(health.errors).items()):
        yield "bms_device_errors_total", f',code="{_escaped(code)}"', str(count)
    if health.latency_s is not None:
        yield "bms_device_latency_seconds", "", f"{health.latency_s:.6f}"
    if health.last_good is not None:
        age = (now - health.last_good).total_seconds()
        yield "bms_device_last_good_age_seconds", "", f"{age:.0f}"
    yield "bms_device_left_alone", "", str(int(health.left_alone))
    if health.clock_drift_s is not None:
        yield "bms_device_clock_drift_seconds", "", f"{health.clock_drift_s:g}"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


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


def spool_state(city: City) -> SpoolState:
    """What waits and what was lost; nothing where the store cannot be away."""
    return SpoolState() if city.forwarding is None else city.forwarding.state()


def spool_lines(state: SpoolState) -> list[str]:
    """Samples by class of readings and, for the losses, by reason. 0 is said, too: an alarm needs
    something to compare with."""
    waiting = [
        f'bms_spool_waiting{{class="{kind.name.lower()}"}} {state.waiting.get(kind, 0)}'
        for kind in Importance
    ]
    dropped = [
        f'bms_spool_dropped_total{{class="{kind.name.lower()}",reason="{loss}"}} '
        f"{state.lost.get((kind, loss), 0)}"
        for kind in Importance
        for loss in Loss
    ]
    return [
        "# TYPE bms_spool_waiting gauge",
        *waiting,
        "# TYPE bms_spool_bytes gauge",
        f"bms_spool_bytes {state.size_bytes}",
        "# TYPE bms_spool_dropped_total counter",
        *dropped,
        "# TYPE bms_spool_torn_total counter",
        f"bms_spool_torn_total {state.torn}",
    ]


def spool_sentence(state: SpoolState) -> str:
    """How many readings wait and are lost; empty where there are none."""
    waiting, lost = sum(state.waiting.values()), sum(state.lost.values())
    if not waiting and not lost:
        return ""
    return f"{waiting} readings wait on disk, {lost} were lost so far"
