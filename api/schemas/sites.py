"""Answers about sites: zones, meters, devices, points and what is written to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Self

from pydantic import (
    Field,
)

from api.schemas.base import Answer, FactAnswer
from bms.model.assets.equipment import HeatSource
from bms.model.assets.point import Point, Privacy, Role
from bms.model.assets.site import Comfort, Mode, Power
from bms.model.assets.write_rule import ReleaseKind
from bms.model.clock_reading import ClockReading
from bms.model.control.command import Override
from bms.model.control.hands_off import HandsOffKind
from bms.model.control.local_override import LocalOverride
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Commodity, Unit
from bms.model.savings.trial import KeptTrial
from bms.model.savings.trial_result import Arm
from bms.ports.drivers import DeviceHealth
from bms.ports.safety import HandsOffMarks, Journal
from bms.services.control.trial_block import trial_block_at


class SiteRow(Answer):
    id: str
    name_da: str
    name_en: str
    use: str
    area_m2: float
    timezone: str
    mode: Mode


class SitePage(Answer):
    sites: list[SiteRow]
    next: str | None


class ZoneAnswer(Answer):
    id: str
    name: str
    area_m2: float
    comfort: Comfort
    people: float | None
    volume_m3: float | None


class MeterAnswer(Answer):
    id: str
    commodity: Commodity
    billed: bool


class VentilationAnswer(Answer):
    id: str
    zones: tuple[str, ...]
    flow_m3_h: float
    fan_kw: float
    recovery: float
    least_flow_pct: float


class DeviceAnswer(Answer):
    id: str
    protocol: str


class FingerprintAnswer(Answer):
    """What a device says it is; null is what it does not say."""

    vendor: str | None
    model: str | None
    name: str | None
    serial: str | None


class DeviceHealthAnswer(Answer):
    """How a device has been doing since this process began to ask it."""

    answers: int
    latency_s: float | None = Field(description="moving mean of the time to an answer")
    errors: dict[str, int] = Field(
        description="failed exchanges by code: the protocol's own, `silence` or `garbled`"
    )
    last_good: datetime | None = Field(description="building time of the last good answer")
    left_alone: bool = Field(description="its circuit breaker is open: it was silent")
    clock_drift_s: float | None = Field(
        description="how much its clock was ahead of building time when it was last read"
    )
    fingerprint: FingerprintAnswer | None = Field(
        description="what it said it is when it was last asked"
    )
    wrong_device: str | None = Field(
        description="why what answers is not taken for the device of the site file"
    )
    announced_elsewhere: dict[str, int] = Field(
        description="announcements of its BACnet instance by the address they came from"
    )

    @classmethod
    def of(cls, health: DeviceHealth) -> Self:
        seen = health.fingerprint
        return cls(
            answers=health.answers,
            latency_s=health.latency_s,
            errors=dict(health.errors),
            last_good=health.last_good,
            left_alone=health.left_alone,
            clock_drift_s=health.clock_drift_s,
            fingerprint=None if seen is None else FingerprintAnswer(**asdict(seen)),
            wrong_device=health.wrong_device,
            announced_elsewhere=dict(health.elsewhere),
        )


class DeviceHealthRow(DeviceAnswer):
    health: DeviceHealthAnswer | None = Field(
        description="null until this process has asked the device"
    )


class DevicePage(Answer):
    devices: list[DeviceHealthRow]
    next: str | None


class LocalOverrideAnswer(Answer):
    """Who holds a point at the building, as its device shows it. ``found`` is the value that was
    found [unit of the point], null where our place was emptied, ``ours`` what we had written."""

    id: str
    point: str
    since: datetime = Field(description="when it was first seen")
    until: datetime | None = Field(description="null: until it is taken back, or seen to be over")
    by: FactAnswer
    found: float | None
    ours: float | None
    priority: int | None = Field(description="the BACnet slot; null where there is none")
    above: bool = Field(description="whether that outranks ours; then it ends with its slot")
    source: str | None = Field(
        description="who commanded the value, in the device's words; null where it keeps none"
    )
    commanded: datetime | None = Field(
        description="since when, by the device's clock; null where it does not say"
    )


def at_building(site: str, journal: Journal) -> list[LocalOverride]:
    """The local overrides of a site that stand, by point. Raises ``GuardError``."""
    known = sorted(journal.local_overrides().values(), key=lambda each: each.point)
    return [each for each in known if each.site == site and not each.taken_back]


class OverrideAnswer(Answer):
    id: str
    site: str
    point: str | None
    since: datetime
    until: datetime | None
    reason: str | FactAnswer
    actor: str
    at_building: LocalOverrideAnswer | None = Field(
        None, description="who holds the point there; null for a word that was said to us"
    )

    @classmethod
    def of(cls, known: Override, at_building: Iterable[LocalOverride] = ()) -> Self:
        """The answer of an override, with what the book has of the one at the building."""
        answer = cls.model_validate(known)
        local = next((each for each in at_building if each.id == known.id), None)
        shown = None if local is None else LocalOverrideAnswer.model_validate(local)
        return answer.model_copy(update={"at_building": shown})


class HandsOffAnswer(Answer):
    """What a person said that we keep our hands off: ``site`` null is the whole city, ``point``
    null all of the site. ``mode`` is the one that the sites are in meanwhile. ``recorded`` is
    whether the database has it, too."""

    id: str
    kind: HandsOffKind
    site: str | None
    point: str | None
    since: datetime
    until: datetime | None = Field(description="null: until a person takes it back")
    actor: str
    reason: str | FactAnswer
    mode: Mode | None
    excepted: list[str] = Field(description="sites that were taken out of a mark of the city")
    recorded: bool

    @classmethod
    def standing(
        cls, marks: HandsOffMarks, at: ClockReading, site: str | None = None
    ) -> list[Self]:
        """Every mark that stands, or those that concern a site, the oldest first."""
        waiting = {word.mark.id for word in marks.unrecorded()}
        return [
            cls(
                id=mark.id,
                kind=mark.kind,
                site=mark.site,
                point=mark.point,
                since=mark.since,
                until=mark.until,
                actor=mark.actor,
                reason=mark.reason if isinstance(mark.reason, str) else FactAnswer.of(mark.reason),
                mode=mark.mode,
                excepted=sorted(mark.excepted),
                recorded=mark.id not in waiting,
            )
            for mark in marks.marks().values()
            if mark.stands(at) and (site is None or mark.covers_site(site))
        ]


class TrialAnswer(Answer):
    """The switchback trial that is on or will be; ``arm`` is whose day it is now."""

    id: str
    start: datetime
    end: datetime
    arm: Arm | None
    until: datetime | None
    by: str
    reason: str

    @classmethod
    def of(cls, kept: Sequence[KeptTrial], now: datetime) -> Self | None:
        """None where no trial is open."""
        known = next((each.trial for each in kept if each.open(now)), None)
        if known is None:
            return None
        block = trial_block_at(kept, now)
        return cls(
            id=known.id,
            start=known.start,
            end=known.end,
            arm=None if block is None else block.arm,
            until=None if block is None else block.until,
            by=known.by,
            reason=known.reason,
        )


class SiteAnswer(SiteRow):
    latitude: float
    longitude: float
    heat_source: HeatSource
    power: Power
    zones: list[ZoneAnswer]
    ventilation: list[VentilationAnswer]
    meters: list[MeterAnswer]
    devices: list[DeviceAnswer]
    overrides: list[OverrideAnswer]
    local_overrides: list[LocalOverrideAnswer]
    hands_off: list[HandsOffAnswer]
    went_back: FactAnswer | None = Field(
        None,
        description="why the site went back from auto by itself; null where it did not, or a named "
        "person has agreed since",
    )
    trial: TrialAnswer | None = None


class Latest(Answer):
    time: datetime
    value: float | None
    quality: Quality
    detail: str | None


class WriteAnswer(Answer):
    minimum: float
    maximum: float
    resolution: float
    release: ReleaseKind


class PointAnswer(Answer):
    id: str
    role: Role
    unit: Unit
    zone: str | None
    meter: str | None
    ventilation: str | None
    device: str
    privacy: Privacy
    write: WriteAnswer | None
    controlled: bool = Field(description="our value was seen to act here, and its lease runs")
    latest: Latest | None

    @classmethod
    def of(cls, point: Point, latest: Reading | None, controlled: bool) -> Self:
        rule = point.write
        return cls(
            id=point.id,
            role=point.role,
            unit=point.unit,
            zone=point.zone,
            meter=point.meter,
            ventilation=point.ventilation,
            device=point.device,
            privacy=point.privacy,
            write=None
            if rule is None
            else WriteAnswer(
                minimum=rule.minimum,
                maximum=rule.maximum,
                resolution=rule.resolution,
                release=rule.release.kind,
            ),
            controlled=controlled,
            latest=None if latest is None else Latest.model_validate(latest),
        )


class PointPage(Answer):
    points: list[PointAnswer]
    next: str | None
