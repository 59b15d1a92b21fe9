"""What BACnet devices tell, log and schedule by themselves, as site files declare it."""

from __future__ import annotations

import pytest

from bms.errors import SiteFileError
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.codec import from_json, to_json
from sites.loader import load_site_text
from tests.rigs.buildings.bacnet_site_file import SITE, VIA


def loaded(device: str = "", temp: str = "", pulse: str = "", release: str = VIA) -> Site:
    text = SITE.format(device=device, temp=temp, pulse=pulse, release=release)
    return load_site_text(text)


def mistake(**parts: str) -> str:
    with pytest.raises(SiteFileError) as caught:
        loaded(**parts)
    (found,) = caught.value.mistakes
    return found.message


def point(site: Site, name: str) -> Point:
    return next(p for p in site.points if p.id == f"library/{name}")


def test_what_is_left_out_is_off() -> None:
    site = loaded()
    temp = point(site, "all.temp")
    assert (temp.cov, temp.trend_log) == (False, None)
    assert not site.device("library/ctrl").set_clock


def test_what_is_given_is_taken() -> None:
    site = loaded(device=", set_clock: true", temp=", cov: true, trend_log: 12")
    temp = point(site, "all.temp")
    assert (temp.cov, temp.trend_log) == (True, 12)
    assert site.device("library/ctrl").set_clock
    assert from_json(Point, to_json(temp)) == temp


def test_a_point_is_written_through_its_schedule_without_another_watchdog() -> None:
    write = point(loaded(), "all.setpoint").write
    assert write is not None
    assert write.release == Release(kind=ReleaseKind.SCHEDULE, schedule=3)
    assert write.ends_by_itself
    assert write.hold_safe is None


def test_the_other_ways_back_still_need_one() -> None:
    assert "needs hold_safe or watchdog_s" in mistake(release="{kind: 'null'}")


@pytest.mark.parametrize(
    ("release", "says"),
    [
        ("{kind: schedule}", "kind schedule needs schedule"),
        ("{kind: schedule, schedule: 3, value: 20}", "value does not go with kind schedule"),
        ("{kind: schedule, schedule: -1}", "schedule: expects a whole number"),
    ],
)
def test_a_way_through_a_schedule_names_one(release: str, says: str) -> None:
    assert says in mistake(release=release)


@pytest.mark.parametrize("given", [", cov: true", ", trend_log: 3"])
def test_modbus_tells_and_logs_nothing(given: str) -> None:
    assert "only the present value of a BACnet object" in mistake(pulse=given)


def test_cov_false_may_stand_anywhere() -> None:
    assert not point(loaded(pulse=", cov: false"), "pulse").cov


def test_two_points_never_share_a_schedule() -> None:
    second = (
        SITE.format(device="", temp="", pulse="", release=VIA)
        + """
  - id: second
    device: ctrl
    role: other
    unit: degC
    bacnet: "analog-value,2"
    write: {min: 15, max: 23, release: {kind: schedule, schedule: 3}}
"""
    )
    with pytest.raises(SiteFileError, match="writes to the same address as point"):
        load_site_text(second)


def test_a_modbus_point_has_no_schedule() -> None:
    text = SITE.format(device="", temp="", pulse="", release=VIA) + (
        "  - {id: reg, device: meter, role: other, unit: '1', "
        "modbus: {table: holding, address: 5}, "
        "write: {min: 0, max: 1, release: {kind: schedule, schedule: 4}}}\n"
    )
    with pytest.raises(SiteFileError, match="a Modbus point is given back by"):
        load_site_text(text)
