"""What is sealed with the draw of a trial, and what of it was changed in the site file since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

from bms.model.assets.equipment import Meter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site, Zone
from bms.model.codec import to_json
from bms.model.fact import Day, Fact, MessageCode, fact
from bms.model.readings.units import Commodity
from bms.model.savings.trial import (
    ANALYSIS_VERSION,
    Draw,
    KeptTrial,
    SealedDesign,
    Trial,
)
from bms.model.savings.trial_result import Subject
from bms.savings.trials.carry_over import held_time_constant
from bms.services.trials.daily_records import COMMODITIES, PAST_DAYS
from bms.services.trials.ports import TrialPorts
from bms.services.trials.same_building import meter_sources, place_of, room_places

DAY = timedelta(days=1)
CONFIDENCE = 0.90
"""Of the finding of the first trial of a site."""
REPEATED = 0.02
"""What is left of false findings [1] for all later trials of the site together: the second one
takes half of it, the third a quarter, and so on."""
COMFORT_MARGIN_KH = 1.0
"""Discomfort [K h/day] that is still no worse, where nobody set another margin."""
RANKED = (Subject.HEAT, Subject.GAS, Subject.ELECTRICITY)
"""The primary outcome where nobody chose one: the first that the site is billed for."""
LEVERS = frozenset(
    {
        Role.ZONE_SETPOINT,
        Role.HEATING_CURVE_SHIFT,
        Role.VENTILATION_RUN,
        Role.VENTILATION_FLOW,
        Role.SUPPLY_AIR_SETPOINT,
    }
)
"""Roles of the points that a plan may write."""
_MEASURED_BY: Mapping[Subject, Set[Commodity]] = {
    **{subject: {commodity} for subject, commodity in COMMODITIES.items()},
    Subject.COST: {Commodity.ELECTRICITY, Commodity.HEAT},
    Subject.CO2: {Commodity.ELECTRICITY, Commodity.HEAT},
    Subject.PEAK: {Commodity.ELECTRICITY},
}


class DesignChange(MessageCode):
    """What differs from the sealed design or result of a trial; the result as it is shown does not.
    ``ELSEWHERE`` names trials of the building under another name."""

    METER = "trial_changed_meter"
    METER_ADDED = "trial_changed_meter_added"
    CLOSED = "trial_changed_closed"
    COMFORT = "trial_changed_comfort"
    OWN_CONTROL = "trial_changed_own_control"
    TARIFF = "trial_changed_tariff"
    RATES = "trial_changed_rates"
    PLACE = "trial_changed_place"
    VERSION = "trial_changed_version"
    LEVERS = "trial_changed_levers"
    READINGS = "trial_changed_readings"
    EDITED = "trial_changed_edited"
    DESIGN = "trial_changed_design"
    UNPROVEN = "trial_changed_unproven"
    LOST = "trial_lost"
    MEANWHILE = "trial_changed_meanwhile"
    ELSEWHERE = "trial_elsewhere"
    SITE_GONE = "trial_site_gone"


def confidence_of(number: int) -> float:
    """The confidence at which the ``number``-th trial of a site may tell a finding.

    The first one has 0.90; all others together add ``REPEATED`` to its false findings at most, so
    that whoever starts again until one pleases finds nothing more often than in 12 of 100 sites.
    """
    return CONFIDENCE if number == 1 else 1.0 - REPEATED / 2 ** (number - 1)


def trial_number(kept: Sequence[KeptTrial], draw: Draw | None = None, *, lost: int = 0) -> int:
    """The number of the next trial of a site, from 1; ``lost`` ones that nobody can read count.

    One that was stopped before its first day counts where the next one has another ``draw``, or one
    that is not known yet: whoever looks at several draws and takes one has had several trials.
    """
    ran = sum(not known.withdrawn for known in kept)
    seen = {known.trial.draw for known in kept if known.withdrawn}
    return 1 + ran + lost + len(seen - {draw})


def usual_primary(site: Site) -> Subject:
    """The primary outcome where nobody chose one."""
    billed = {meter.commodity for meter in site.meters if meter.billed}
    return next((each for each in RANKED if COMMODITIES[each] in billed), Subject.COMFORT)


def seal_design(
    site: Site,
    first: date,
    days: int,
    *,
    number: int,
    primary: Subject,
    comfort_margin_kh: float,
    carry_over_days: int,
    time_constant_h: float | None,
) -> SealedDesign:
    """What a trial of ``days`` days from ``first`` on will be analysed with."""
    meters = tuple(m for m in site.meters if m.billed or not m.direction.is_use)
    names = {meter.id for meter in meters}
    shown = (first + i * DAY for i in range(-PAST_DAYS, days))
    levers = [p for p in site.points if p.write is not None and p.role in LEVERS]
    return SealedDesign(
        version=ANALYSIS_VERSION,
        number=number,
        confidence=confidence_of(number),
        primary=primary,
        comfort_margin_kh=comfort_margin_kh,
        carry_over_days=carry_over_days,
        time_constant_h=time_constant_h,
        meters=meters,
        points=tuple(p for p in site.points if p.meter in names or p.role is Role.ZONE_TEMP),
        zones=site.zones,
        closed=tuple(day for day in shown if site.closed(day)),
        price_area=site.price_area,
        electricity_tariff=site.electricity_tariff,
        heat_tariff=site.heat_tariff,
        latitude=site.latitude,
        longitude=site.longitude,
        levers=tuple(point.id for point in levers),
        lever_digests=tuple(_lever_digest(site, point) for point in levers),
        sources=meter_sources(site),
        places=room_places(site),
    )


def _lever_digest(site: Site, point: Point) -> str:
    """SHA-256 of where a lever is and what may be written there, in hexadecimal digits."""
    said = (point.role, point.unit, to_json(point.write))
    return sha256(" ".join([place_of(site, point), *said]).encode()).hexdigest()


def sealed_site(site: Site, trial: Trial) -> Site:
    """The site as it was when the trial was drawn, as far as the analysis looks at it."""
    design = trial.sealed
    return replace(
        site,
        timezone=trial.timezone,
        meters=design.meters,
        virtual_meters=(),
        points=design.points,
        zones=design.zones,
        closed_dates=frozenset(design.closed),
        closures=(),
        price_area=design.price_area,
        electricity_tariff=design.electricity_tariff,
        heat_tariff=design.heat_tariff,
        latitude=site.latitude if design.latitude is None else design.latitude,
        longitude=site.longitude if design.longitude is None else design.longitude,
    )


def changed_inputs(site: Site, trial: Trial) -> tuple[Fact, ...]:
    """What the site file says today that it did not say when the trial was drawn."""
    design = trial.sealed
    now = seal_design(
        site,
        trial.first,
        trial.days,
        number=design.number,
        primary=design.primary,
        comfort_margin_kh=design.comfort_margin_kh,
        carry_over_days=design.carry_over_days,
        time_constant_h=design.time_constant_h,
    )
    return (
        *_meters(design, now),
        *_closed(design, now),
        *_zones(design, now),
        *_own_control(design, now),
        *_tariffs(design, now),
        *_place(site, trial),
        *_levers(design, now),
        *_version(design, now),
    )


def _meters(then: SealedDesign, now: SealedDesign) -> list[Fact]:
    old, new = ({m.id: _whole(m, design) for m in design.meters} for design in (then, now))
    changed = [name for name, parts in old.items() if new.get(name) != parts]
    added = [name for name in new if name not in old]
    return [
        *(fact(DesignChange.METER, meter=name) for name in changed),
        *(fact(DesignChange.METER_ADDED, meter=name) for name in added),
    ]


def _whole(meter: Meter, design: SealedDesign) -> tuple[object, ...]:
    """A meter with its points."""
    return meter, *(point for point in design.points if point.meter == meter.id)


def _closed(then: SealedDesign, now: SealedDesign) -> list[Fact]:
    days = sorted(set(then.closed) ^ set(now.closed))
    return [fact(DesignChange.CLOSED, days=tuple(map(Day, days)))] if days else []


def _zones(then: SealedDesign, now: SealedDesign) -> list[Fact]:
    rooms = {zone.id: zone for zone in now.zones}
    return [
        fact(DesignChange.COMFORT, zone=zone.name)
        for zone in then.zones
        if (found := rooms.get(zone.id)) is None or _room(found, now) != _room(zone, then)
    ]


def _own_control(then: SealedDesign, now: SealedDesign) -> list[Fact]:
    """The zones whose own control, the other side of the comparison, asks for something else."""
    rooms = {zone.id: zone.own_setpoint for zone in now.zones}
    return [
        fact(DesignChange.OWN_CONTROL, zone=zone.name)
        for zone in then.zones
        if rooms.get(zone.id, zone.own_setpoint) != zone.own_setpoint
    ]


def _room(zone: Zone, design: SealedDesign) -> tuple[object, ...]:
    """What discomfort is taken from: the band, the hours of use and the sensors."""
    sensors = (p for p in design.points if p.zone == zone.id and p.role is Role.ZONE_TEMP)
    return zone.comfort, zone.occupancy, *sensors


def _tariffs(then: SealedDesign, now: SealedDesign) -> list[Fact]:
    old, new = (
        (each.price_area, each.electricity_tariff, each.heat_tariff) for each in (then, now)
    )
    return [] if old == new else [fact(DesignChange.TARIFF, before=", ".join(old))]


def _levers(then: SealedDesign, now: SealedDesign) -> list[Fact]:
    if not then.levers:
        return []
    old, new = (_levers_as_they_are(design) for design in (then, now))
    known = bool(then.lever_digests)
    changed = sorted(
        name
        for name in old.keys() | new.keys()
        if name not in old or name not in new or (known and old[name] != new[name])
    )
    return [fact(DesignChange.LEVERS, points=tuple(changed))] if changed else []


def _levers_as_they_are(design: SealedDesign) -> dict[str, str]:
    digests = design.lever_digests or ("",) * len(design.levers)
    return dict(zip(design.levers, digests, strict=True))


def _place(site: Site, trial: Trial) -> list[Fact]:
    """The weather is that of a place, and a day that of a time zone."""
    then = sealed_site(site, trial)
    old, new = ((each.timezone, each.latitude, each.longitude) for each in (then, site))
    return [] if old == new else [fact(DesignChange.PLACE, before=trial.timezone)]


def _version(then: SealedDesign, now: SealedDesign) -> list[Fact]:
    if then.version == now.version:
        return []
    return [fact(DesignChange.VERSION, before=then.version, after=now.version)]


def can_measure(site: Site, subject: Subject) -> bool:
    """Whether the site has billed meters, or rooms with a sensor, for what a subject measures."""
    if subject is Subject.COMFORT:
        return any(point.role is Role.ZONE_TEMP for point in site.points)
    billed = {meter.commodity for meter in site.meters if meter.billed}
    return not billed.isdisjoint(_MEASURED_BY[subject])


def time_constant(ports: TrialPorts, site: Site) -> float | None:
    """The longest time constant [h] of the site's identified zones; None where none is known."""
    model = ports.plans.model(site.id)
    found = [held_time_constant(zone.parameters) for zone in model.zones] if model else []
    return max((each for each in found if each is not None), default=None)
