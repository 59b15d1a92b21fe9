"""The record of prediction errors: one row a day, drift with hysteresis, and a plan without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bms.messages import translator
from bms.model.planning.plan import Schedule
from bms.model.planning.prediction import Foreseen, PredictionDay, UseForecastDay
from bms.model.planning.problem import BuildingModel, NoModel, Problem
from bms.ports.planner import Judge
from bms.services.planning.model_drift import drift_facts, drifting_zones, holding
from bms.services.planning.prediction_errors import excess, record_predictions
from bms.services.planning.problem import assemble
from bms.store.database.observed import counted_statements
from bms.store.memory.store import MemoryStore
from bms.store.sql.store import SqlStore
from optimizer.planner import Optimizer
from tests.rigs.exposition import read_exposition
from tests.rigs.fakes.api import a_world
from tests.rigs.fakes.city import HOUR, lodge, utc
from tests.rigs.fakes.ports import planning_ports, problem_ports
from tests.rigs.fakes.store import a_model

SITE = lodge()
LEADS = (1.0, 6.0, 24.0)
FIRST = utc(2019, 1, 15, 0, 30)
"""Half past one at night: the day that ended is the 14th."""
DAY = timedelta(days=1)


def model(at: datetime, held_out_k: float = 0.4) -> BuildingModel:
    made = a_model("lodge", at)
    zone = replace(made.zones[0], zone="hall", rmse_24h_k=held_out_k)
    return replace(made, zones=(zone,))


@dataclass(frozen=True)
class Found:
    zones: tuple[str, ...]
    starts: tuple[datetime, ...]
    horizons_h: tuple[float, ...]
    errors: np.ndarray


@dataclass
class JudgingPlanner:
    """``Judge``: every model is off by ``off_k`` at every lead; ``answer`` is what it learns."""

    off_k: float = 0.4
    after_learning_k: float | None = None
    answer: BuildingModel | NoModel = field(default_factory=lambda: NoModel(site="x", reasons=()))
    asked: int = 0
    known: slice = field(default_factory=lambda: slice(None))

    def identify(self, problem: Problem) -> BuildingModel | NoModel:
        self.asked += 1
        if self.after_learning_k is not None:
            self.off_k = self.after_learning_k
        return self.answer

    def plan(self, problem: Problem) -> Schedule:
        raise AssertionError("nobody asked for a plan")

    def prediction_errors(self, problem: Problem, model: BuildingModel) -> Found:
        assert problem.history is not None
        starts = tuple(problem.history.start + i * HOUR for i in range(11 * 24))
        errors = np.full((1, len(starts), 3), np.nan)
        errors[0, self.known] = self.off_k
        return Found(("hall",), starts, LEADS, errors)


async def night(
    planner: JudgingPlanner, store: MemoryStore, now: datetime = FIRST
) -> list[PredictionDay]:
    return await record_predictions(SITE, now=now, ports=planning_ports(store, planner=planner))


def stored(held_out_k: float = 0.4) -> MemoryStore:
    store = MemoryStore()
    store.save_model(model(FIRST - DAY, held_out_k))
    return store


class TestRecord:
    async def test_a_row_for_each_lead_of_the_day_that_ended(self) -> None:
        store = stored()
        rows = await night(JudgingPlanner(-0.3), store)
        assert [(r.zone, r.lead_h, r.day, r.n) for r in rows] == [
            ("hall", lead, date(2019, 1, 14), 24) for lead in (1, 6, 24)
        ]
        assert {(r.rmse_k, r.bias_k, r.drifting) for r in rows} == {(0.3, -0.3, False)}
        assert [r.expected_k for r in rows] == [None, None, 0.4]
        assert store.predictions("lodge", date(2019, 1, 14)) == rows

    async def test_what_cannot_be_compared_is_counted_out_and_never_zero(self) -> None:
        rows = await night(JudgingPlanner(known=slice(0)), stored())
        assert {(r.n, r.rmse_k, r.bias_k) for r in rows} == {(0, None, None)}

    async def test_without_a_model_there_is_no_record(self) -> None:
        assert await night(JudgingPlanner(), MemoryStore()) == []

    def test_the_optimiser_can_judge(self) -> None:
        assert isinstance(Optimizer(), Judge)


class TestDrift:
    @pytest.mark.parametrize(
        ("held_out_k", "off_k", "drifts"),
        [
            (0.4, 0.83, False),
            (0.4, 0.85, True),
            (0.05, 0.52, False),  # nobody feels the difference
            (0.05, 0.53, True),
        ],
    )
    async def test_a_week_of_twice_the_error_on_held_out_days_is_too_much(
        self, held_out_k: float, off_k: float, drifts: bool
    ) -> None:
        planner, store = JudgingPlanner(off_k), stored(held_out_k)
        rows = await night(planner, store)
        assert {row.drifting for row in rows} == {drifts}
        assert planner.asked == int(drifts)  # it is learned anew at once
        assert bool(drifting_zones(SITE, store, FIRST)) == drifts

    @pytest.mark.parametrize(("days", "drifts"), [(1, False), (2, True)])
    async def test_one_strange_day_is_no_drift(self, days: int, drifts: bool) -> None:
        class Strange(JudgingPlanner):
            def prediction_errors(self, problem: Problem, model: BuildingModel) -> Found:
                found = super().prediction_errors(problem, model)
                found.errors[:, : -24 * days - 24 - 2] = 0.1
                return found

        rows = await night(Strange(2.0), stored())
        assert {row.drifting for row in rows} == {drifts}

    @pytest.mark.parametrize(
        ("ratios", "total"),
        [
            ([1.0] * 7, 0.0),
            ([1.5, 1.5, 1.5], 0.0),  # the third in a row, and no drift
            ([9.0], 2.4),  # counts as 4
            ([2.0, 2.0, 0.5, 2.0], 0.4),  # a good day takes back what bad ones gave
            ([2.4] * 5, 4.0),
        ],
    )
    def test_days_add_up_beyond_what_is_allowed(self, ratios: list[float], total: float) -> None:
        assert excess(ratios) == pytest.approx(total)

    async def test_few_hours_are_no_verdict(self) -> None:
        few = JudgingPlanner(5.0, known=slice(8 * 24, 8 * 24 + 20))
        assert not any(row.drifting for row in await night(few, stored()))

    async def test_a_new_model_that_holds_clears_it_at_once(self) -> None:
        planner = JudgingPlanner(0.9, after_learning_k=0.4, answer=model(FIRST))
        store = stored()
        rows = await night(planner, store)
        assert not any(row.drifting for row in rows)
        assert {row.model_at for row in rows} == {FIRST}
        assert drifting_zones(SITE, store, FIRST) == []

    @pytest.mark.parametrize(("off_k", "clears"), [(0.49, False), (0.47, True)])
    async def test_a_new_model_has_to_be_better_than_the_alarm_was(
        self, off_k: float, clears: bool
    ) -> None:
        store = stored()
        await night(JudgingPlanner(0.9), store)  # learning fails
        later = FIRST + DAY
        store.save_model(model(later))
        rows = await night(JudgingPlanner(off_k), store, later)
        assert {row.drifting for row in rows} == {not clears}

    async def test_the_old_model_is_not_taken_back_for_a_good_day(self) -> None:
        store = stored()
        await night(JudgingPlanner(0.9), store)
        await night(JudgingPlanner(0.1), store, FIRST + DAY)
        assert drifting_zones(SITE, store, FIRST + DAY)

    async def test_a_zone_that_the_model_no_longer_has_stops_nobody(self) -> None:
        store = stored()
        await night(JudgingPlanner(0.9), store)
        store.save_model(a_model("lodge", FIRST))
        assert drifting_zones(SITE, store, FIRST) == []


def test_one_zone_that_has_drifted_does_not_take_the_others_along() -> None:
    hall = model(FIRST)
    both = replace(hall, zones=(*hall.zones, replace(hall.zones[0], zone="gym")))
    assert holding(both, []) == both
    assert holding(both, [a_row(zone="gym", drifting=True)]) == hall
    assert holding(hall, [a_row(drifting=True)]) is None
    assert holding(None, []) is None


async def test_a_plan_does_without_a_model_that_has_drifted_and_says_so() -> None:
    store = stored()
    planner = JudgingPlanner(0.9)

    def problem() -> Problem:
        return assemble(SITE, now=FIRST, horizon=timedelta(hours=12), ports=problem_ports(store))

    assert problem().model == model(FIRST - DAY)
    await night(planner, store)
    told = problem()
    assert told.model is None
    (note,) = told.notes
    assert "error 24 h ahead 0.90 K, 0.40 K when it was learned" in translator("en").describe(note)
    assert "fejl 24 timer frem 0,90 K, ved indlæring 0,40 K" in translator("da").describe(note)
    schedule = Optimizer().plan(told)
    assert schedule.status == "fallback"
    assert "model_drift" in {words.code for words in schedule.reasons}
    assert schedule.setpoints


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryStore | SqlStore]:
    memory = request.param == "memory"
    made = MemoryStore() if memory else SqlStore(f"sqlite:///{tmp_path}/bms.db")
    yield made
    made.close()


def a_row(**changes: object) -> PredictionDay:
    row = PredictionDay(
        site="lodge",
        zone="hall",
        lead_h=24,
        day=date(2019, 1, 14),
        n=24,
        rmse_k=0.5,
        bias_k=-0.1,
        expected_k=0.4,
        model_at=FIRST,
    )
    return replace(row, **changes)


def test_a_day_of_a_lead_is_kept_once_and_the_last_word_stands(
    store: MemoryStore | SqlStore,
) -> None:
    later = a_row(day=date(2019, 1, 15))
    unknown = a_row(lead_h=1, n=0, rmse_k=None, bias_k=None, expected_k=None)
    store.keep_predictions([later, a_row(), unknown, a_row(site="barn")])
    assert store.predictions("lodge", date(2019, 1, 14)) == [unknown, a_row(), later]
    corrected = a_row(rmse_k=0.7, drifting=True)
    store.keep_predictions([corrected])
    assert store.predictions("lodge", date(2019, 1, 14)) == [unknown, corrected, later]
    assert store.predictions("lodge", date(2019, 1, 15)) == [later]


def test_the_rows_of_a_night_are_one_statement_of_the_database(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    rows = [a_row(zone=f"room-{i}") for i in range(20)]
    store.keep_predictions(rows)
    with counted_statements() as seen:
        store.keep_predictions([replace(row, n=23) for row in rows])
    assert len([each for each in seen if "predictions" in each]) == 1
    assert {row.n for row in store.predictions("lodge", rows[0].day)} == {23}
    store.close()


async def test_the_record_is_served_and_counted(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    world.store.save_model(model(world.clock.now() - DAY))
    bad = a_row(day=date(2019, 1, 27), rmse_k=0.9, drifting=True)
    world.store.keep_predictions([bad, replace(bad, lead_h=1, expected_k=None, rmse_k=0.2)])
    async with world.browser(**world.key("read")) as browser:
        answer = (await browser.get("/v1/sites/lodge/predictions")).json()
        metrics = read_exposition((await browser.get("/metrics")).text)
    assert [row["rmse_k"] for row in answer["predictions"]] == [0.2, 0.9]
    assert answer["drift"][0]["code"] == "model_drift"
    at = {"site": "lodge", "zone": "hall", "lead_h": "24"}
    assert metrics.value("bms_prediction_rmse_kelvin", **at) == 0.9
    assert metrics.value("bms_model_drift", site="lodge") == 1


async def test_forecasts_of_use_are_served_to_those_who_may_see_people(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    load = UseForecastDay(
        site="lodge",
        what=Foreseen.LOAD,
        zone=None,
        lead_h=24,
        day=date(2019, 1, 27),
        n=24,
        bias=-0.5,
        rmse=1.5,
    )
    use = replace(load, what=Foreseen.OCCUPANCY, zone="hall", bias=0.125)
    world.store.keep_use_forecasts([load, use])
    told = {}
    for scope in ("read", "operate"):
        async with world.browser(**world.key(scope)) as browser:
            told[scope] = (await browser.get("/v1/sites/lodge/predictions")).json()["use"]
    assert [(row["what"], row["bias"]) for row in told["operate"]] == [
        ("load", -0.5),
        ("occupancy", 0.125),
    ]
    assert told["read"] == told["operate"][:1]


def test_a_zone_is_called_by_its_name() -> None:
    (drifted,) = drift_facts(SITE, [a_row()])
    assert translator("en").describe(drifted).startswith("Hall: ")
