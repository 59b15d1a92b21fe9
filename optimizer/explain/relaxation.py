"""What a plan cannot keep, with its numbers: a plan with any of these is relaxed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bms.model.fact import Fact, MessageCode, Moment, fact


class RelaxedLimit(MessageCode):
    """Limits that plans keep where they can."""

    COMFORT = "comfort_relaxed"
    POWER = "power_over"
    CO2 = "co2_over"
    BLIND = "room_blind"
    NEVER_SEEN = "room_never_seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComfortRelaxation:
    """A zone is outside its band by ``kelvin_hours`` [K h] while in use, at worst at ``worst_c``
    [degC]."""

    zone: str
    kelvin_hours: float
    worst_c: float

    @property
    def fact(self) -> Fact:
        """For people to read."""
        return fact(
            RelaxedLimit.COMFORT,
            zone=self.zone,
            kelvin_hours=self.kelvin_hours,
            worst_c=self.worst_c,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRelaxation:
    """The highest clock-hour mean, ``power_kw`` [kW], is above the limit ``limit_kw`` [kW]."""

    power_kw: float
    limit_kw: float

    @property
    def fact(self) -> Fact:
        """For people to read."""
        return fact(RelaxedLimit.POWER, power_kw=self.power_kw, limit_kw=self.limit_kw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Co2Relaxation:
    """The CO2 of a zone rises to ``ppm`` [ppm] while in use, above ``limit_ppm`` [ppm]."""

    zone: str
    ppm: float
    limit_ppm: float

    @property
    def fact(self) -> Fact:
        """For people to read."""
        return fact(RelaxedLimit.CO2, zone=self.zone, ppm=self.ppm, limit_ppm=self.limit_ppm)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindRelaxation:
    """Nobody has seen the temperature of a zone since ``since``, so that its comfort is a guess."""

    zone: str
    since: datetime

    @property
    def fact(self) -> Fact:
        """For people to read."""
        if self.since.year == 1:
            return fact(RelaxedLimit.NEVER_SEEN, zone=self.zone)
        return fact(RelaxedLimit.BLIND, zone=self.zone, since=Moment(self.since))


Relaxation: TypeAlias = ComfortRelaxation | PowerRelaxation | Co2Relaxation | BlindRelaxation
