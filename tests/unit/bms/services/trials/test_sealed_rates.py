"""What stands under the name of a tariff is sealed with the draw of a trial."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from bms.errors import ConfigError
from bms.feeds.tariffs.book import TariffBook
from bms.model.readings.series import Series
from bms.services.trials.report import trial_reports
from bms.services.trials.sealed_rates import changed_rates, rates_digest
from tests.rigs.fakes.api import World, a_world
from tests.rigs.fakes.city import HOUR, FlatTariffs
from tests.rigs.fakes.trial_site import START, begun, in_time

DAYS = 42
FIRST = START.date()


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


class DearerHeat(FlatTariffs):
    """From one moment on heat costs 0.6 [DKK/kWh]."""

    def __init__(self, since: datetime, dkk: float = 0.6) -> None:
        self._since, self._dkk = since, dkk

    def heat(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        before = [start + i * step < self._since for i in range(n)]
        return Series(start, step, np.where(before, 0.5, self._dkk))


class Unknown(FlatTariffs):
    def electricity(self, tariff: str, spot: Series) -> Series:
        raise ConfigError("no such tariff")


def codes(world: World) -> list[str]:
    (report,) = trial_reports(world.city.trials, world.city.site("lodge"))
    return [change.code for change in report.changes]


def test_rates_of_its_hours_that_were_changed_since_are_named(world: World) -> None:
    trial = begun(world)
    assert trial.sealed.rates
    assert codes(world) == []
    for since, said in (
        (trial.end - HOUR, ["trial_changed_rates"]),
        (trial.end, []),
    ):
        assert codes(world.rewired(tariffs=DearerHeat(since))) == said


def test_a_rounding_is_no_change(world: World) -> None:
    trial, site = begun(world), world.city.site("lodge")
    assert changed_rates(DearerHeat(START, 0.5 + 1e-9), site, trial) == ()


def test_where_a_tariff_is_not_known_nothing_is_sealed_and_nothing_named(world: World) -> None:
    trial, site = begun(world), world.city.site("lodge")
    assert rates_digest(site, Unknown(), FIRST, DAYS) == ""
    unsealed = replace(trial, sealed=replace(trial.sealed, rates=""))
    assert changed_rates(DearerHeat(START), site, unsealed) == ()
    assert [each.code for each in changed_rates(Unknown(), site, trial)] == ["trial_changed_rates"]


def test_the_rates_of_the_shipped_tariffs_have_a_digest_by_hours(world: World) -> None:
    book, site = TariffBook.load(), world.city.site("lodge")
    site = replace(
        site,
        heat_tariff=next(iter(book.heat_prices)),
        electricity_tariff=next(iter(book.electricity_parts)),
    )
    begins = date(2026, 10, 20)
    found = {rates_digest(site, book, begins, days) for days in (DAYS, DAYS + 1)}
    assert len(found) == 2
    assert "" not in found
    other = replace(site, electricity_tariff="nobodys")
    assert rates_digest(other, book, begins, DAYS) == ""
