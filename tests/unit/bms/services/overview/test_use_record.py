"""The record of use: what timetables and bookings foresaw against rooms and meters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.control.booking import Booking, BookingKind
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Unit
from bms.services.overview.use_record import Foreseen, UseScore, use_scores
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, lodge, utc

NOW = utc(2019, 3, 1, 10)
DAYS = 28
"""The lodge is in use from 8 to 16 local time, which is 7 to 15 UTC in winter."""


def with_co2() -> Site:
    site = lodge()
    sensor = next(iter(site.points_by_role(Role.ZONE_TEMP)))
    co2 = replace(sensor, id="lodge/co2", role=Role.ZONE_CO2, unit=Unit.PPM)
    return replace(site, points=(*site.points, co2))


def rooms(first: int, last: int) -> MemoryStore:
    """People are in from hour ``first`` until ``last`` (UTC)."""
    store = MemoryStore()
    start = utc(2019, 2, 1) - 5 * 24 * HOUR
    store.add_readings(
        Reading(
            "lodge/co2",
            start + HOUR * k,
            900.0 if first <= (start + HOUR * k).hour < last else 430.0,
            Quality.GOOD,
        )
        for k in range(34 * 24)
    )
    return store


def scores(store: MemoryStore) -> dict[int, UseScore]:
    found = use_scores(with_co2(), now=NOW, readings=store, decisions=store)
    assert all(each.what is Foreseen.OCCUPANCY for each in found)
    return {each.lead_h: each for each in found}


def test_use_as_foreseen_has_no_error() -> None:
    found = scores(rooms(7, 15))[24]
    assert found.zone == "hall"
    assert found.n == DAYS * 24
    assert found.bias == pytest.approx(0.0, abs=0.01)
    assert found.rmse == pytest.approx(0.0, abs=0.05)


def test_hours_that_nobody_foresaw_are_a_bias() -> None:
    found = scores(rooms(7, 18))[0]
    assert found.bias == pytest.approx(-3 / 24, abs=0.01)
    assert found.rmse == pytest.approx((3 / 24) ** 0.5, abs=0.02)


def test_a_booking_counts_from_when_it_was_made() -> None:
    store = rooms(7, 18)
    for day in range(DAYS):
        evening = utc(2019, 2, 1, 15) + timedelta(days=day)
        store.add_booking(
            Booking(
                id=str(day),
                site="lodge",
                zone="hall",
                start=evening,
                end=evening + 3 * HOUR,
                kind=BookingKind.IN_USE,
                reason="choir",
                author="kari",
                made_at=evening.replace(hour=0) - 30 * HOUR,
            )
        )
    found = scores(store)
    assert found[24].bias == pytest.approx(0.0, abs=0.02)
    assert found[48].bias == pytest.approx(-3 / 24, abs=0.02)


def test_without_sensors_and_meters_there_is_no_record() -> None:
    store = MemoryStore()
    assert use_scores(lodge(), now=NOW, readings=store, decisions=store) == ()
