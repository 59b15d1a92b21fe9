"""A verdict is the lowest ceiling of the objections."""

from __future__ import annotations

import pytest

from bms.model.codec import from_json, to_json
from bms.model.savings.objection import Objection, Verdict, verdict_of, verdict_of_saving
from bms.savings.claims.gates import fit_objections, sufficiency_objections
from tests.rigs.fakes.objections import NO_SAVING, POOR_FIT, reasons_for


@pytest.mark.parametrize("verdict", Verdict)
def test_the_lowest_ceiling_decides_in_any_order(verdict: Verdict) -> None:
    found = reasons_for(verdict)
    assert verdict_of(found) is verdict
    assert verdict_of((*found, NO_SAVING)) is verdict_of((NO_SAVING, *found))
    assert verdict_of((POOR_FIT, NO_SAVING)) is Verdict.NOT_CLAIMABLE


def test_what_has_no_number_is_not_claimable() -> None:
    assert verdict_of_saving(None, ()) is Verdict.NOT_CLAIMABLE
    assert verdict_of_saving(0.0, ()) is Verdict.VERIFIED


def test_one_code_may_leave_more_or_less_open() -> None:
    (usable,), (hopeless,) = fit_objections(0.4, None), fit_objections(1.2, None)
    assert usable.code == hopeless.code == "fit_poor"
    assert (usable.ceiling, hopeless.ceiling) == (Verdict.INDICATIVE, Verdict.NOT_CLAIMABLE)


def test_an_objection_is_stored_and_comes_back_with_its_numbers() -> None:
    (found,) = sufficiency_objections(100, 300, 1.0)
    assert from_json(Objection, to_json(found)) == found
    assert dict(found.parameters) == {"count": 100, "needed": 300}
    assert len({found, found}) == 1
