"""The sum over the portfolios of several backends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bms.model.savings.objection import Verdict
from bms.model.savings.upstream import (
    ToldSaving,
    ToldUse,
    ToldYear,
    UpstreamLook,
    UpstreamNumbers,
)
from bms.savings.portfolio.federation import federated_sum, federated_use, told_twice

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def told(
    saving: float | None, half: float = 0.0, verdict: Verdict = Verdict.VERIFIED
) -> ToldSaving:
    return ToldSaving(
        id="portfolio",
        adjusted_baseline_kwh=None if saving is None else saving + 900.0,
        measured_kwh=900.0,
        saving_kwh=saving,
        saving_low_kwh=None if saving is None else saving - half,
        saving_high_kwh=None if saving is None else saving + 2 * half,
        confidence=0.9,
        verdict=verdict,
        cost_dkk=10.0,
        co2_kg=None,
    )


def test_savings_add_up_and_their_intervals_in_quadrature() -> None:
    found = federated_sum("all", [told(100.0, 30.0), told(50.0, 40.0)])
    assert found.saving_kwh == 150.0
    assert found.saving_low_kwh == pytest.approx(100.0)
    assert found.saving_high_kwh == pytest.approx(250.0)
    assert (found.measured_kwh, found.cost_dkk, found.co2_kg) == (1800.0, 20.0, None)
    assert found.verdict is Verdict.VERIFIED


def test_the_lowest_verdict_counts() -> None:
    rows = [told(1.0), told(1.0, verdict=Verdict.INDICATIVE)]
    assert federated_sum("all", rows).verdict is Verdict.INDICATIVE


def test_nothing_may_be_claimed_where_one_tells_no_saving() -> None:
    found = federated_sum("all", [told(5.0), told(None)])
    assert (found.saving_kwh, found.verdict) == (5.0, Verdict.NOT_CLAIMABLE)


def test_without_portfolios_nothing_is_known() -> None:
    found = federated_sum("all", [])
    assert (found.saving_kwh, found.measured_kwh) == (None, None)
    assert found.verdict is Verdict.NOT_CLAIMABLE


def a_look(name: str, kwh: float | None, *sites: str) -> UpstreamLook:
    rows = tuple(replace(told(kwh), id=site) for site in sites)
    numbers = UpstreamNumbers(at=NOW, portfolio=told(kwh), sites=rows)
    return UpstreamLook(name=name, url=f"https://{name}", numbers=numbers)


def test_a_backend_at_two_addresses_counts_once() -> None:
    a, b, c = (a_look(n, 5.0, "hall", "school") for n in ("a", "b", "c"))
    assert told_twice([a, b, c]) == {"https://b": "a", "https://c": "a"}


def test_backends_that_differ_or_tell_nothing_all_count() -> None:
    looks = [
        a_look("a", 5.0, "hall"),
        a_look("b", 5.0, "school"),
        a_look("c", 6.0, "hall"),
        a_look("d", None, "hall"),
        a_look("e", None, "hall"),
        UpstreamLook(name="f", url="https://f", numbers=None),
    ]
    assert told_twice(looks) == {}


def use(
    kwh: float | None, co2_kg: float | None = 1.0, year: int = 2026, what: str = "heat"
) -> ToldYear:
    row = ToldUse(commodity=what, unit="kWh", buildings=2, area_m2=300.0, use=kwh, co2_kg=co2_kg)
    return ToldYear(year=year, until=date(year, 11, 1), totals=(row,))


def test_consumption_adds_up_by_year_and_commodity() -> None:
    years = [use(5.0), use(7.0), use(2.0, what="water"), use(9.0, year=2025)]
    found = {(row.year, row.commodity): row for row in federated_use(years)}
    assert set(found) == {(2026, "heat"), (2026, "water"), (2025, "heat")}
    heat = found[2026, "heat"]
    assert (heat.use, heat.co2_kg, heat.buildings, heat.area_m2) == (12.0, 2.0, 4, 600.0)
    assert heat.upstreams == 2


def test_consumption_that_one_does_not_know_is_not_known_together() -> None:
    (heat,) = federated_use([use(5.0), use(None, None)])
    assert (heat.use, heat.co2_kg, heat.upstreams) == (None, None, 2)
