"""The back-off of warm-ups: enough for nineteen days of twenty, within 0 to 1 K, and slow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bms.model.control.command import Accepted, Command, Overridden
from bms.model.control.reasons import Holder
from bms.model.fact import fact
from bms.model.planning.prediction import UseStart
from bms.model.readings.measurement import Reading
from bms.services.planning.comfort_backoff import backoff_k, backoffs, record_use_starts
from bms.services.planning.problem import assemble
from bms.store.memory.store import MemoryStore
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.api import FixedPlanner
from tests.rigs.fakes.city import HOUR, lodge, utc
from tests.rigs.fakes.ports import planning_ports, problem_ports
from tests.rigs.fakes.store import a_model

SITE = lodge()
FIRST = date(2019, 1, 7)
DAY = timedelta(days=1)
NIGHT = utc(2019, 1, 15, 0, 30)
"""Half past one; people came on the 14th at 8 o'clock, 7 UTC."""
CAME = utc(2019, 1, 14, 7)
SETPOINT = "lodge/hall.setpoint"


def rows(*shortfalls: float, margin_k: float = 0.2) -> list[UseStart]:
    return [
        UseStart(site="lodge", zone="hall", day=FIRST + i * DAY, shortfall_k=k, margin_k=margin_k)
        for i, k in enumerate(shortfalls)
    ]


class TestBackoff:
    def test_a_short_record_has_no_say(self) -> None:
        assert backoff_k(rows(*[0.3] * 7), "hall") is None
        assert backoff_k(rows(*[0.3] * 20), "gym") is None

    def test_where_it_was_just_enough_it_stays(self) -> None:
        assert backoff_k(rows(*[0.0] * 10), "hall") == 0.2

    def test_it_is_what_nineteen_days_of_twenty_would_have_needed(self) -> None:
        assert backoff_k(rows(*[-0.05] * 27, 2.0), "hall") == 0.15  # one bad day in four weeks

    @pytest.mark.parametrize("shortfall", [0.05, 0.1])
    def test_what_a_sensor_cannot_show_is_no_shortfall(self, shortfall: float) -> None:
        assert backoff_k(rows(*[shortfall] * 10), "hall") == 0.2

    @pytest.mark.parametrize(("shortfall", "moved"), [(0.8, 0.3), (-0.8, 0.1)])
    def test_it_moves_slowly(self, shortfall: float, moved: float) -> None:
        assert backoff_k(rows(*[shortfall] * 10), "hall") == pytest.approx(moved)

    @pytest.mark.parametrize(("margin", "shortfall", "end"), [(0.98, 3.0, 1.0), (0.04, -3.0, 0.0)])
    def test_it_stays_between_nothing_and_a_kelvin(
        self, margin: float, shortfall: float, end: float
    ) -> None:
        assert backoff_k(rows(*[shortfall] * 10, margin_k=margin), "hall") == end

    def test_it_settles_where_the_measured_shortfall_is_gone(self) -> None:
        """A building that is always 0.45 K below what its plan means to reach."""
        record = rows(*[0.25] * 8)
        for i in range(60):
            inside = backoff_k(record[-28:], "hall")
            assert inside is not None
            record.append(
                replace(
                    record[-1],
                    day=FIRST + (8 + i) * DAY,
                    shortfall_k=0.45 - inside,
                    margin_k=inside,
                )
            )
        assert record[-1].margin_k == pytest.approx(0.45, abs=0.01)


def a_command(**changes: object) -> Command:
    made = Command(
        id="c1",
        point=SETPOINT,
        value=21.0,
        issued_at=CAME - 2 * HOUR,
        lease_end=CAME,
        reason="plan p1 (optimal)",
        actor="plan",
        plan="p1",
    )
    return replace(made, **changes)


def warmed_up(temp_c: float = 19.6) -> MemoryStore:
    store = MemoryStore()
    store.add_readings([Reading("lodge/hall.temp", CAME, temp_c)])
    store.add_receipts([Accepted(a_command(), 21.0)], CAME - 2 * HOUR)
    return store


async def recorded(store: MemoryStore) -> list[UseStart]:
    return await record_use_starts(
        SITE, now=NIGHT, ports=planning_ports(store, planner=FixedPlanner())
    )


class TestRecord:
    async def test_a_zone_that_we_warmed_up_is_on_record(self) -> None:
        store = warmed_up()
        (row,) = await recorded(store)
        assert (row.zone, row.day, row.shortfall_k) == ("hall", date(2019, 1, 14), 0.4)
        assert row.margin_k == 0.12  # the planner's least
        assert store.use_starts("lodge", row.day) == [row]

    async def test_the_margin_is_that_of_the_plan_s_thermostat_and_model_or_of_the_record(
        self,
    ) -> None:
        store = warmed_up()
        model = a_model("lodge")
        zone = replace(model.zones[0], zone="hall", parameters={"track_k": 0.3}, rmse_24h_k=0.25)
        store.save_model(replace(model, zones=(zone,)))
        (row,) = await recorded(store)
        assert row.margin_k == 0.55
        earlier = [
            replace(each, day=row.day - (i + 1) * DAY) for i, each in enumerate(rows(*[0.0] * 9))
        ]
        store.keep_use_starts(earlier)
        (row,) = await recorded(store)
        assert row.margin_k == 0.2

    @pytest.mark.parametrize(
        ("receipt", "at"),
        [
            (Accepted(a_command(plan=None), 21.0), CAME - HOUR),  # a person's write
            (Accepted(a_command(), 21.0), CAME - 13 * HOUR),  # long ago
            (Accepted(a_command(point="lodge/ahu1.run"), 1.0), CAME - HOUR),
            (Overridden(a_command(), 8, 22.0, fact(Holder.OPERATOR)), CAME - HOUR),
        ],
    )
    async def test_what_we_did_not_warm_up_says_nothing_of_us(self, receipt, at: datetime) -> None:
        store = MemoryStore()
        store.add_readings([Reading("lodge/hall.temp", CAME, 15.0)])
        store.add_receipts([receipt], at)
        assert await recorded(store) == []

    async def test_without_a_reading_there_is_no_row(self) -> None:
        store = MemoryStore()
        store.add_receipts([Accepted(a_command(), 21.0)], CAME - 2 * HOUR)
        assert await recorded(store) == []


def test_the_problem_has_it_from_the_days_before() -> None:
    store = MemoryStore()
    kept = rows(*[0.15] * 8)
    store.keep_use_starts(kept)

    def asked(now: datetime) -> float | None:
        return (
            assemble(SITE, now=now, horizon=timedelta(hours=12), ports=problem_ports(store))
            .zones[0]
            .start_backoff_k
        )

    assert asked(NIGHT) == 0.3
    assert asked(utc(2019, 1, 14, 12)) is None  # the eighth day is not over
    assert backoffs(SITE, store, NIGHT + timedelta(days=40)) == {}


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryStore | SqlStore]:
    memory = request.param == "memory"
    made = MemoryStore() if memory else SqlStore(f"sqlite:///{tmp_path}/bms.db")
    yield made
    made.close()


def test_a_day_is_kept_once_and_the_last_word_stands(store: MemoryStore | SqlStore) -> None:
    first, second = rows(0.1, 0.2)
    store.keep_use_starts([second, first, replace(first, site="barn")])
    assert store.use_starts("lodge", FIRST) == [first, second]
    corrected = replace(first, shortfall_k=0.3)
    store.keep_use_starts([corrected])
    assert store.use_starts("lodge", FIRST) == [corrected, second]
    assert store.use_starts("lodge", FIRST + DAY) == [second]
