"""Net, import, export and production told apart, from the site file to the saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.errors import ConfigError
from bms.feeds.suppliers.eloverblik import read_eloverblik
from bms.model.assets.site import Site
from bms.model.readings.measurement import Reading
from bms.model.savings.avoided_use import SiteSavings, Span
from bms.model.savings.objection import Verdict
from bms.services.assessment.own_power import power_balance
from bms.services.assessment.site_savings import assess_site, meter_use
from bms.services.collect.file_ingest import ingest_file
from bms.services.collect.supplier_points import SupplierBook
from bms.services.consumption import consumption
from bms.services.periods import Periods
from bms.store.memory.store import MemoryStore
from sites.loader import load_site_text
from tests.rigs.fakes.city import FakeFeed

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAYS, CAME = 700, 500
HOURS = np.arange(DAYS * 24)
SHINES = np.where((HOURS % 24 >= 8) & (HOURS % 24 < 16), 6.0, 0.0) * (HOURS >= CAME * 24)
USE = 4.0 + 2.0 * ((HOURS % 24 >= 7) & (HOURS % 24 < 17))
BASELINE = Span(start=START, end=START + timedelta(days=365))
REPORTING = Span(start=BASELINE.end, end=START + timedelta(days=DAYS))

GRID = "  - {id: el, commodity: electricity, supplier: {number: A, interval: true}}\n"
OUT = (
    "  - {id: out, commodity: electricity, direction: export,"
    " supplier: {number: B, interval: true}}\n"
)
MADE = (
    "  - {id: pv, commodity: electricity, direction: production,"
    " supplier: {number: C, interval: true}}\n"
)
NET = GRID.replace("commodity: electricity", "commodity: electricity, direction: net")


def a_site(*meters: str) -> Site:
    head = "site: hall\nname: Hallen\narea_m2: 900\nuse: sports_hall\nmeters:\n"
    return load_site_text(head + "".join(meters))


def store_of(**amounts: np.ndarray) -> MemoryStore:
    made = MemoryStore()
    for point, values in amounts.items():
        meter, _, quantity = point.partition("__")
        made.add_readings(
            Reading(f"hall/{meter}.{quantity}", START + i * HOUR, float(value))
            for i, value in enumerate(values)
            if np.isfinite(value)
        )
    return made


def since_they_came(values: np.ndarray) -> np.ndarray:
    return np.where(HOURS >= CAME * 24, values, np.nan)


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    return store_of(
        el__energy=np.maximum(USE - SHINES * 1.5, 0.0),
        out__export=since_they_came(np.maximum(SHINES * 1.5 - USE, 0.0)),
        pv__export=since_they_came(SHINES * 1.5),
    )


def assess(site: Site, store: MemoryStore) -> SiteSavings:
    return assess_site(
        site,
        feed=FakeFeed(),
        periods=Periods(baseline=BASELINE, reporting=REPORTING),
        readings=store,
        ledgers=store,
    )


@pytest.mark.slow
def test_a_building_whose_panels_came_gets_no_saving_for_them(store: MemoryStore) -> None:
    for site in (a_site(GRID, OUT), a_site(GRID, MADE)):
        answer = assess(site, store)
        assert [meter.meter_id for meter in answer.meters] == ["hall/el"]
        assert (answer.saving_kwh, answer.verdict) == (None, Verdict.NOT_CLAIMABLE)
        (why,) = answer.meters[0].reasons
        assert why.code == "sun_panels"
        assert str(why.parameters["since"].on) == "2025-05-15"  # type: ignore[union-attr]


def test_with_production_measured_the_use_is_known_and_has_not_changed(store: MemoryStore) -> None:
    site = a_site(GRID, OUT, MADE)
    answer = assess(site, store)
    assert answer.saving_kwh == pytest.approx(0.0, abs=1.0)
    assert answer.measured_kwh == pytest.approx(USE[365 * 24 :].sum(), rel=0.005)
    use = meter_use(site, site.meters[0], store, REPORTING.start, REPORTING.end)
    assert use is not None
    assert use.values == pytest.approx(USE[365 * 24 :])


def test_net_import_and_export_are_told_apart(store: MemoryStore) -> None:
    site, sunny = a_site(GRID, OUT, MADE), START + timedelta(days=600)
    found = power_balance(site, site.meters[0], store, sunny, sunny + timedelta(days=1))
    assert found.production is not None
    assert found.own_use is not None
    assert found.imported.values[12] == 0.0
    assert found.exported.values[12] == pytest.approx(3.0)
    assert found.net.values[12] == pytest.approx(-3.0)
    assert found.production.values[12] == pytest.approx(9.0)
    assert found.own_use.values[12] == pytest.approx(6.0)
    assert found.exported.values[2] == 0.0


@pytest.mark.slow
def test_a_net_meter_counts_below_zero_and_its_production_makes_the_use_known() -> None:
    store = store_of(el__energy=USE - SHINES * 1.5, pv__export=since_they_came(SHINES * 1.5))
    alone = a_site(NET)
    noon = START + timedelta(days=600, hours=12)
    net = consumption(alone, "el", store, noon, noon + HOUR, HOUR)
    assert net.use.values[0] == pytest.approx(-3.0)
    assert [why.code for why in assess(alone, store).meters[0].reasons] == ["sun_panels"]
    whole = assess(a_site(NET, MADE), store)
    assert whole.saving_kwh == pytest.approx(0.0, abs=1.0)


def test_what_goes_out_is_not_billed_as_use_and_may_exceed_it_in_a_sum(store: MemoryStore) -> None:
    site = load_site_text(
        "site: hall\nname: Hallen\narea_m2: 900\nuse: sports_hall\nmeters:\n"
        + GRID
        + OUT
        + "virtual_meters:\n  - {id: net, commodity: electricity, sum: [el], minus: [out]}\n"
    )
    assert [meter.billed for meter in site.meters] == [True, False]
    noon = START + timedelta(days=600, hours=12)
    assert consumption(site, "net", store, noon, noon + HOUR, HOUR).use.values[0] == -3.0


@pytest.mark.parametrize(
    ("meters", "says"),
    [
        ((GRID, OUT.replace("electricity", "heat")), "export is of electricity only"),
        ((GRID, GRID.replace("id: el", "id: el2").replace("A,", "D,"), OUT), "behind: name"),
        ((NET.replace("interval: true", "interval: false"),), "net needs a supplier"),
        ((GRID, OUT.replace("direction: export", "direction: export, behind: x")), "behind: unkn"),
        ((GRID.replace("electricity,", "electricity, behind: el,"),), "only export and production"),
    ],
)
def test_what_cannot_be_is_named(meters: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        a_site(*meters)


ANSWER = """{"result": [{"MyEnergyData_MarketDocument": {"TimeSeries": [{
 "businessType": "A01", "curveType": "A01", "measurement_Unit.name": "KWH",
 "MarketEvaluationPoint": {"mRID": {"codingScheme": "A10", "name": "B"}},
 "Period": [{"resolution": "PT1H",
  "timeInterval": {"start": "2026-01-04T23:00:00Z", "end": "2026-01-05T00:00:00Z"},
  "Point": [{"position": "1", "out_Quantity.quantity": "1.25",
   "out_Quantity.quality": "A04"}]}]}]}, "success": true, "id": "B"}]}"""


def test_production_of_eloverblik_goes_to_the_meter_of_export_and_to_no_other() -> None:
    for site, accepted in ((a_site(GRID, OUT), 1), (a_site(GRID.replace("A,", "B,")), 0)):
        store = MemoryStore()
        report = ingest_file(
            ANSWER.encode(),
            "answer.json",
            read_eloverblik,
            book=SupplierBook.of((site,)),
            readings=store,
            now=datetime(2026, 2, 1, tzinfo=UTC),
        )
        assert report.accepted == accepted
        assert report.refused_rows == 1 - accepted
        if not accepted:
            assert "direction: export" in report.refused[0].message


def test_one_number_may_be_that_of_import_and_of_export() -> None:
    site = a_site(GRID, OUT.replace("number: B", "number: A"))
    assert [meter.number for meter in site.meters] == ["A", "A"]
