"""The watch of the chaos bench finds what breaks a clause, planted in the controllers' records."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bms.bench.chaos.building import CURVE, HALL, MINUTE, OFFICE, NetworkWrite, PersonWord
from bms.bench.chaos.network import Line
from bms.bench.chaos.town import LEASE, TICK, Town
from bms.bench.chaos.watch import ClauseWatch


class StillTown(Town):
    """A town without a backend, in which records are written by hand."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        for name, building in self.buildings.items():
            for protocol, controller in building.controllers.items():
                self.lines[name, protocol] = Line(controller)  # type: ignore[assignment]
        self.alive = True
        self.east = self.buildings["east"]

    def wrote(self, signal: str, value: float | None, word: PersonWord | None = None) -> None:
        """Something of ours has come in."""
        self.east.writes.append(NetworkWrite(self.now, signal, value, None, word))

    def word(self, ago: timedelta, slot: int | None = None) -> PersonWord:
        """What a person has said some time ago."""
        return PersonWord(OFFICE, 21.7, self.now - ago, slot)


@pytest.fixture
async def town(tmp_path: Path) -> StillTown:
    return StillTown(tmp_path)


def seen(town: StillTown, watch: ClauseWatch | None = None) -> set[str]:
    """The clauses that do not hold now."""
    watch = watch or ClauseWatch(town)
    watch.look()
    return {violation.clause for violation in watch.violations}


async def test_what_is_planned_breaks_nothing(town: StillTown) -> None:
    for signal, value in ((OFFICE, 20.5), (HALL, 18.0), (CURVE, -3.0), (OFFICE, None)):
        town.wrote(signal, value)
    assert seen(town) == set()


@pytest.mark.parametrize(
    ("signal", "value", "clauses"),
    [
        (OFFICE, 22.5, {"W01"}),  # the neighbour's
        (HALL, 20.5, {"W01"}),
        (OFFICE, 21.3, {"W16"}),
        (OFFICE, 99.0, {"W03", "W16"}),
    ],
)
async def test_a_value_that_is_not_this_building_s(town, signal, value, clauses) -> None:
    town.wrote(signal, value)
    assert seen(town) == clauses


@pytest.mark.parametrize(("value", "clause"), [(20.0, "W07"), (None, "W12")])
async def test_a_person_s_value_that_is_written_over(town, value, clause) -> None:
    town.wrote(OFFICE, value, town.word(MINUTE))
    assert seen(town) == {clause}


@pytest.mark.parametrize(("ago", "clauses"), [(1, set()), (2, {"W03", "W16"})])
async def test_what_the_killed_backend_had_sent_may_come_in_as_the_next_one_starts(
    town: StillTown, ago: int, clauses: set[str]
) -> None:
    town.office_max["east"] = town.now - ago * MINUTE, 20.2
    town.wrote(OFFICE, 20.5)
    assert seen(town) == clauses


async def test_what_new_limits_do_not_allow_goes_within_a_tick(town: StillTown) -> None:
    town.wrote(OFFICE, 20.5)
    await town.buildings["east"]._put(OFFICE, 20.5)
    watch = ClauseWatch(town)
    town.office_max["east"] = town.now, 20.2
    assert seen(town, watch) == set()
    town.clock.advance(TICK + 2 * MINUTE)
    assert seen(town, watch) == set()
    town.clock.advance(MINUTE)
    assert seen(town, watch) == {"W03"}


async def test_nobody_can_know_of_what_is_said_in_the_same_minute(town: StillTown) -> None:
    town.wrote(OFFICE, 20.0, town.word(timedelta(0)))
    assert seen(town) == set()


async def test_a_slot_held_beneath_a_person_s(town: StillTown) -> None:
    town.wrote(OFFICE, 20.0)
    await town.east.say(OFFICE, 20.0, 13)
    town.east.words = {OFFICE: town.word(TICK, 8)}
    assert seen(town) == set()
    town.east.words = {OFFICE: town.word(TICK + 2 * MINUTE, 8)}
    assert seen(town) == {"W06"}


async def test_a_write_after_a_person_has_taken_the_site(town: StillTown) -> None:
    town.hands_off["east"] = town.now - 2 * MINUTE
    town.wrote(HALL, 18.0)
    assert seen(town) == {"W10"}


async def test_a_lease_that_outlives_its_backend(town: StillTown) -> None:
    town.wrote(OFFICE, 20.0)
    await town.east.say(OFFICE, 20.0, 13)
    town.east.words = {}
    watch = ClauseWatch(town)
    town.alive = False
    assert seen(town, watch) == set()
    town.clock.advance(LEASE + MINUTE)
    assert seen(town, watch) == set()
    town.clock.advance(MINUTE)
    assert seen(town, watch) == {"W11"}


async def test_what_has_not_come_back(town: StillTown) -> None:
    found = list(ClauseWatch(town).recovered())
    assert len(found) == 6
    town.alive = False
    assert "the backend is down" in list(ClauseWatch(town).recovered())
