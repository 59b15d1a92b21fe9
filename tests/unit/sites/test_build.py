"""What a good site file becomes: values, defaults, holidays, addresses."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bms.model.assets.address import BacnetAddress, DataType, ModbusAddress, Table
from bms.model.assets.device import TemplatePoint
from bms.model.assets.point import Privacy, Role
from bms.model.assets.site import Mode, Site
from bms.model.assets.timetable import WeekTimetable
from bms.model.assets.write_rule import ReleaseKind
from bms.model.readings.units import Unit
from sites.loader import load_site_text, load_sites
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "sites"


TEMPLATES = {
    "em340": {
        "energy_import": TemplatePoint(
            name="energy_import",
            unit=Unit.KWH,
            address=ModbusAddress(table=Table.INPUT, address=52, type=DataType.INT32, scale=0.1),
            low=0.0,
        )
    }
}


def test_words_and_times_stay_what_they_are(minimal_text: str) -> None:
    site = load_site_text(minimal_text)
    weekdays, weekend = site.zones[0].occupancy.periods
    assert site.name_en == "no"
    assert (weekdays.start_min, weekdays.end_min) == (8 * 60, 18 * 60 + 30)
    assert (weekend.days, weekend.end_min) == (frozenset({5, 6}), 1440)


def test_what_is_left_out_has_its_default(minimal_text: str) -> None:
    site = load_site_text(minimal_text)
    assert site.mode is Mode.OBSERVE
    assert site.timezone == "Europe/Copenhagen"
    assert site.device("library/ctrl").port == 47808
    assert site.zones[0].own_setpoint.closed_value is None
    assert (site.electricity_tariff, site.heat_tariff, site.price_area) == (
        "konstant_c",
        "kredslob",
        "DK1",
    )


def test_public_holidays_are_danish(minimal_text: str) -> None:
    site = load_site_text(minimal_text)
    assert site.closed(date(2019, 4, 18)), "skærtorsdag"
    assert site.closed(date(2023, 5, 5)), "store bededag, the last one"
    assert not site.closed(date(2024, 4, 26)), "store bededag is gone"
    assert not site.closed(date(2019, 4, 17))


def test_no_holidays_when_the_file_says_none(library: Site) -> None:
    assert library.closed_dates == frozenset()


def test_a_bacnet_point(library: Site) -> None:
    point = library.points[0]
    assert point.address == BacnetAddress(object_type="analog-input", instance=1)
    assert (point.site, point.device, point.zone) == ("library", "library/ctrl", "all")
    assert (point.role, point.unit) == (Role.ZONE_TEMP, Unit.DEG_C)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("accumulator,1", ("accumulator", 1, "present-value")),
        ("pulse-converter,2", ("pulse-converter", 2, "present-value")),
        ("loop,3", ("loop", 3, "present-value")),
        ("averaging,4", ("averaging", 4, "average-value")),
        ("large-analog-value,5", ("large-analog-value", 5, "present-value")),
        ("analog-value,1,512", ("analog-value", 1, "512")),
        ("600,7", ("600", 7, "present-value")),
        ("600,7,9000", ("600", 7, "9000")),
    ],
)
def test_counters_and_a_makers_own_objects(
    minimal_text: str, text: str, address: tuple[str, int, str]
) -> None:
    point = f'{{id: one, device: ctrl, role: other, unit: "1", bacnet: "{text}"}}'
    site = load_site_text(minimal_text.replace("points: []", f"points: [{point}]"))
    kind, instance, name = address
    wanted = BacnetAddress(object_type=kind, instance=instance, property=name)
    assert site.points[0].address == wanted


def test_co2_is_personal_unless_the_file_says_otherwise(library: Site) -> None:
    assert library.points[0].privacy is Privacy.INTERNAL
    assert library.points[1].privacy is Privacy.PERSONAL


def test_a_modbus_point_with_its_way_back(library: Site) -> None:
    point = library.points[2]
    assert point.address == ModbusAddress(
        table=Table.HOLDING, address=100, scale=0.1, sentinels=(-32768,)
    )
    assert point.write is not None
    assert (point.write.minimum, point.write.maximum) == (15.0, 23.0)
    assert point.write.hold_safe == (16.0, 22.0)
    assert point.write.release.kind is ReleaseKind.REMOTE_ENABLE
    assert point.write.release.enable == ModbusAddress(
        table=Table.HOLDING, address=150, type=DataType.UINT16
    )


def test_null_with_or_without_quotes_is_the_way_back_of_bacnet(minimal_text: str) -> None:
    point = (
        "points: [{id: s, device: ctrl, role: zone_setpoint, zone: all, unit: degC, "
        'bacnet: "analog-value,1", write: {min: 15, max: 23, release: {kind: NULL_HERE}}}]'
    )
    for written in ("null", '"null"', "~"):
        text = minimal_text.replace("points: []", point.replace("NULL_HERE", written))
        write = load_site_text(text).points[0].write
        assert write is not None
        assert write.release.kind is ReleaseKind.NULL


def test_a_named_register_comes_from_the_template(minimal_text: str) -> None:
    text = minimal_text.replace(
        "points: []",
        "meters: [{id: el, commodity: electricity, billed: false}]\n"
        "points: [{id: el.energy, device: m, role: meter_energy, meter: el, unit: kWh, "
        "register: energy_import}]",
    ).replace(
        "devices: [",
        "devices: [{id: m, protocol: modbus, host: localhost, template: em340}, ",
    )
    site = load_site_text(text, templates=TEMPLATES)
    assert site.points[0].address == TEMPLATES["em340"]["energy_import"].address
    assert site.points[0].low == 0.0
    assert not site.meters[0].billed
    assert site.device("library/m").port == 502


def test_coils_hold_bits_unless_told_otherwise(minimal_text: str) -> None:
    text = minimal_text.replace("protocol: bacnet", "protocol: modbus").replace(
        "points: []",
        "points: [{id: run, device: ctrl, role: other, unit: on/off, "
        "modbus: {table: coil, address: 3}}]",
    )
    assert load_site_text(text).points[0].address == ModbusAddress(
        table=Table.COIL, address=3, type=DataType.BIT
    )


def test_air_power_and_the_least_runs_of_a_heat_pump() -> None:
    site = load_sites(CASES / "valid_air")[0]
    (zone,), (unit,) = site.zones, site.ventilation
    assert (zone.people, zone.volume_m3, zone.comfort.co2_limit_ppm) == (30.0, 900.0, 1000.0)
    assert unit.least_flow_pct == 30.0
    assert unit.own_flow_pct == WeekTimetable(default=80.0)
    assert unit.own_supply_c is not None
    assert (unit.own_supply_c.default, unit.own_supply_c.periods[0].value) == (18.0, 20.0)
    assert (site.power.limit_kw, site.power.peak_dkk_per_kw) == (25.0, 45.5)
    source = site.heat_source
    assert (source.least_kw, source.least_run_min, source.least_stop_min) == (10.0, 30.0, 15.0)
    assert source.cop_gain_per_k == 0.02
    assert [point.role for point in site.points] == [
        Role.VENTILATION_FLOW,
        Role.SUPPLY_AIR_SETPOINT,
    ]


def test_what_is_not_said_of_air_and_power_is_not_known(library: Site) -> None:
    (zone,) = library.zones
    assert (zone.people, zone.volume_m3, zone.comfort.co2_limit_ppm) == (None, None, None)
    assert (library.power.limit_kw, library.power.peak_dkk_per_kw) == (None, None)
    assert (library.heat_source.least_run_min, library.heat_source.cop_gain_per_k) == (0.0, 0.0)


def test_w03_w04_a_point_has_its_pace_and_the_age_of_its_values(minimal_text: str) -> None:
    temp = (
        "{id: t, device: ctrl, role: zone_temp, zone: all, unit: degC, "
        'bacnet: "analog-input,1", max_age: 14400}'
    )
    setpoint = (
        "{id: s, device: ctrl, role: zone_setpoint, zone: all, unit: degC, "
        'bacnet: "analog-value,1", write: {min: 15, max: 23, max_change: 2, release: {kind: null}}}'
    )
    site = load_site_text(minimal_text.replace("points: []", f"points: [{temp}, {setpoint}]"))
    first, second = site.points
    assert first.max_age == timedelta(hours=4)
    assert second.max_age == timedelta(minutes=15)
    assert second.write is not None
    assert second.write.max_change == 2.0
    assert (second.write.minimum_on, second.write.minimum_off) == (0.0, 0.0)


def test_a_building_of_meters_alone_needs_eight_lines() -> None:
    site = load_site_text(
        "site: school\n"
        "name: Skæring Skole\n"
        "address: Skolevej 1\n"
        "area_m2: 4250\n"
        "use: school\n"
        "meters:\n"
        '  - {id: heat, commodity: heat, supplier: {number: "684"}}\n'
        '  - {id: el, commodity: electricity, supplier: {number: "571", interval: true}}\n'
    )
    assert (site.name_da, site.name_en) == ("Skæring Skole", "Skæring Skole")
    assert (site.zones, site.devices, site.mode) == ((), (), Mode.OBSERVE)
    assert (site.latitude, site.longitude) == (56.16, 10.20)
    assert [point.id for point in site.points] == ["school/heat.energy", "school/el.energy"]
