"""What BACnet devices tell, log and schedule by themselves, as site files declare it."""

from __future__ import annotations

import pytest

from bms.errors import SiteFileError
from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.codec import from_json, to_json
from bms.runtime.municipality import EXAMPLES
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


def test_law5_a_person_states_what_the_number_of_an_object_means() -> None:
    temp = point(loaded(temp=", scale: 0.1, offset: -2"), "all.temp").address
    assert temp == BacnetAddress(object_type="analog-input", instance=1, scale=0.1, offset=-2.0)
    temp = point(loaded(temp=", device_unit: degrees-fahrenheit"), "all.temp").address
    assert temp == BacnetAddress(object_type="analog-input", instance=1, unit="degrees-fahrenheit")


@pytest.mark.parametrize("scale", ["0", "0.0", "-0", ".nan", ".inf", "1e999"])
def test_law5_a_scale_that_leaves_no_value_is_refused(scale: str) -> None:
    assert "scale: expects a number other than 0" in mistake(temp=f", scale: {scale}")


@pytest.mark.parametrize(
    ("temp", "says"),
    [
        (", offset: .nan", "offset: expects a number"),
        (", device_unit: furlongs", "device_unit: expects one of"),
        (", device_unit: watts", "watts cannot be converted to degC"),
        (", device_unit: degrees-celsius, scale: 2", "device_unit does not go with scale"),
    ],
)
def test_law5_what_is_stated_has_to_make_sense(temp: str, says: str) -> None:
    assert says in mistake(temp=temp)


@pytest.mark.parametrize("given", ["scale: 2", "offset: 1", "device_unit: percent"])
def test_law5_a_register_has_its_scale_beside_its_address(given: str) -> None:
    assert "scale and offset of a register stand in modbus" in mistake(pulse=f", {given}")


def test_a_bacnet_device_has_a_heartbeat_object() -> None:
    device = loaded(device=', heartbeat: "binary-value,7"').device("library/ctrl")
    assert device.heartbeat == BacnetAddress(object_type="binary-value", instance=7)
    assert from_json(Device, to_json(device)) == device  # as the release journal keeps it


@pytest.mark.parametrize(
    ("heartbeat", "says"),
    [
        ('"binary-input,7"', "binary-input present-value cannot be commanded"),
        ('"life-safety-point,7"', "heartbeat: expects"),
        ("{table: holding, address: 7}", "device speaks bacnet; give an object"),
    ],
)
def test_a_heartbeat_is_an_object_that_can_be_written(heartbeat: str, says: str) -> None:
    assert says in mistake(device=f", heartbeat: {heartbeat}")


def test_a_heartbeat_is_written_by_nobody_else() -> None:
    assert "heartbeat of ctrl" in mistake(device=', heartbeat: "analog-value,1"')


def test_w09_a_watchdog_that_the_tick_cannot_serve_is_refused() -> None:
    assert "renews every 900 s" in mistake(release="{kind: 'null'}, watchdog_s: 1200")
    assert point(loaded(release="{kind: 'null'}, watchdog_s: 1800"), "all.setpoint").write


def test_w09_a_site_that_is_put_to_auto_later_has_a_watchdog_that_is_served() -> None:
    text = SITE.format(device="", temp="", pulse="", release="{kind: 'null'}, watchdog_s: 1200")
    with pytest.raises(SiteFileError, match="renews every 900 s"):
        load_site_text(text.replace("mode: auto", "mode: observe"))


def test_w06_a_timetable_above_ours_is_refused_for_auto() -> None:
    way = "{kind: 'null'}, hold_safe: [16, 22], own_program: "
    assert "outranks priority 13" in mistake(release=f"{way}10")
    assert point(loaded(release=f"{way}15"), "all.setpoint").write


def test_w08_how_long_a_change_at_the_building_is_respected() -> None:
    rule = point(loaded(release=f"{VIA}, local_override_hold: 6"), "all.setpoint").write
    assert rule is not None
    assert rule.local_override_hold == 6.0


def test_w18_hot_water_and_a_protecting_device_are_refused_by_the_check() -> None:
    text = SITE.format(device="", temp="", pulse="", release=VIA)
    vbv = "  - {id: vbv.run, device: ctrl, role: other, unit: on/off, bacnet: 'binary-value,7', "
    write = "write: {min: 0, max: 1, resolution: 1, release: {kind: 'null'}, hold_safe: [0, 1]}}\n"
    with pytest.raises(SiteFileError, match="hot water is never set below 55 degC, which in"):
        load_site_text(f"{text}\n{vbv}{write}")
    with pytest.raises(SiteFileError, match=r"frostvagt.* is never written"):
        load_site_text(text.replace(": ctrl", ": frostvagt"))


def test_w03_a_timetable_gives_back_nothing_outside_the_limits() -> None:
    """The hours of the ventilation, 0 and 1, are no temperatures to give a room back to."""
    found = mistake(release="{kind: timetable, timetable: open}, hold_safe: [16, 22]")
    assert "timetable open has 0, outside min 15 to max 23" in found


@pytest.mark.parametrize("host", ["localhost", "127.1", "LOCALHOST."])
def test_w02_a_device_is_known_in_every_form_of_its_address(host: str) -> None:
    text = SITE.format(device="", temp="", pulse="", release=VIA)
    again = f"  - {{id: again, protocol: bacnet, host: {host}, instance: 7}}\npoints:"
    with pytest.raises(SiteFileError, match="device again is device ctrl"):
        load_site_text(text.replace("points:", again, 1))


PUMP = """\
  - {id: plant.supply_setpoint, device: rooms, role: supply_water_setpoint, unit: degC, bacnet: "analog-value,91"}
  - {id: plant.pump, device: rooms, role: pump_run, unit: on/off, bacnet: "binary-value,92"}
  - {id: ahu1.exhaust, device: rooms, role: exhaust_air_temp, unit: degC, %sbacnet: "analog-input,93"}
"""  # noqa: E501


def with_pump(unit: str) -> Site:
    text = (EXAMPLES / "townhall.yaml").read_text("utf-8")
    return load_site_text(text.replace("points:\n", "points:\n" + PUMP % unit, 1))


def test_setpoint_pump_and_exhaust_air_have_roles() -> None:
    site = with_pump("ventilation: ahu1, ")
    roles = (Role.SUPPLY_WATER_SETPOINT, Role.PUMP_RUN, Role.EXHAUST_AIR_TEMP)
    assert all(site.points_by_role(role) for role in roles)


def test_exhaust_air_is_that_of_a_unit() -> None:
    with pytest.raises(SiteFileError, match="ventilation"):
        with_pump("")
