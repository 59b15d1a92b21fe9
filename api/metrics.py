"""What Prometheus reads at ``/metrics``: gauges and counters of one application.

Nothing is counted beside the services: each request reads what they know at that moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from bms.errors import StoreUnavailable
from bms.model.assets.site import Site
from bms.model.planning.prediction import PredictionDay
from bms.model.readings.spool import Importance, Loss, SpoolState
from bms.ports.drivers import DeviceHealth
from bms.services.city import City
from bms.services.periods import local_date
from bms.services.planning.model_drift import STANDS_DAYS, drifting_zones

Sample = tuple[Sequence[str], float]
"""Values of the labels, and the value."""
Samples = Iterable[Sample]


def metrics_registry(city: City, answers: Mapping[tuple[str, int], int]) -> CollectorRegistry:
    """A registry of one application's own. ``answers``: HTTP answers by method and status."""
    registry = CollectorRegistry()
    registry.register(CityCollector(city, answers))
    return registry


class CityCollector(Collector):
    """Reads the services of a city. A family without a sample is left out."""

    def __init__(self, city: City, answers: Mapping[tuple[str, int], int]) -> None:
        self._city = city
        self._answers = answers

    def collect(self) -> Iterator[Metric]:
        """Every family that has a sample; those of the database while it answers."""
        families = [
            *_of_database(self._city),
            *_of_spool(spool_state(self._city)),
            *_of_devices(self._city),
            _of_http(self._answers),
        ]
        return (family for family in families if family.samples)


def _gauge(name: str, text: str, labels: Sequence[str], samples: Samples) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), samples)


def _counter(name: str, text: str, labels: Sequence[str], samples: Samples) -> Metric:
    """``name`` is without the ``_total`` that every sample ends with."""
    return _filled(CounterMetricFamily(name, text, labels=labels), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _of_database(city: City) -> list[Metric]:
    """Whether the database answers, and what it knows."""
    try:
        known, up = [*_of_sites(city), *_of_predictions(city)], 1
    except StoreUnavailable:
        known, up = [], 0
    text = "Whether the database answers (1) or is away (0)."
    return [_gauge("bms_database_up", text, (), [((), up)]), *known]


def _of_sites(city: City) -> list[Metric]:
    now = city.clock.now()
    held = Counter(lease.point.site for lease in city.journal.leases().values())
    points: list[Sample] = []
    leases: list[Sample] = []
    overrides: list[Sample] = []
    readings: list[Sample] = []
    plans: list[Sample] = []
    for site in city.sites.values():
        label = (site.id,)
        latest = city.store.latest([point.id for point in site.polled]).values()
        plan = city.store.plan_in_force(site.id)
        points.append((label, len(site.points)))
        leases.append((label, held[site.id]))
        overrides.append((label, len(city.store.overrides(site.id, now))))
        if latest:
            readings.append((label, _seconds(now - max(reading.time for reading in latest))))
        if plan is not None:
            plans.append((label, _seconds(now - plan.created_at)))
    return [
        _gauge("bms_points", "Points of the site file.", ("site",), points),
        _gauge("bms_leases_open", "Points that hold a value of ours.", ("site",), leases),
        _gauge("bms_overrides", "Overrides of operators in force.", ("site",), overrides),
        _gauge("bms_reading_age_seconds", "Age of the newest reading.", ("site",), readings),
        _gauge("bms_plan_age_seconds", "Age of the plan in force.", ("site",), plans),
    ]


def _of_predictions(city: City) -> list[Metric]:
    """The newest error of every zone and lead, and whether a site's model is given up."""
    now = city.clock.now()
    errors: list[Sample] = []
    drift: list[Sample] = []
    for site in city.sites.values():
        rows = _newest(city, site, now)
        errors += [
            ((site.id, row.zone, f"{row.lead_h}"), row.rmse_k)
            for row in rows
            if row.rmse_k is not None
        ]
        if rows:
            drift.append(((site.id,), bool(drifting_zones(site, city.store, now))))
    error_text = "Error of the newest day's zone temperature forecasts (RMSE)."
    drift_text = "Whether the thermal model of the site is given up (1) or in use (0)."
    return [
        _gauge("bms_prediction_rmse_kelvin", error_text, ("site", "zone", "lead_h"), errors),
        _gauge("bms_model_drift", drift_text, ("site",), drift),
    ]


def _newest(city: City, site: Site, now: datetime) -> list[PredictionDay]:
    today = local_date(now, site.timezone)
    rows = city.store.predictions(site.id, today - timedelta(days=STANDS_DAYS))
    return list({(row.zone, row.lead_h): row for row in rows}.values())


def _of_spool(state: SpoolState) -> list[Metric]:
    """Readings by class and, for the losses, by reason. 0 is told, too: an alarm needs something
    to compare with."""
    waiting = [((kind.name.lower(),), state.waiting.get(kind, 0)) for kind in Importance]
    lost = [
        ((kind.name.lower(), loss.value), state.lost.get((kind, loss), 0))
        for kind in Importance
        for loss in Loss
    ]
    size, torn = [((), state.size_bytes)], [((), state.torn)]
    return [
        _gauge("bms_spool_waiting", "Readings on disk for the database.", ("class",), waiting),
        _gauge("bms_spool_bytes", "Size of the readings on disk.", (), size),
        _counter("bms_spool_dropped", "Readings that were lost.", ("class", "reason"), lost),
        _counter("bms_spool_torn", "Ends of files cut off by a crash.", (), torn),
    ]


def _of_devices(city: City) -> list[Metric]:
    """How the devices are doing that this process has asked; what is not known has no sample."""
    health, now = city.drivers.health(), city.clock.now()
    asked = [
        ((site.id, device.id), health[device.id])
        for site in city.sites.values()
        for device in site.devices
        if device.id in health
    ]
    return [*_device_counters(asked), *_device_gauges(asked, now)]


Asked = Sequence[tuple[tuple[str, str], DeviceHealth]]
"""Labels and health of the devices that were asked."""
_DEVICE = ("site", "device")


def _device_counters(asked: Asked) -> list[Metric]:
    answers = [(labels, well.answers) for labels, well in asked]
    errors = [
        ((*labels, code), count)
        for labels, well in asked
        for code, count in sorted(dict(well.errors).items())
    ]
    error_text = "Exchanges that failed, by the code of the protocol."
    return [
        _counter("bms_device_answers", "Answers that could be used.", _DEVICE, answers),
        _counter("bms_device_errors", error_text, (*_DEVICE, "code"), errors),
    ]


def _device_gauges(asked: Asked, now: datetime) -> list[Metric]:
    latency = [(at, round(well.latency_s, 6)) for at, well in asked if well.latency_s is not None]
    ages = [(at, _seconds(now - well.last_good)) for at, well in asked if well.last_good]
    alone = [(at, well.left_alone) for at, well in asked]
    drift = [(at, well.clock_drift_s) for at, well in asked if well.clock_drift_s is not None]
    name = "bms_device_{}".format
    return [
        _gauge(name("latency_seconds"), "Moving mean of the time to an answer.", _DEVICE, latency),
        _gauge(name("last_good_age_seconds"), "Age of the last good answer.", _DEVICE, ages),
        _gauge(name("left_alone"), "Whether it is not asked for a while (1).", _DEVICE, alone),
        _gauge(name("clock_drift_seconds"), "Its clock less ours.", _DEVICE, drift),
    ]


def _of_http(answers: Mapping[tuple[str, int], int]) -> Metric:
    samples = [((method, f"{status}"), n) for (method, status), n in sorted(answers.items())]
    return _counter("bms_http_answers", "Answers of this process.", ("method", "status"), samples)


def _seconds(age: timedelta) -> int:
    return round(age.total_seconds())


def spool_state(city: City) -> SpoolState:
    """What waits and what was lost; nothing where the store cannot be away."""
    return SpoolState() if city.forwarding is None else city.forwarding.state()


def spool_sentence(state: SpoolState) -> str:
    """How many readings wait and are lost; empty where there are none."""
    waiting, lost = sum(state.waiting.values()), sum(state.lost.values())
    if not waiting and not lost:
        return ""
    return f"{waiting} readings wait on disk, {lost} were lost so far"
