"""Lines of notices: where, what and what is at stake, as a caretaker reads them."""

from __future__ import annotations

from dataclasses import replace

from bms.model.assets.site import Site
from bms.model.fact import Fact
from bms.model.work.finding import Price
from bms.model.work.item import Cause
from bms.notices.texts import translator_for
from tests.rigs.fakes.city import lodge
from tests.rigs.work.rows import a_cause, a_work_item

COLD = Fact("fault_supply_too_cold", {"short": 9.0})
T = translator_for("en", "Europe/Copenhagen")


def line(cause: Cause, site: Site) -> str:
    return T.line(a_work_item(cause=replace(cause, what=COLD)), {"lodge": site})


def test_a_line_says_which_of_several_meters_and_units_it_is() -> None:
    site = lodge()
    two = replace(site, ventilation=(*site.ventilation, replace(site.ventilation[0], id="ahu2")))
    free = Price()
    assert line(a_cause("heat", price=free), site).startswith("The lodge (heat): The supply")
    assert line(a_cause("lodge/heat", price=free), site).startswith("The lodge (heat): ")
    assert line(a_cause("ahu1", price=free), two).startswith("The lodge (ahu1): ")
    assert line(a_cause("ahu1", price=free), site).startswith("The lodge: ")
    assert line(a_cause("heating", price=free), two).startswith("The lodge: ")


def test_what_costs_nothing_that_is_known_has_no_price() -> None:
    site = lodge()
    assert "DKK 4,000 a year" in line(a_cause("heating"), site)
    assert "DKK" not in line(a_cause("heating", price=Price(dkk_year=0.2)), site)
