"""What a site has to show before a person may put it to ``auto``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.site import Mode, Site
from bms.model.readings.measurement import Quality, Reading
from bms.model.trust.modes import AutoScope
from bms.services.commissioning.records import to_commission
from bms.services.modes.gate import GateAnswer, GatePorts, ask_for_auto, sound_days
from bms.services.periods import local_date, midnight
from bms.services.trust.commissioned import CommissionedPoints
from bms.store.memory.store import MemoryStore
from tests.rigs.commissioned import as_declared, trust
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.fakes.store import a_model

SITE = replace(lodge(), mode=Mode.AUTO)
NOW = utc(2019, 1, 28, 9, 0)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TEMP = "lodge/hall.temp"


def asked(store: MemoryStore, site: Site = SITE, *, agree: bool = False) -> GateAnswer:
    ports = GatePorts(store, store, store, store, CommissionedPoints(store))
    return ask_for_auto(site, ports, NOW, agree=agree)


def codes(store: MemoryStore, site: Site = SITE) -> list[str]:
    return [gap.code for gap in asked(store, site).gaps]


def commissioned(store: MemoryStore, *points: str, at: datetime = NOW) -> None:
    for point in to_commission(SITE):
        if not points or point.id in points:
            store.add_commissionings([as_declared(SITE, point, at=at)])


def lived(store: MemoryStore, days: int, temp_c: float = 20.5) -> None:
    """The hall was seen in every hour of so many days up to today."""
    first = midnight(local_date(NOW, SITE.timezone) - days * DAY, SITE.timezone)
    times = [first + n * HOUR for n in range(days * 24)]
    store.add_readings(Reading(TEMP, at, temp_c) for at in times)


def test_a_site_without_model_needs_two_weeks_of_sound_data_and_commissioned_points() -> None:
    store = MemoryStore()
    assert codes(store)[-1] == "sound_days_missing"
    assert set(codes(store)) == {"not_commissioned", "sound_days_missing"}
    lived(store, 13)
    commissioned(store)
    assert codes(store) == ["sound_days_missing"]
    lived(store, 14)
    answer = asked(store)
    assert answer == GateAnswer((), AutoScope.LIMITED, ())


@pytest.mark.parametrize(("temp_c", "missing"), [(19.6, []), (19.3, ["starts_late"])])
def test_and_starts_in_time(temp_c: float, missing: list[str]) -> None:
    store = MemoryStore()
    lived(store, 14, temp_c)
    commissioned(store)
    assert codes(store) == missing


def test_one_commissioned_point_is_enough_and_the_others_are_named() -> None:
    store = MemoryStore()
    lived(store, 14)
    first, *others = to_commission(SITE)
    commissioned(store, first.id)
    answer = asked(store)
    assert answer.gaps == ()
    assert [each.parameters["point"] for each in answer.uncommissioned] == [p.id for p in others]


def test_a_model_asks_for_its_predictions() -> None:
    store = MemoryStore()
    lived(store, 14)
    commissioned(store)
    store.save_model(a_model("lodge", NOW - 30 * DAY))
    assert codes(store) == ["shadow_days_missing"]
    assert asked(store).scope is AutoScope.FULL


def test_a_site_that_was_in_auto_before_needs_no_second_period_and_keeps_its_scope() -> None:
    store = MemoryStore()
    trust(store, [SITE], at=NOW - 40 * DAY)
    store.set_mode("lodge", Mode.ADVISE, actor="eva", at=NOW - DAY, reason="exam")
    assert asked(store).gaps == ()
    store.approve("lodge", AutoScope.LIMITED, actor="eva", at=NOW - DAY, reason="no model yet")
    store.save_model(a_model("lodge", NOW))
    assert asked(store).scope is AutoScope.LIMITED


def test_the_site_file_says_the_highest_mode() -> None:
    store = MemoryStore()
    trust(store, [SITE], at=NOW - DAY)
    assert codes(store, replace(SITE, mode=Mode.ADVISE)) == ["mode_above_allowed"]


def test_a_changed_limit_makes_a_commissioning_stale() -> None:
    store = MemoryStore()
    trust(store, [SITE], at=NOW - DAY)
    points = tuple(
        replace(p, write=replace(p.write, maximum=p.write.maximum - 0.5)) if p.write else p
        for p in SITE.points
    )
    assert set(codes(store, replace(SITE, points=points))) == {"commissioning_stale"}


def test_a_day_is_sound_where_nine_hours_of_ten_were_seen() -> None:
    store = MemoryStore()
    day = local_date(NOW, SITE.timezone) - DAY
    start = midnight(day, SITE.timezone)
    good = [Reading(TEMP, start + n * HOUR, 20.0) for n in range(21)]
    store.add_readings(good)
    assert sound_days(SITE, store, [day]) == []
    store.add_readings([Reading(TEMP, start + 21 * HOUR, 20.0, Quality.UNCERTAIN)])
    assert sound_days(SITE, store, [day]) == []
    store.add_readings([Reading(TEMP, start + 22 * HOUR, 20.0)])
    assert sound_days(SITE, store, [day]) == [day]
    assert sound_days(replace(SITE, zones=()), store, [day]) == []
