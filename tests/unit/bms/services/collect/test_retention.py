"""How long readings are kept: by class, by point, and on which local day they go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bms.model.assets.point import Privacy
from bms.model.assets.site import Site
from bms.model.control.retention import Erased
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.rollup import Level
from bms.services.collect.retention import (
    KEPT_DAYS,
    erasures,
    forget_old,
    keep_rollups,
    kept_days,
)
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge

DAY = timedelta(days=1)
NOW = datetime(2025, 6, 15, 0, 30, tzinfo=UTC)
TEMP, VALVE, HEAT = "lodge/hall.temp", "lodge/hall.valve", "lodge/heat.energy"


def site_with(**changes: dict[str, object]) -> Site:
    """The lodge with only three points: an internal, a personal and an open one."""
    classes = {TEMP: Privacy.INTERNAL, VALVE: Privacy.PERSONAL, HEAT: Privacy.OPEN}
    points = [p for p in lodge().points if p.id in classes]
    return replace(
        lodge(),
        points=tuple(
            replace(p, **{"privacy": classes[p.id], **changes.get(p.id.partition("/")[2], {})})
            for p in points
        ),
    )


async def retain(store: MemoryStore) -> tuple[Erased, ...]:
    """A round."""
    await keep_rollups(site_with(), now=NOW, rollups=store)
    return await forget_old(site_with(), now=NOW, retention=store)


class Scrubbed(MemoryStore):
    """Counts how often its files were scrubbed."""

    times = 0

    def scrub(self, *, whole: bool = False) -> None:
        self.times += 1


class TestPolicy:
    def test_each_class_has_its_days(self) -> None:
        kept = {point.id: kept_days(point) for point in site_with().points}
        assert kept == {TEMP: 1830, VALVE: 90, HEAT: None}
        assert set(KEPT_DAYS) == set(Privacy)

    def test_what_the_site_file_says_of_a_point_comes_first(self) -> None:
        days = {"hall.valve": {"retention_days": 30}, "heat.energy": {"retention_days": 400}}
        kept = {point.id: kept_days(point) for point in site_with(**days).points}
        assert kept == {TEMP: 1830, VALVE: 30, HEAT: 400}

    def test_points_that_are_kept_equally_long_go_together(self) -> None:
        site = site_with(**{"heat.energy": {"privacy": Privacy.INTERNAL}})
        internal, personal = erasures(site, NOW)
        assert internal.points == (TEMP, HEAT)
        assert (internal.before, internal.with_rollups) == (date(2020, 6, 11), False)
        assert personal.points == (VALVE,)
        assert (personal.before, personal.with_rollups) == (date(2025, 3, 17), True)
        assert personal.reason == "personal readings are kept for 90 days"

    @pytest.mark.parametrize(
        ("now", "before"),
        [
            (datetime(2025, 6, 14, 21, 59, tzinfo=UTC), date(2025, 3, 16)),
            (datetime(2025, 6, 14, 22, 0, tzinfo=UTC), date(2025, 3, 17)),
        ],
    )
    def test_days_are_those_of_the_building(self, now: datetime, before: date) -> None:
        assert erasures(site_with(), now)[1].before == before

    def test_a_century_is_for_good(self) -> None:
        site = site_with(**{"hall.valve": {"retention_days": 36_500}})
        assert [erasure.points for erasure in erasures(site, NOW)] == [(TEMP,)]


class TestRound:
    def given(self) -> MemoryStore:
        store = MemoryStore()
        moments = [NOW - days * DAY for days in range(1, 2200, 5)]
        store.add_readings(
            Reading(point, at, 1.0) for point in (TEMP, VALVE, HEAT) for at in moments
        )
        return store

    async def test_each_class_goes_its_way(self) -> None:
        store, start = self.given(), NOW - 2300 * DAY
        internal, personal = await retain(store)
        assert (internal.privacy, internal.readings, internal.hours) == (Privacy.INTERNAL, 74, 0)
        assert (personal.privacy, personal.readings, personal.hours) == (
            Privacy.PERSONAL,
            422,
            422,
        )
        assert store.erasures(NOW) == [internal, personal]
        days = store.rollups([TEMP, VALVE, HEAT], start, NOW, Level.DAY).n.sum(axis=1)
        assert days.tolist() == [440, 18, 440]
        kept = [len(store.readings(point, start, NOW)) for point in (TEMP, VALVE, HEAT)]
        assert kept == [366, 18, 440]

    async def test_a_second_round_finds_nothing(self) -> None:
        store = self.given()
        await retain(store)
        assert await retain(store) == ()
        assert len(store.erasures(NOW)) == 2

    async def test_a_late_file_brings_nothing_back(self) -> None:
        store = self.given()
        await retain(store)
        late = [Reading(point, NOW - 100 * DAY, 2.0) for point in (TEMP, VALVE)]
        assert store.add_readings(late) == Ingested(new=1, expired=1)
