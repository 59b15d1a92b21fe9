"""Placebo years of unfiltered meters: intervals, verdicts and the estate that taught them."""

import numpy as np

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
