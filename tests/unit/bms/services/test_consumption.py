"""What a meter used, as everything in the product asks for it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bms.errors import NotFound
from bms.model.assets.address import SupplierAddress
from bms.model.assets.equipment import Meter, VirtualMeter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.metering import FlawKind, MeterExchange, Quantity
from bms.model.readings.units import Commodity, Unit
from bms.services.accounts.meter_quality import meter_quality
from bms.services.assessment.site_savings import meter_use
from bms.services.consumption import (
    consumption,
    counted_until,
    days,
    measured_point,
    moments,
)
from bms.services.planning.problem import history
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, QUARTER, lodge, utc
from tests.rigs.fakes.ports import problem_ports

START = utc(2026, 3, 2, 0)
HEAT, EL, WATER = "lodge/heat.energy", "lodge/el.amounts", "lodge/water.volume"


def _delivered(name: str, meter: str, quantity: Quantity, unit: Unit, role: Role) -> Point:
    return Point(
        id=f"lodge/{name}",
        site="lodge",
        device="",
        role=role,
        unit=unit,
        address=SupplierAddress(number=name, quantity=quantity, interval=name == "el.amounts"),
        meter=meter,
        interval_s=3600,
    )


def a_site(**heat: object) -> Site:
    """The lodge, whose electricity comes per hour from its supplier, with water and a virtual
    meter."""
    base = lodge()
    others = tuple(p for p in base.points if p.meter != "el")
    return replace(
        base,
        points=(
            *others,
            _delivered("el.amounts", "el", Quantity.ENERGY, Unit.KWH, Role.METER_ENERGY),
            _delivered("water.volume", "water", Quantity.VOLUME, Unit.M3, Role.METER_VOLUME),
        ),
        meters=(
            replace(base.meters[0], **heat),
            *base.meters[1:],
            Meter(id="water", commodity=Commodity.WATER),
            Meter(id="ghost", commodity=Commodity.HEAT),
        ),
        virtual_meters=(
            VirtualMeter(
                id="rest", commodity=Commodity.ELECTRICITY, terms=(("el", 1.0), ("hp", -1.0))
            ),
        ),
    )


def register(point: str, values: list[float | None], step: timedelta = HOUR) -> list[Reading]:
    return [
        Reading(
            point,
            START + i * step,
            value,
            Quality.GOOD if value is not None else Quality.NO_REPLY,
        )
        for i, value in enumerate(values)
    ]


def store_of(*readings: list[Reading]) -> MemoryStore:
    made = MemoryStore()
    for batch in readings:
        made.add_readings(batch)
    return made


def hours(site: Site, meter: str, store: MemoryStore, n: int) -> list[float | None]:
    use = consumption(site, meter, store, START, START + n * HOUR, HOUR).use
    return [None if math.isnan(v) else v for v in use.values.tolist()]


class TestARegister:
    def test_is_used_by_the_difference_of_its_edges_with_its_multiplier(self) -> None:
        store = store_of(register(HEAT, [10, 12, 15, 15]))
        assert hours(a_site(multiplier=2.0), "heat", store, 3) == [4.0, 6.0, 0.0]

    def test_rolls_over_where_the_site_says_so(self) -> None:
        store = store_of(register(HEAT, [9996, 9998, 1, 3]))
        assert hours(a_site(register_max=10_000.0, max_kw=20.0), "heat", store, 3) == [
            2.0,
            3.0,
            2.0,
        ]

    def test_goes_on_over_an_exchange_that_the_site_knows(self) -> None:
        exchange = MeterExchange(at=START + HOUR + QUARTER, final=101.0, first=5.0)
        store = store_of(register(HEAT, [98, 100, 7, 9]))
        assert hours(a_site(exchanges=(exchange,)), "heat", store, 3) == [2.0, 3.0, 2.0]

    def test_that_starts_anew_by_itself_leaves_its_hour_open_and_says_why(self) -> None:
        store = store_of(register(HEAT, [98, 100, 1, 3, 5]))
        use = consumption(a_site(), "heat", store, START, START + 4 * HOUR, HOUR)
        assert hours(a_site(), "heat", store, 4) == [2.0, None, 2.0, 2.0]
        assert use.total is None
        assert [event.flaw for event in use.events] == [FlawKind.RESET]

    def test_whose_wild_reading_stands_at_the_edge_is_judged_by_what_lies_around(self) -> None:
        values: list[float | None] = [100.0 + 2 * i for i in range(48)]
        values[24] = 90_000_000.0
        store = store_of(register(HEAT, values))
        day = START + 24 * HOUR
        use = consumption(a_site(max_kw=20.0), "heat", store, day, day + 3 * HOUR, HOUR)
        assert math.isnan(use.use.values[0])
        assert use.use.values[1:].tolist() == [2.0, 2.0]
        assert FlawKind.SPIKE in {event.flaw for event in use.events}

    def test_knows_the_day_although_an_hour_is_missing(self) -> None:
        values: list[float | None] = [100.0 + 2 * i for i in range(25)]
        values[7] = None
        # local days begin at 23:00 UTC in winter
        readings = [replace(r, time=r.time - HOUR) for r in register(HEAT, values)]
        use = days(a_site(), "heat", store_of(readings), date(2026, 3, 2), date(2026, 3, 2))
        assert use.use.values.tolist() == [48.0]
        assert use.total == 48.0
        assert moments(use) == [utc(2026, 3, 1, 23), utc(2026, 3, 2, 23)]


class TestAmountsPerInterval:
    def test_are_summed_to_the_steps_that_they_fill(self) -> None:
        store = store_of(register(EL, [1, 2, 3, 4]))
        use = consumption(a_site(), "el", store, START, START + 4 * HOUR, 2 * HOUR)
        assert use.use.values.tolist() == [3.0, 7.0]

    def test_are_not_divided(self) -> None:
        store = store_of(register(EL, [1, 2, 3, 4]))
        use = consumption(a_site(), "el", store, START, START + HOUR, QUARTER)
        assert use.use.coverage == 0.0

    @pytest.mark.parametrize(("day", "length"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
    def test_fill_days_of_23_and_25_hours(self, day: date, length: int) -> None:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - (
            HOUR if length == 23 else 2 * HOUR
        )
        store = store_of([Reading(EL, midnight + i * HOUR, 1.0) for i in range(-3, 30)])
        use = days(a_site(), "el", store, day, day)
        assert use.use.values.tolist() == [float(length)]
        assert moments(use) == [midnight, midnight + length * HOUR]

    def test_are_known_until_their_interval_ends(self) -> None:
        assert counted_until(a_site(), "el", START) == START + HOUR
        assert counted_until(a_site(), "heat", START) == START


class TestOtherMeters:
    def test_a_virtual_one_is_the_sum_of_its_terms(self) -> None:
        hp = register("lodge/hp.energy", [0, 1, 3, None])
        store = store_of(register(EL, [5, 5, 5]), hp)
        assert hours(a_site(), "rest", store, 3) == [4.0, 3.0, None]

    def test_water_is_counted_by_volume(self) -> None:
        site = a_site()
        water = next(meter for meter in site.meters if meter.id == "water")
        assert measured_point(site, water).id == WATER
        use = consumption(
            site, "water", store_of(register(WATER, [1, 4])), START, START + HOUR, HOUR
        )
        assert (use.unit, use.use.values.tolist()) == (Unit.M3, [3.0])

    def test_one_without_a_register_or_unknown_is_not_there(self) -> None:
        with pytest.raises(NotFound, match="counts energy or volume"):
            hours(a_site(), "ghost", MemoryStore(), 1)
        with pytest.raises(NotFound, match="there are: heat, el, hp, water, ghost, rest"):
            hours(a_site(), "nobody", MemoryStore(), 1)


class TestWhatIsMissing:
    def test_is_told_with_its_share(self) -> None:
        store = store_of(register(HEAT, [0, 1, 2, None, 4, 5, 6, 7, 8, 9, 10]))
        use, quality = meter_quality(a_site(), "heat", store, START, START + 10 * HOUR)
        assert use.total == 10.0
        assert (quality.steps, quality.missing, quality.without_value) == (10, 2, 1)
        assert quality.coverage == pytest.approx(0.8)
        assert quality.verdict.code == "incomplete"

    def test_only_good_readings_count(self) -> None:
        readings = register(EL, [1, 2, 3])
        readings[1] = replace(readings[1], quality=Quality.ESTIMATED)
        _, quality = meter_quality(a_site(), "el", store_of(readings), START, START + 3 * HOUR)
        assert (quality.missing, quality.estimated) == (1, 1)


class TestEverybodyAsksTheSameWay:
    VALUES = (9990.0, 9994.0, 9998.0, 2.0, 6.0)

    def test_a_saving_sees_a_rollover_as_use(self) -> None:
        site = a_site(register_max=10_000.0, max_kw=20.0)
        store = store_of(register(HEAT, list(self.VALUES)))
        use = meter_use(site, site.meters[0], store, START, START + 4 * HOUR)
        assert use is not None
        assert use.values.tolist() == [4.0, 4.0, 4.0, 4.0]

    def test_a_plan_sees_it_too(self) -> None:
        site = a_site(register_max=10_000.0, max_kw=20.0)
        quarters = [(9990.0 + i) % 10_000 for i in range(97)]
        store = store_of(register(HEAT, quarters, QUARTER))
        past = history(site, now=START + 24 * HOUR, days=1, ports=problem_ports(store))
        assert past.heat_kw == (4.0,) * 96
