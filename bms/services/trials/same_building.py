"""Trials of a building under another name: where its meters are read, and where its levers and
sensors are, does not change with the id of its site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from math import cos, hypot, radians

from bms.model.assets.address import SupplierAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.codec import to_json
from bms.model.savings.trial import KeptTrial, SealedDesign
from bms.ports.storage.trials import TrialStore

NEAR_M = 200.0
"""Sites that are no further apart [m] are one building where they have a lever or a sensor in
common; two further apart may have the same address in networks of their own."""
METRES_PER_DEGREE = 111_195.0


def meter_sources(site: Site) -> tuple[str, ...]:
    """SHA-256 of each place at which a billed meter is read, in hexadecimal digits: its number at
    the supplier, or a register or object of a device on the network."""
    return _digests(
        text
        for meter in site.meters
        if meter.billed
        for text in (
            *((f"number {meter.number}",) if meter.number else ()),
            *(place_of(site, point) for point in site.points if point.meter == meter.id),
        )
    )


def room_places(site: Site) -> tuple[str, ...]:
    """SHA-256 of where the site's levers and the sensors of its rooms are, in hexadecimal
    digits."""
    return _digests(
        place_of(site, point)
        for point in site.points
        if point.write is not None or point.role is Role.ZONE_TEMP
    )


def _digests(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({sha256(text.encode()).hexdigest() for text in texts}))


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


class _Traces:
    """What is known of a building by its site and the trials that were found to be its own."""

    def __init__(self, site: Site) -> None:
        self._names, self._trials = {site.id}, set[str]()
        self._meters, self._places = set(meter_sources(site)), set(room_places(site))
        self._positions = [(site.latitude, site.longitude)]

    def has(self, known: KeptTrial) -> bool:
        """Whether a trial was of this building."""
        trial, design = known.trial, known.trial.sealed
        return (
            trial.site in self._names
            or not self._meters.isdisjoint(design.sources)
            or not self._trials.isdisjoint((trial.id, *design.elsewhere))
            or (not self._places.isdisjoint(design.places) and self._near(design))
        )

    def join(self, known: KeptTrial) -> None:
        """What a trial of this building knew of it."""
        design = known.trial.sealed
        self._names.add(known.trial.site)
        self._trials |= {known.trial.id, *design.elsewhere}
        self._meters |= set(design.sources)
        self._places |= set(design.places)
        if design.latitude is not None and design.longitude is not None:
            self._positions.append((design.latitude, design.longitude))

    def _near(self, design: SealedDesign) -> bool:
        if design.latitude is None or design.longitude is None:
            return False
        there = design.latitude, design.longitude
        return any(_metres(here, there) <= NEAR_M for here in self._positions)


def _metres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """How far two places of a town are apart [m]; each is a latitude and a longitude [deg]."""
    north, east = there[0] - here[0], (there[1] - here[1]) * cos(radians(here[0]))
    return METRES_PER_DEGREE * hypot(north, east)


def trials_of_building(trials: TrialStore, site: Site) -> list[KeptTrial]:
    """Every trial of a building in the order in which they were started: those of its site, those
    of other sites in which one of its billed meters, or nearby one of its levers or sensors, was
    sealed, and those of the same building as one of these."""
    kept = trials.trials_of({*trials.trial_sites(), site.id})
    waiting = [known for each in kept.values() for known in each]
    building, found = _Traces(site), list[KeptTrial]()
    while joining := [known for known in waiting if building.has(known)]:
        for known in joining:
            building.join(known)
        found += joining
        mine = {known.trial.id for known in found}
        waiting = [known for known in waiting if known.trial.id not in mine]
    return sorted(found, key=lambda known: known.trial.started_at)
