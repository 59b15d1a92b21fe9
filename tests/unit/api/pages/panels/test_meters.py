"""The meters of a building by their names on a page."""

from __future__ import annotations

from datetime import date

import numpy as np

from api.pages.language import PageTranslator
from api.pages.panels.meters import meter_views
from bms.model.readings.units import Commodity
from bms.services.assessment.counterfactual import MeterDays
from sites.loader import load_site_text

SITE = """site: school
name: {da: Skolen, en: School}
use: school
area_m2: 1000
position: {latitude: 56.15, longitude: 10.2}
meters:
  - {id: north, commodity: heat, supplier: {number: "6841234"}}
  - {id: south, commodity: heat, supplier: {number: "6841235"}}
  - {id: el, commodity: electricity, supplier: {number: "6841236"}}
"""


def test_meters_of_one_kind_are_told_apart() -> None:
    none = np.array([np.nan])
    kinds = {"north": Commodity.HEAT, "south": Commodity.HEAT, "el": Commodity.ELECTRICITY}
    rows = [
        MeterDays(
            meter=meter,
            commodity=kind,
            dates=(date(2019, 1, 1),),
            measured_kwh=none,
            adjusted_baseline_kwh=none,
        )
        for meter, kind in kinds.items()
    ]
    views = meter_views(rows, load_site_text(SITE, "school.yaml"), PageTranslator("da"))
    north, south, el = [view.name for view in views]
    assert el == "El"
    assert north.startswith("Varme (")
    assert south.startswith("Varme (")
    assert north != south
