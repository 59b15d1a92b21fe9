"""Reports by schedule: what is due, what the record says, and nothing twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.model.reporting.delivery import Delivery, Every, ReportSchedule, Way
from bms.model.reporting.request import FileForm, ReportFormat, ReportKind
from bms.runtime.wire import FileReporter
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.reporting.deliveries import Deliveries, sent_reports
from tests.rigs.fakes.api import NOW, World, a_world

TIMEZONE = "Europe/Copenhagen"


def a_schedule(**changes: object) -> ReportSchedule:
    values: dict[str, object] = {
        "name": "register",
        "kind": ReportKind.METERS,
        "site": None,
        "group": None,
        "every": Every.MONTH,
        "after_days": 3,
        "form": FileForm(format=ReportFormat.CSV, language="da"),
        "targets": ((Way.EMAIL, "energi@example.dk"),),
    }
    return ReportSchedule(**{**values, **changes})  # type: ignore[arg-type]


@dataclass
class Box:
    """Implements ``ReportPost``; ``raises`` is what the next sendings end with."""

    raises: list[BaseException] = field(default_factory=list)
    got: list[tuple[str, str, bytes]] = field(default_factory=list)

    def send(self, delivery: Delivery, title: str, file: Path) -> None:
        if self.raises:
            raise self.raises.pop(0)
        self.got.append((delivery.file_name, title, file.read_bytes()))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


def deliveries(world: World, box: Box) -> Deliveries:
    return Deliveries(SavingsCache(world.city.assessment), FileReporter(), box)


@pytest.mark.parametrize(
    ("every", "today", "period"),
    [
        (Every.MONTH, date(2026, 11, 3), "2026-09"),
        (Every.MONTH, date(2026, 11, 4), "2026-10"),
        (Every.MONTH, date(2026, 1, 4), "2025-12"),
        (Every.YEAR, date(2026, 1, 3), "2024"),
        (Every.YEAR, date(2026, 1, 4), "2025"),
    ],
)
def test_the_last_period_that_is_over_for_so_many_days(
    every: Every, today: date, period: str
) -> None:
    assert a_schedule(every=every).period(today) == period


def test_it_goes_once_and_the_record_says_so(world: World) -> None:
    box = Box()
    run = deliveries(world, box)
    assert [run.tick([a_schedule()], NOW, TIMEZONE) for _ in range(3)] == [1, 0, 0]
    ((name, title, content),) = box.got
    assert name == "register-2018-12.csv"
    assert title == "Målerfortegnelse: 1 bygninger, 1. december 2018 til 31. december 2018"
    assert content.decode("utf-8-sig").startswith("Bygnings-id;")
    (told,) = sent_reports(world.store, NOW)
    assert (told.state, told.subject) == ("sent", "register 2018-12 email:energi@example.dk")
    assert run.tick([a_schedule()], NOW + timedelta(days=10), TIMEZONE) == 1


def test_what_was_refused_is_tried_again_and_spares_the_others(world: World) -> None:
    box = Box([ConfigError("no such user")])
    run = deliveries(world, box)
    both = [a_schedule(), a_schedule(name="other")]
    assert run.tick(both, NOW, TIMEZONE) == 1
    assert {told.state for told in sent_reports(world.store, NOW)} == {"sent", "failed"}
    assert run.tick(both, NOW, TIMEZONE) == 1
    assert {told.state for told in sent_reports(world.store, NOW)} == {"sent"}


def test_it_is_given_up_after_a_day_of_refusals(world: World) -> None:
    box = Box([ConfigError("no")] * 100)
    run = deliveries(world, box)
    for _ in range(30):
        run.tick([a_schedule()], NOW, TIMEZONE)
    assert len(box.raises) == 100 - 24


@pytest.mark.parametrize(("way", "again"), [(Way.EMAIL, 0), (Way.FOLDER, 1)])
def test_what_was_on_its_way_when_the_process_died(world: World, way: Way, again: int) -> None:
    box = Box([SystemExit("power cut")])
    run, asked = deliveries(world, box), a_schedule(targets=((way, "there"),))
    with pytest.raises(SystemExit):
        run.tick([asked], NOW, TIMEZONE)
    (told,) = sent_reports(world.store, NOW)
    assert told.state == "unknown"
    assert run.tick([asked], NOW, TIMEZONE) == again
