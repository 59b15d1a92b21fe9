"""The record of use: what timetables and bookings foresaw against rooms and meters."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.control.booking import Booking, BookingKind
from bms.model.planning.prediction import Foreseen, UseForecastDay
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Unit
from bms.services.overview.use_record import (
    LEADS_H,
    UseScore,
    forget_use_forecasts,
    record_use_forecasts,
    use_scores,
)
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, lodge, utc
from tests.rigs.fakes.ports import problem_ports

NOW = utc(2019, 3, 1, 10)
DAYS = 28
DAY = timedelta(days=1)
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


def heat_pump() -> Site:
    source = HeatSource(
        kind=HeatSourceKind.HEAT_PUMP, capacity_kw=20.0, cop=((-10.0, 3.0), (10.0, 3.0))
    )
    return replace(lodge(HeatSourceKind.HEAT_PUMP), heat_source=source, ventilation=())


def metered(kw: float, last_day_kw: float) -> MemoryStore:
    """Eight weeks in which others draw ``kw`` [kW], and another power on the last local day."""
    store, used = MemoryStore(), 1000.0
    start, last = utc(2019, 1, 3, 23), utc(2019, 2, 27, 23)
    for k in range(56 * 24 + 12):
        at = start + HOUR * k
        store.add_readings(
            [
                Reading("lodge/heat.energy", at, 500.0),
                Reading("lodge/el.energy", at, used),
                Reading("lodge/outdoor.temp", at, 0.0),
            ]
        )
        used += last_day_kw if last <= at < last + DAY else kw
    return store


def recorded(
    store: MemoryStore, site: Site | None = None, now: datetime = NOW
) -> list[UseForecastDay]:
    return record_use_forecasts(site or with_co2(), now=now, ports=problem_ports(store))


def scores(store: MemoryStore) -> dict[int, UseScore]:
    recorded(store)
    found = use_scores(with_co2(), now=NOW, plans=store)
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
    assert recorded(store, lodge()) == []
    assert use_scores(lodge(), now=NOW, plans=store) == ()


def test_a_night_adds_the_day_that_ended_and_leaves_the_others_as_they_were() -> None:
    store = rooms(7, 15)
    first = recorded(store)
    assert {row.day for row in first} == {date(2019, 2, 1) + DAY * k for k in range(DAYS)}
    assert recorded(store) == []
    store.add_booking(
        Booking(
            id="late",
            site="lodge",
            zone="hall",
            start=utc(2019, 2, 20),
            end=utc(2019, 2, 20, 5),
            kind=BookingKind.IN_USE,
            reason="choir",
            author="kari",
            made_at=utc(2019, 2, 1),
        )
    )
    added = recorded(store, now=NOW + DAY)
    assert [(row.day, row.lead_h, row.n) for row in added] == [
        (date(2019, 3, 1), lead, 24) for lead in (0, 24, 48)
    ]
    assert store.use_forecasts("lodge", date(2019, 2, 1)) == [*first, *added]


def test_a_day_waits_until_most_of_its_hours_have_come_in() -> None:
    def co2(first: int, last: int) -> list[Reading]:
        start = utc(2019, 2, 26, 23)
        return [
            Reading("lodge/co2", start + HOUR * k, 430.0, Quality.GOOD) for k in range(first, last)
        ]

    store = MemoryStore()
    store.add_readings(co2(0, 30))
    assert {row.day for row in recorded(store)} == {date(2019, 2, 27)}
    store.add_readings(co2(30, 48))
    assert {(row.day, row.n) for row in recorded(store)} == {(date(2019, 2, 28), 24)}


def test_the_record_stands_when_what_it_was_made_of_is_gone() -> None:
    store = rooms(7, 18)
    rows = recorded(store)
    other = MemoryStore()
    other.keep_use_forecasts(rows)
    assert use_scores(with_co2(), now=NOW, plans=other) == use_scores(
        with_co2(), now=NOW, plans=store
    )


def test_hours_of_the_shortest_and_the_longest_day() -> None:
    store = MemoryStore()
    store.add_readings(
        Reading("lodge/co2", utc(2019, 3, 30) + HOUR * k, 430.0, Quality.GOOD) for k in range(72)
    )
    rows = recorded(store, now=utc(2019, 4, 1, 10))
    assert {(row.day, row.n) for row in rows} == {(date(2019, 3, 30), 23), (date(2019, 3, 31), 23)}


def test_other_load_is_kept_by_lead_time_too() -> None:
    store = metered(kw=3.0, last_day_kw=5.0)
    rows = [row for row in recorded(store, heat_pump()) if row.what is Foreseen.LOAD]
    assert {(row.zone, row.lead_h) for row in rows} == {(None, lead) for lead in LEADS_H}
    last = [row for row in rows if row.day == date(2019, 2, 28)]
    assert [row.bias for row in last] == pytest.approx([-2.0] * 3)
    assert [row.rmse for row in last] == pytest.approx([2.0] * 3)
    found = [each for each in use_scores(heat_pump(), now=NOW, plans=store) if each.zone is None]
    loads = [each for each in found if each.what is Foreseen.LOAD]
    assert [each.lead_h for each in loads] == list(LEADS_H)
    for each in loads:
        assert each.bias == pytest.approx(-2.0 * 24 / each.n)
        assert each.rmse == pytest.approx((4.0 * 24 / each.n) ** 0.5)


def test_who_was_in_when_is_kept_no_longer_than_the_readings_that_told_it() -> None:
    store = MemoryStore()
    used, load = a_day(Foreseen.OCCUPANCY, "hall"), a_day(Foreseen.LOAD, None)
    rows = [replace(row, day=NOW.date() - DAY * k) for k in (89, 90, 91) for row in (used, load)]
    rows += [replace(rows[-2], site="barn")]
    store.keep_use_forecasts(rows)
    forget_use_forecasts(with_co2(), now=NOW, plans=store)
    kept = store.use_forecasts("lodge", date.min)
    assert [row.what for row in kept] == [Foreseen.LOAD, *(Foreseen.LOAD, Foreseen.OCCUPANCY) * 2]
    assert len(store.use_forecasts("barn", date.min)) == 1
    site = with_co2()
    short = tuple(replace(point, retention_days=10) for point in site.points_by_role(Role.ZONE_CO2))
    forget_use_forecasts(replace(site, points=short), now=NOW, plans=store)
    assert [row.what for row in store.use_forecasts("lodge", date.min)] == [Foreseen.LOAD] * 3


def a_day(what: Foreseen, zone: str | None) -> UseForecastDay:
    return UseForecastDay(
        site="lodge", what=what, zone=zone, lead_h=24, day=NOW.date(), n=24, bias=0.1, rmse=0.4
    )
