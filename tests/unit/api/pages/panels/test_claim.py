"""A saving in words, with names where facts have ids."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.pages.language import PageTranslator
from api.pages.panels.claim import claim_of
from api.pages.panels.standing import names_of
from bms.model.savings.avoided_use import Span
from bms.model.savings.objection import ObjectionKind, Verdict, objection
from bms.savings.claims.aggregate import SumCode, combine_buildings
from bms.services.periods import Periods
from tests.rigs.fakes.city import lodge

SITE = lodge()
START = datetime(2026, 10, 1, tzinfo=UTC)


class TestClaim:
    def test_reasons_have_names_where_the_sum_has_ids(self) -> None:
        t = PageTranslator("da", "Europe/Copenhagen")
        why = objection(
            SumCode.PARTS_MISSING,
            ObjectionKind.DATA,
            Verdict.INDICATIVE,
            names=(SITE.id, f"{SITE.id}/{SITE.meters[0].id}"),
        )
        saving = replace(combine_buildings("portfolio", ()), reasons=(why,))
        span = Span(start=START, end=START + timedelta(days=10))
        periods = Periods(baseline=span, reporting=span)
        (reason,) = claim_of(saving, periods, names_of((SITE,), t), t).reasons
        assert SITE.name_da in reason
        assert SITE.id not in reason.replace(SITE.name_da, "")

    def test_a_period_over_the_new_year_has_both_years(self) -> None:
        t = PageTranslator("en", "Europe/Copenhagen")
        saving = combine_buildings("portfolio", ())
        for days, first in ((60, "Thu 1 Oct –"), (365, "Thu 1 Oct 2026 –")):
            span = Span(start=START, end=START + timedelta(days=days))
            periods = Periods(baseline=span, reporting=span)
            assert claim_of(saving, periods, {}, t).period.startswith(first)

    @pytest.mark.parametrize(
        ("low", "high", "half", "spread"),
        [
            (700.0, 1300.0, "300", "± 300"),
            (690.0, 1305.0, "308", "± 308"),
            (200.0, 1100.0, None, "(200 to 1,100)"),
        ],
    )
    def test_an_interval_off_the_saving_is_written_by_both_ends(
        self, low: float, high: float, half: str | None, spread: str
    ) -> None:
        t = PageTranslator("en", "Europe/Copenhagen")
        saving = replace(
            combine_buildings("portfolio", ()),
            saving_kwh=1000.0,
            saving_low_kwh=low,
            saving_high_kwh=high,
        )
        span = Span(start=START, end=START + timedelta(days=10))
        claim = claim_of(saving, Periods(baseline=span, reporting=span), {}, t)
        assert (claim.half, claim.spread) == (half, spread)
