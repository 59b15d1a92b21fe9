"""Placebo years of unfiltered meters: intervals, verdicts and the estate that taught them."""

import numpy as np
import pytest

from bms.bench.savings.estate import inside_of, learn, teachers
from bms.bench.savings.placebo_years import ManyYears, building, many_years
from bms.model.savings.objection import Verdict
from bms.savings.models.restlessness import the_estate

METERS = ("b0_el", "b19_el", "b24_gas", "b35_el", "b48_el", "b62_el", "b96_el", "b111_gas")


def test_placebo_years_of_restless_and_quiet_buildings_lie_inside_their_intervals() -> None:
    known = many_years()
    few = ManyYears({meter: known.meters[meter] for meter in METERS}, known.temp)
    told = [few.assess(meter, year) for meter, year in few.pairs() if year >= 2014]
    answered = [each for each in told if each.saving_kwh is not None]
    inside = [each.saving_low_kwh <= 0.0 <= each.saving_high_kwh for each in answered]
    assert len(answered) >= 30
    assert 0.8 <= np.mean(inside) <= 1.0
    assert sum(each.verdict is Verdict.VERIFIED for each in answered) <= 1


def test_the_shipped_estate_covers_the_years_that_taught_it() -> None:
    known = many_years()
    few = ManyYears({meter: known.meters[meter] for meter in METERS}, known.temp)
    taught = teachers(few)
    assert 0.8 <= inside_of(the_estate(), taught).mean() <= 0.98
    assert {building(row.meter) for row in taught.rows} == {m.split("_")[0] for m in METERS}
    assert 0.0 < learn(taught).carried < 1.0


@pytest.mark.parametrize(("meter", "year"), [("b111_el", 2008), ("b96_el", 2013)])
def test_a_lasting_saving_that_was_proven_after_a_year_is_so_after_three(
    meter: str, year: int
) -> None:
    known = many_years()
    first, third = (known.assess(meter, year, years=years, left=0.8) for years in (1, 3))
    assert first.verdict is third.verdict is Verdict.VERIFIED
    assert "proven_in_first_year" in [reason.code for reason in third.reasons]


def test_a_first_year_that_proved_nothing_does_not_help_later_ones() -> None:
    third = many_years().assess("b51_el", 2010, years=3, left=0.8)
    assert not third.proven_in_first_year
    assert third.verdict is not Verdict.VERIFIED
