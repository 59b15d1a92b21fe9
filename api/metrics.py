"""What Prometheus reads at ``/metrics``: gauges and counters of one application.

Nothing is counted beside the services: each request reads what they know at that moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from api.ports import ApiPorts
from bms.errors import StoreUnavailable
from bms.model.readings.spool import Importance, Loss, SpoolState
from bms.ports.drivers import DeviceHealth
from bms.services.periods import local_date
from bms.services.planning.model_drift import STANDS_DAYS, drifting, drifting_zones

Sample = tuple[Sequence[str], float]
"""Values of the labels, and the value."""
Samples = Iterable[Sample]


def metrics_registry(ports: ApiPorts, answers: Mapping[tuple[str, int], int]) -> CollectorRegistry:
    """A registry of one application's own. ``answers``: HTTP answers by method and status."""
    registry = CollectorRegistry()
    registry.register(PortsCollector(ports, answers))
    return registry


class PortsCollector(Collector):
    """Reads the ports when it is asked. A family without a sample is left out."""

    def __init__(self, ports: ApiPorts, answers: Mapping[tuple[str, int], int]) -> None:
        self._ports = ports
        self._answers = answers

    def collect(self) -> Iterator[Metric]:
        """Every family that has a sample; those of the database while it answers."""
        families = [
            *_of_database(self._ports),
            *_of_spool(spool_state(self._ports)),
            *_of_devices(self._ports),
            *_of_loop(self._ports),
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


def _of_database(ports: ApiPorts) -> list[Metric]:
    """Whether the database answers, and what it knows."""
    try:
        known, up = [*_of_sites(ports), *_of_predictions(ports)], 1
    except StoreUnavailable:
        known, up = [], 0
    text = "Whether the database answers (1) or is away (0)."
    files = len({mistake.file for mistake in ports.site_mistakes()})
    left_out = "Site files with a mistake, whose buildings are not run."
    return [
        _gauge("bms_database_up", text, (), [((), up)]),
        _gauge("bms_site_files_left_out", left_out, (), [((), files)]),
        *known,
    ]


def _of_sites(ports: ApiPorts) -> list[Metric]:
    now = ports.clock.now()
    held = Counter(lease.point.site for lease in ports.control.journal.leases().values())
    sites = list(ports.sites)
    polled = [point.id for site in ports.sites.values() for point in site.polled]
    newest = ports.planning.readings.newest_times(polled)
    made = ports.control.plans.plans_made(sites, now)
    in_force = ports.control.decisions.overrides_of(sites, now)
    points: list[Sample] = []
    leases: list[Sample] = []
    overrides: list[Sample] = []
    readings: list[Sample] = []
    plans: list[Sample] = []
    for site in ports.sites.values():
        label = (site.id,)
        seen = [newest[point.id] for point in site.polled if point.id in newest]
        points.append((label, len(site.points)))
        leases.append((label, held[site.id]))
        overrides.append((label, len(in_force[site.id])))
        if seen:
            readings.append((label, _seconds(now - max(seen))))
        if site.id in made:
            plans.append((label, _seconds(now - made[site.id])))
    return [
        _gauge("bms_points", "Points of the site file.", ("site",), points),
        _gauge("bms_leases_open", "Points that hold a value of ours.", ("site",), leases),
        _gauge("bms_overrides", "Overrides of operators in force.", ("site",), overrides),
        _gauge("bms_reading_age_seconds", "Age of the newest reading.", ("site",), readings),
        _gauge("bms_plan_age_seconds", "Age of the plan in force.", ("site",), plans),
    ]


def _of_predictions(ports: ApiPorts) -> list[Metric]:
    """The newest error of every zone and lead, and whether a site's model is given up."""
    now = ports.clock.now()
    errors: list[Sample] = []
    drift: list[Sample] = []
    first = now.date() - timedelta(days=STANDS_DAYS + 1)  # local days may lie a day apart
    known = ports.control.plans.predictions_of(list(ports.sites), first)
    for site in ports.sites.values():
        since = local_date(now, site.timezone) - timedelta(days=STANDS_DAYS)
        days = [row for row in known.get(site.id, ()) if row.day >= since]
        rows = {(row.zone, row.lead_h): row for row in days}.values()
        errors += [
            ((site.id, row.zone, f"{row.lead_h}"), row.rmse_k)
            for row in rows
            if row.rmse_k is not None
        ]
        if rows:
            drifts = drifting(days) and drifting_zones(site, ports.planning.plans, now)
            drift.append(((site.id,), bool(drifts)))
    error_text = "Error of the newest day's zone temperature forecasts (RMSE)."
    drift_text = "Whether the thermal model of the site is given up (1) or in use (0)."
    return [
        _gauge("bms_prediction_rmse_kelvin", error_text, ("site", "zone", "lead_h"), errors),
        _gauge("bms_model_drift", drift_text, ("site",), drift),
    ]


def _of_spool(state: SpoolState) -> list[Metric]:
    """Readings by class and, for the losses, by reason. 0 is shown, too: an alarm needs something
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


def _of_devices(ports: ApiPorts) -> list[Metric]:
    """How the devices are doing that this process has asked; what is not known has no sample."""
    health, now = ports.control.drivers.health(), ports.clock.now()
    asked = [
        ((site.id, device.id), health[device.id])
        for site in ports.sites.values()
        for device in site.devices
        if device.id in health
    ]
    return [*_device_counters(asked), *_device_gauges(asked, now)]


def _of_loop(ports: ApiPorts) -> list[Metric]:
    delay = ports.loop_delay()
    text = "How late the event loop is, 99th percentile of the last five minutes."
    samples = [] if delay is None else [((), delay)]
    return [_gauge("bms_event_loop_delay_seconds", text, (), samples)]


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
    elsewhere = [(labels, sum(dict(well.elsewhere).values())) for labels, well in asked]
    elsewhere_text = "Announcements of its instance from other addresses."
    return [
        _counter("bms_device_answers", "Answers that could be used.", _DEVICE, answers),
        _counter("bms_device_errors", error_text, (*_DEVICE, "code"), errors),
        _counter("bms_device_announced_elsewhere", elsewhere_text, _DEVICE, elsewhere),
    ]


def _device_gauges(asked: Asked, now: datetime) -> list[Metric]:
    latency = [(at, round(well.latency_s, 6)) for at, well in asked if well.latency_s is not None]
    ages = [(at, _seconds(now - well.last_good)) for at, well in asked if well.last_good]
    alone = [(at, well.left_alone) for at, well in asked]
    wrong = [(at, well.wrong_device is not None) for at, well in asked]
    drift = [(at, well.clock_drift_s) for at, well in asked if well.clock_drift_s is not None]
    name = "bms_device_{}".format
    return [
        _gauge(name("latency_seconds"), "Moving mean of the time to an answer.", _DEVICE, latency),
        _gauge(name("last_good_age_seconds"), "Age of the last good answer.", _DEVICE, ages),
        _gauge(name("left_alone"), "Whether it is not asked for a while (1).", _DEVICE, alone),
        _gauge(name("wrong"), "Whether another device answers in its place (1).", _DEVICE, wrong),
        _gauge(name("clock_drift_seconds"), "Its clock less ours.", _DEVICE, drift),
    ]


def _of_http(answers: Mapping[tuple[str, int], int]) -> Metric:
    samples = [((method, f"{status}"), n) for (method, status), n in sorted(answers.items())]
    return _counter("bms_http_answers", "Answers of this process.", ("method", "status"), samples)


def _seconds(age: timedelta) -> int:
    return round(age.total_seconds())


def spool_state(ports: ApiPorts) -> SpoolState:
    """What waits and what was lost; nothing where the store cannot be away."""
    return SpoolState() if ports.forwarding is None else ports.forwarding.state()


def spool_sentence(state: SpoolState) -> str:
    """How many readings wait and are lost; empty where there are none."""
    waiting, lost = sum(state.waiting.values()), sum(state.lost.values())
    if not waiting and not lost:
        return ""
    return f"{waiting} readings wait on disk, {lost} were lost so far"
