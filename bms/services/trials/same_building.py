"""Trials of a building under another name: where its meters are read does not change with the id of
its site."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from bms.model.assets.address import SupplierAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.codec import to_json
from bms.model.savings.trial import KeptTrial
from bms.ports.storage.trials import TrialStore


def meter_sources(site: Site) -> tuple[str, ...]:
    """SHA-256 of each place at which a billed meter is read, in hexadecimal digits: its number at
    the supplier, or a register or object of a device on the network."""
    found = {
        sha256(text.encode()).hexdigest()
        for meter in site.meters
        if meter.billed
        for text in (
            *((f"number {meter.number}",) if meter.number else ()),
            *(place_of(site, point) for point in site.points if point.meter == meter.id),
        )
    }
    return tuple(sorted(found))


def place_of(site: Site, point: Point) -> str:
    """Where a point is read and written: its number at the supplier, or the register or object of
    its device on the network."""
    if isinstance(point.address, SupplierAddress):
        return f"number {point.address.number}"
    return " ".join([*_device(site.device(point.device)), to_json(point.address)])


def _device(device: Device) -> Iterator[str]:
    for name in ("protocol", "host", "port", "serial", "unit", "instance", "network", "mac"):
        yield str(getattr(device, name))
    for name in ("primary", "secondary", "topic"):
        yield str(getattr(device, name))


def trials_of_building(trials: TrialStore, site: Site) -> list[KeptTrial]:
    """Every trial of a building in the order in which they were started: those of its site, and
    those of other sites in which one of its billed meters was sealed."""
    mine = set(meter_sources(site))
    found = [
        known
        for name, kept in trials.trials_of({*trials.trial_sites(), site.id}).items()
        for known in kept
        if name == site.id or not mine.isdisjoint(known.trial.sealed.sources)
    ]
    return sorted(found, key=lambda known: known.trial.started_at)
