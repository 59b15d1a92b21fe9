"""The chain on a real database and over HTTP: a fault is found, stands on the work list with its
price, is repaired, becomes a measure with its frozen baseline, and the saving is followed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from bms.model.fact import fact
from bms.model.readings.measurement import Reading
from bms.model.work.detection import Detection
from bms.model.work.finding import Price
from bms.model.work.item import WorkKind
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.work.notify import notify
from bms.services.work.sources.data import DataCode
from bms.services.work.watch import watch_proofs, watch_site
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.api import NOW, World, a_world, temperature_c
from tests.rigs.fakes.city import HOUR
from tests.rigs.work.notices import KeptNotices, a_recipient
from tests.rigs.work.rows import a_finding

WORK = "/v1/work"
DAY = timedelta(days=1)
AFTER = 120
"""Days after the repair."""


def heat(first: int, last: int, share: float, total: float) -> tuple[list[Reading], float]:
    """The register of the heat meter from day ``first`` to ``last`` around now, hour by hour."""
    rows = []
    for i in range(first * 24, last * 24):
        at = NOW.replace(minute=0) + i * HOUR
        rows.append(Reading("lodge/heat.energy", at, round(total, 3)))
        wobble = 1.0 + 0.05 * np.sin(i * 0.7) * np.cos(i * 0.113)
        total += share * wobble * (1.0 + 0.5 * max(0.0, 17.0 - temperature_c(at)))
    return rows, total


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = SqlStore(f"sqlite:///{tmp_path / 'bms.db'}")
    yield a_world(tmp_path, store=store)
    store.close()


async def test_from_a_fault_to_its_proven_saving(world: World) -> None:
    lodge, store, clock = world.city.sites["lodge"], world.store, world.clock
    before, total = heat(-366, 0, 1.0, 0.0)
    store.add_readings(before)

    # found at night
    what = fact(DataCode.METER_MISSING, meter="heat", since=None)
    price = Price(kwh_year=6000.0, dkk_year=4800.0, dkk_low=3000.0, dkk_high=6500.0)
    fault = a_finding(fact=what, look_for=what, price=price)
    store.keep_detection(Detection(site="lodge", at=NOW, findings=(fault,)))
    watch_site(lodge, clock.now(), world.city.work)

    # told, seen and repaired
    sender = KeptNotices()
    told = a_recipient(at_once=fault.severity, quiet=None)
    await notify([told], ["lodge"], clock.now(), work=store, sender=sender)
    assert len(sender.sent) == 1
    async with world.browser(**world.key("operate")) as browser:
        (item,) = (await browser.get(f"{WORK}?site=lodge&kind=fault")).json()["items"]
        assert item["price"]["dkk_year"] == 4800.0
        assert (await browser.get("/v1/faults")).json()["faults"][0]["item"] == item["id"]
        page = f"{WORK}/{item['id']}"
        assert (await browser.post(f"{page}/ack", json={})).status_code == 200
        body = {"closing": "repaired", "reason": "valve of the hot water exchanged"}
        closed = (await browser.post(f"{page}/close", json=body)).json()
    assert closed["measure"] is not None
    frozen = store.baselines("lodge")

    # months later the meter shows it, and the same baseline still stands
    after, _ = heat(0, AFTER, 0.75, total)
    store.add_readings(after)
    clock.advance(AFTER * DAY)
    store.keep_detection(Detection(site="lodge", at=clock.now()))
    watch_site(lodge, clock.now(), world.city.work)
    async with world.browser(**world.key("read")) as browser:
        measure = (await browser.get(f"/v1/measures/{closed['measure']}")).json()
        shown = (await browser.get(page)).json()
    assert measure["kind"] == "repair"
    assert measure["expected_yearly_kwh"] == 6000.0
    saving = measure["savings"]
    assert saving["saving_kwh"] > 0.15 * saving["adjusted_baseline_kwh"]
    assert saving["saving_low_kwh"] > 0
    kept = store.baselines("lodge")
    assert kept[: len(frozen)] == frozen
    assert any(row.baseline.meter_id == "lodge/heat" for row in kept)
    assert shown["measure"] == closed["measure"]

    # nothing asks about it while it saves what was expected, and all of it is in the evidence
    done = watch_proofs(lodge, clock.now(), world.city.work, SavingsCache(world.city.assessment))
    kinds = {row.cause.kind for row in done.items}
    below = saving["saving_high_kwh"] < measure["expected_kwh"]
    assert (WorkKind.MEASURE_BELOW in kinds) is below
    assert store.verify().flaws == ()
