"""The examples of the operating guide about suppliers' meters are true."""

from __future__ import annotations

import json
import re

from api.schemas.readings import PushBody
from bms.model.readings.metering import Quantity
from sites.loader import load_site_text
from tests.rigs.paths import ROOT

SECTION = (ROOT / "docs" / "operating.md").read_text().split("## Meters of suppliers\n")[1]
SITE = (ROOT / "tests" / "cases" / "ingest" / "sites" / "school.yaml").read_text()


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", SECTION, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_meters_of_the_example_can_be_loaded() -> None:
    site = load_site_text(SITE.split("meters:\n")[0] + block("yaml"))
    assert [meter.id for meter in site.meters] == ["heat", "el", "hp"]
    assert {meter.id: meter.terms for meter in site.virtual_meters} == {
        "rest": (("el", 1.0), ("hp", -1.0)),
        "gym_heat": (("heat", 0.2),),
    }
    assert site.polled == ()
    assert len(site.points) == 6


def test_the_push_of_the_example_is_one() -> None:
    first, second = PushBody.model_validate(json.loads(block("json"))).readings
    assert (first.quantity, first.unit) == (Quantity.ENERGY, "MWh")
    assert second.value is None
