"""Readings that are pushed: to which points, in which units, and what comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bms.errors import ConfigError
from bms.model.access.actor import Actor
from bms.model.access.grant import Grant
from bms.model.readings.measurement import Ingested, Quality
from bms.model.readings.metering import Quantity
from bms.model.readings.units import Unit
from bms.services.api_keys import create_key
from bms.services.collect.push import Pushed, PushReport, push_readings
from bms.store.memory.store import MemoryStore
from sites.loader import load_sites
from tests.rigs.fakes.city import lodge
from tests.rigs.paths import ROOT

NOW = datetime(2026, 4, 1, 6, tzinfo=UTC)
AT = datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=1)))
SITES = (*load_sites(ROOT / "tests" / "cases" / "sites" / "valid_meters"), lodge())


def to_kwh(quantity: Quantity, unit: str, value: float) -> tuple[float, Unit] | None:
    known = {(Quantity.ENERGY, "MWh"): (1000.0, Unit.KWH), (Quantity.ENERGY, "m"): (1.0, Unit.M3)}
    found = known.get((quantity, unit))
    return None if found is None else (value * found[0], found[1])


def push(
    *rows: Pushed, store: MemoryStore | None = None, scope: str = "ingest"
) -> tuple[PushReport, MemoryStore]:
    kept = store or MemoryStore()
    report = push_readings(
        rows,
        sites=SITES,
        may=Actor(id="1", name="a test", grants=(Grant.of(scope),)).may_push,
        now=NOW,
        convert=to_kwh,
        readings=kept,
    )
    return report, kept


def row(**fields: object) -> Pushed:
    if "point" not in fields and "meter" not in fields:
        fields["point"] = "school/water.volume"
    return Pushed(**{"index": 0, "time": AT, "value": 1.5, **fields})


class TestARowThatFits:
    def test_goes_to_its_point_in_utc_with_the_time_it_came(self) -> None:
        report, store = push(row())
        (reading,) = store.latest(["school/water.volume"]).values()
        assert report.stored == Ingested(new=1)
        assert (reading.value, reading.time) == (1.5, datetime(2026, 3, 1, 9, tzinfo=UTC))
        assert reading.received == NOW

    @pytest.mark.parametrize(
        ("meter", "quantity", "point"),
        [
            ("571313115100000001", None, "school/el.energy"),
            ("school/el", None, "school/el.energy"),
            ("6841234", Quantity.VOLUME, "school/heat.volume"),
        ],
    )
    def test_may_name_its_meter(self, meter: str, quantity: Quantity | None, point: str) -> None:
        _, store = push(row(meter=meter, quantity=quantity))
        assert store.latest([point])[point].value == 1.5

    def test_is_converted_from_its_unit(self) -> None:
        _, store = push(row(point="school/el.energy", unit="MWh"))
        assert store.latest(["school/el.energy"])["school/el.energy"].value == 1500.0

    def test_may_have_no_value_or_an_estimated_one(self) -> None:
        _, store = push(
            row(value=None),
            row(point="school/el.energy", quality=Quality.ESTIMATED),
        )
        latest = store.latest(["school/water.volume", "school/el.energy"])
        assert latest["school/water.volume"].quality is Quality.ABSENT
        assert latest["school/el.energy"].quality is Quality.ESTIMATED

    def test_twice_is_once(self) -> None:
        _, store = push(row())
        assert push(row(), store=store)[0].stored == Ingested(known=1)
        assert push(row(value=2.0), store=store)[0].stored == Ingested(corrected=1)

    @pytest.mark.parametrize(
        ("point", "ahead", "fits"),
        [
            ("school/el.energy", timedelta(days=1), True),
            ("school/el.energy", timedelta(days=1, seconds=1), False),
            ("school/water.volume", timedelta(minutes=5), True),
            ("school/water.volume", timedelta(minutes=5, seconds=1), False),
        ],
    )
    def test_m1_only_an_amount_may_lie_ahead_of_the_clock(
        self, point: str, ahead: timedelta, fits: bool
    ) -> None:
        report, _ = push(row(point=point, time=NOW + ahead))
        assert (report.stored.new == 1) is fits


class TestARowThatDoesNotFit:
    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            (row(point="school/nothing"), "no point 'school/nothing'"),
            (row(meter="999"), "no meter '999'"),
            (row(meter="6841234"), "name a quantity of its site file: energy, volume"),
            (row(meter="school/el", quantity=Quantity.VOLUME), "name a quantity"),
            (row(point="a/b", meter="1"), "either a point or a meter"),
            (replace(row(), point=None), "either a point or a meter"),
            (row(value=float("nan")), "a missing value is null"),
            (row(value=float("inf")), "a missing value is null"),
            (row(quality=Quality.NO_REPLY), "does not go with value 1.5"),
            (row(value=None, quality=Quality.GOOD), "does not go with value None"),
            (row(unit="MWh"), "is in m3"),
            (row(point="school/el.energy", unit="m"), "is in kWh"),
            (row(point="lodge/hall.temp"), "no point 'lodge/hall.temp' that this key may push to"),
            (row(time=NOW + timedelta(days=2)), "in the future"),
            (row(time=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))), "before 1990"),
        ],
    )
    def test_comes_back_with_its_place_and_the_reason_and_spares_the_others(
        self, wrong: Pushed, says: str
    ) -> None:
        report, _ = push(row(), replace(wrong, index=1), row(index=2, time=AT + timedelta(hours=1)))
        (refused,) = report.refused
        assert refused.index == 1
        assert says in refused.message
        assert report.stored == Ingested(new=2)


class TestAKey:
    @pytest.mark.parametrize(
        ("scope", "point", "lets"),
        [
            ("operate", "school/el.energy", True),
            ("operate", "lodge/hall.temp", False),
            ("ingest", "school/el.energy", True),
            ("ingest", "lodge/hall.temp", False),
            ("ingest:school", "school/el.energy", True),
            ("ingest:school", "lodge/hall.temp", False),
            ("ingest:schoo", "school/el.energy", False),
            ("controller:lodge/rooms", "lodge/hall.temp", False),
            ("controller:lodge/rooms", "school/el.energy", False),
            ("read", "school/el.energy", False),
        ],
    )
    def test_pushes_to_its_own_points_only(self, scope: str, point: str, lets: bool) -> None:
        report, _ = push(row(point=point), scope=scope)
        assert (report.stored.new == 1) is lets

    def test_does_not_learn_which_meters_others_have(self) -> None:
        known, _ = push(row(meter="6841234"), scope="ingest:lodge")
        unknown, _ = push(row(meter="6841235"), scope="ingest:lodge")
        assert known.refused[0].message.replace("4'", "5'") == unknown.refused[0].message

    @pytest.mark.parametrize("scope", ["ingest:", "ingest:School", "ingests", "ingest:a/b"])
    def test_of_a_scope_that_is_none_is_not_made(self, scope: str) -> None:
        with pytest.raises(ConfigError, match="ingest:SITE"):
            create_key(MemoryStore(), name="x", scope=scope, now=NOW, actor="bo")
