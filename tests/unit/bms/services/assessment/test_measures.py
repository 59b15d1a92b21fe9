"""Measures: entered with a frozen baseline, and what is said of their saving."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bms.errors import ConfigError, NotFound
from bms.model.savings.measure import MeasureKind
from bms.model.savings.objection import Verdict
from bms.services.assessment.frozen_baselines import BaselineCode
from bms.services.assessment.measure_periods import TogetherCode
from bms.services.assessment.measures import (
    ENTERED,
    MeasureCode,
    MeasureRequest,
    end_measure,
    enter_measure,
    measure_saving,
    measure_savings,
)
from bms.services.assessment.savings_cache import SavingsCache
from tests.rigs.fakes.api import CONTROL, NOW, World, a_world, live_in, meters
from tests.rigs.fakes.city import utc
from tests.rigs.sentences import danish


def asked(**changes: object) -> MeasureRequest:
    fields = {
        "kind": MeasureKind.LIGHTING,
        "what": "LED in the hall",
        "start": CONTROL,
        "author": "bo",
        **changes,
    }
    return MeasureRequest(**fields)  # type: ignore[arg-type]


@pytest.fixture
def controlled(tmp_path: Path) -> World:
    """A lodge with a year of meters and two weeks of control."""
    made = a_world(tmp_path)
    live_in(made)
    return made


@pytest.fixture
def metered(tmp_path: Path) -> World:
    """The same meters, and no control by us."""
    made = a_world(tmp_path)
    made.store.add_readings(meters())
    return made


@pytest.mark.slow
def test_control_by_us_is_there_by_itself_with_the_saving_of_the_page(controlled: World) -> None:
    cache, site = SavingsCache(controlled.city.assessment), controlled.city.site("lodge")
    (row,) = measure_savings(cache, site)
    assert (row.kept.measure.id, row.kept.measure.kind) == ("control", MeasureKind.CONTROL)
    assert row.kept.measure.start == CONTROL
    assert row.savings == cache.site(site).savings
    with pytest.raises(ConfigError, match="there by itself"):
        enter_measure(cache, site, asked(kind=MeasureKind.CONTROL))


def test_entering_a_measure_freezes_its_baseline(metered: World) -> None:
    cache, site = SavingsCache(metered.city.assessment), metered.city.site("lodge")
    kept = enter_measure(cache, site, asked())
    frozen = metered.store.baselines("lodge")
    assert [(row.baseline.meter_id, row.reason) for row in frozen] == [
        ("lodge/heat", ENTERED),
        ("lodge/el", ENTERED),
    ]
    assert {row.baseline.period.end for row in frozen} == {CONTROL}
    row = measure_saving(cache, site, kept.measure.id)
    assert row.savings is not None
    assert [meter.baseline_id for meter in row.savings.meters] == [r.baseline.id for r in frozen]
    assert BaselineCode.CHANGED not in [each.code for each in row.savings.reasons]
    assert metered.store.baselines("lodge") == frozen


def test_a_measure_of_the_future_has_no_saving_and_no_baseline_yet(metered: World) -> None:
    cache, site = SavingsCache(metered.city.assessment), metered.city.site("lodge")
    kept = enter_measure(cache, site, asked(start=NOW + timedelta(days=30)))
    row = measure_saving(cache, site, kept.measure.id)
    assert (row.savings, row.periods) == (None, None)
    assert [each.code for each in row.facts] == [MeasureCode.NOT_BEGUN]
    assert metered.store.baselines("lodge") == []


def test_the_baseline_is_frozen_at_its_last_day_where_work_goes_on(metered: World) -> None:
    cache, site = SavingsCache(metered.city.assessment), metered.city.site("lodge")
    enter_measure(cache, site, asked(blackout_until=NOW + timedelta(days=90)))
    assert {row.baseline.period.end for row in metered.store.baselines("lodge")} == {CONTROL}


def test_it_is_told_when_a_saving_is_proven_and_when_it_falls_below(metered: World) -> None:
    cache, site = SavingsCache(metered.city.assessment), metered.city.site("lodge")
    modest = enter_measure(cache, site, asked(expected_share=0.15))
    row = measure_saving(cache, site, modest.measure.id)
    assert row.savings is not None
    assert row.savings.verdict is Verdict.VERIFIED
    assert [each.code for each in row.facts] == [MeasureCode.PROVEN]


def test_it_is_told_when_a_saving_falls_clearly_below_what_was_expected(metered: World) -> None:
    cache, site = SavingsCache(metered.city.assessment), metered.city.site("lodge")
    bold = enter_measure(cache, site, asked(expected_share=0.6))
    row = measure_saving(cache, site, bold.measure.id)
    assert MeasureCode.BELOW_EXPECTED in [each.code for each in row.facts]
    assert row.savings is not None
    assert row.savings.adjusted_baseline_kwh is not None
    assert row.expected_kwh == pytest.approx(0.6 * row.savings.adjusted_baseline_kwh)


def test_page_and_report_name_the_measures_that_are_in_their_saving(controlled: World) -> None:
    cache, site = SavingsCache(controlled.city.assessment), controlled.city.site("lodge")
    alone = cache.site(site).savings
    assert TogetherCode.NOT_TOLD_APART not in [why.code for why in alone.reasons]
    enter_measure(cache, site, asked())
    both = cache.site(site).savings
    (why,) = [why for why in both.reasons if why.code == TogetherCode.NOT_TOLD_APART]
    assert asked().what in danish(why)
    assert both.verdict is not Verdict.VERIFIED
    assert both.saving_kwh == alone.saving_kwh


def test_what_cannot_be_told_apart_proves_nothing_of_one(controlled: World) -> None:
    cache, site = SavingsCache(controlled.city.assessment), controlled.city.site("lodge")
    enter_measure(cache, site, asked())
    control, lamps = measure_savings(cache, site)
    for row in (control, lamps):
        assert row.savings is not None
        assert row.savings.reasons[-1].code == TogetherCode.NOT_TOLD_APART
        assert row.savings.verdict is not Verdict.VERIFIED
        assert MeasureCode.PROVEN not in [each.code for each in row.facts]


def test_without_control_the_page_tells_the_first_measure(metered: World) -> None:
    cache, site = SavingsCache(metered.city.assessment), metered.city.site("lodge")
    kept = enter_measure(cache, site, asked(start=CONTROL - timedelta(days=3)))
    row = measure_saving(cache, site, kept.measure.id)
    assert cache.site(site).savings == row.savings
    assert row.periods is not None
    assert cache.periods(site) == row.periods


def test_a_measure_of_one_meter_is_measured_on_that(metered: World) -> None:
    cache, site = SavingsCache(metered.city.assessment), metered.city.site("lodge")
    kept = enter_measure(cache, site, asked(meters=("el",)))
    row = measure_saving(cache, site, kept.measure.id)
    assert row.savings is not None
    assert [meter.meter_id for meter in row.savings.meters] == ["lodge/el"]
    with pytest.raises(NotFound, match="no billed meter 'gas'"):
        enter_measure(cache, site, asked(meters=("gas",)))


def test_an_end_is_after_the_beginning_and_there_is_one(metered: World) -> None:
    cache, site = SavingsCache(metered.city.assessment), metered.city.site("lodge")
    kept = enter_measure(cache, site, asked())
    name = kept.measure.id
    with pytest.raises(ConfigError, match="takes effect at"):
        end_measure(cache, site, name, end=CONTROL, author="eva", reason="over")
    end = CONTROL + timedelta(days=10)
    end_measure(cache, site, name, end=end, author="eva", reason="over")
    row = measure_saving(cache, site, name)
    assert row.periods is not None
    assert row.periods.reporting.end == end
    with pytest.raises(ConfigError, match="has an end already"):
        end_measure(cache, site, name, end=NOW, author="eva", reason="over")
    with pytest.raises(NotFound, match="no measure 'm9'"):
        end_measure(cache, site, "m9", end=NOW, author="eva", reason="over")


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"what": " "}, "say what was done"),
        ({"blackout_until": utc(2018, 1, 1)}, "blackout ends before"),
        ({"cost_dkk": -1.0}, "is no cost"),
        ({"expected_share": 8.0}, "write 0.08"),
        ({"expected_kwh": 0.0}, "nothing to expect"),
        ({"expected_share": 0.1, "expected_kwh": 5.0}, "not both"),
        ({"end": CONTROL}, "takes effect at"),
    ],
)
def test_what_is_no_measure_is_refused_and_not_kept(
    metered: World, changes: dict[str, object], wrong: str
) -> None:
    cache, site = SavingsCache(metered.city.assessment), metered.city.site("lodge")
    with pytest.raises(ConfigError, match=wrong):
        enter_measure(cache, site, asked(**changes))
    assert metered.store.measures("lodge") == []
