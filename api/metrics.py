"""How the devices are doing, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bms.ports.store import DeviceHealth
from bms.services.city import City

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
