"""EDE files as they come, and the site files that are drafted from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.errors import ConfigError, SiteFileError
from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Role
from bms.model.assets.site import Mode, Site
from bms.model.readings.units import Unit
from drivers.discovery.ede import read_ede
from drivers.discovery.inventory import FoundDevice, FoundObject
from drivers.discovery.site_draft import draft_site
from sites.loader import load_sites
from tests.rigs.examples import examples

HEADER = """\
# Engineering-Data-Exchange - B.I.G.-EU
PROJECT_NAME;Rådhuset
VERSION_OF_REFERENCEFILE;3
TIMESTAMP_OF_LAST_CHANGE;2019-01-14
AUTHOR_OF_LAST_CHANGE;Styring A/S
VERSION_OF_LAYOUT;2.3
"""
COLUMNS = (
    "# keyname;device obj.-instance;object-name;object-type;object-instance;description;"
    "present-value-default;min-present-value;max-present-value;settable;supports COV;hi-limit;"
    "low-limit;state-text-reference;unit-code;vendor-specific-addres;notification-class\n"
)
ROWS = """\
K0;1001;Rådhus AS1;8;1001;Understation;;;;N;N;;;;;;
K1;1001;Rum 101 temperatur;0;1;Målt rumtemperatur;;;;N;Y;;;;62;;
K2;1001;Rum 101 setpunkt;2;1;Ønsket temperatur i rum;21,5;15,0;25;Y;Y;;;;62;;
K3;1001;Ventilation drift;5;7;Anlæg 1;;;;Y;Y;;;1;;;
K4;1001;Driftsform;19;3;;;;;Y;N;;;2;;;
K5;1001;Udetemperatur;0;9;;;;;N;Y;;;;62;;
K6;1001;Fjernvarme energi;0;11;;;;;N;N;;;;19;;
K7;1001;Ugeplan;17;1;;;;;Y;N;;;;;;
"""
FILE = HEADER + COLUMNS + ROWS
STATES = """\
#State Text Reference
# Reference Number;Text 1 or Inactive-Text;Text 2 or Active-Text;Text 3
1;Stop;Drift;;
2;Fra;Auto;Nat
"""


def objects(data: bytes, **knobs: bytes) -> dict[str | None, FoundObject]:
    (device,) = read_ede(data, **knobs).devices  # type: ignore[arg-type]
    return {each.name: each for each in device.objects}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_contractors_file_is_read_in_every_dress(encoding: str, ends: str) -> None:
    data = FILE.replace("\n", ends).encode(encoding)
    ede = read_ede(data, states=STATES.encode(encoding))
    assert ede.header["PROJECT_NAME"] == "Rådhuset"
    assert ede.mistakes == ()
    (device,) = ede.devices
    assert (device.instance, device.name, device.protocol) == (1001, "Rådhus AS1", "bacnet")
    found = {each.name: each for each in device.objects}
    assert list(found) == [line.split(";")[2] for line in ROWS.splitlines()[1:]]
    setpoint = found["Rum 101 setpunkt"]
    assert (setpoint.kind, setpoint.instance) == ("analog-value", 1)
    assert (setpoint.unit, setpoint.commandable) == ("degrees-celsius", True)
    assert (setpoint.low, setpoint.high) == (15.0, 25.0)
    assert setpoint.value is None  # nothing was read
    assert found["Ventilation drift"].states == ("Stop", "Drift")
    assert found["Driftsform"].states == ("Fra", "Auto", "Nat")


def test_commas_other_orders_and_missing_columns_are_read() -> None:
    data = (
        "#keyname,object-type,object-instance,device obj.-instance,object-name\n"
        'K1,analog-input,4,12,"Rum 3, nord"\n'
        "K2,0,5,12\n"
    )
    found = objects(data.encode())
    assert set(found) == {"Rum 3, nord", None}
    assert found["Rum 3, nord"].commandable is None


def test_a_file_without_names_of_columns_has_the_layout_of_the_standard() -> None:
    assert objects((HEADER + ROWS).encode()) == objects(FILE.encode())


def test_lines_that_cannot_be_used_are_named_and_spare_the_others() -> None:
    bad = [
        "B1;1001;x;0;;;",
        "B2;abc;x;0;1;",
        "B3;1001;x;0;99999999;",
        "B4;1001;x;strange;1;",
        "B5;1001;twice;0;1;",
        "",
        ";;;;;",
    ]
    ede = read_ede((FILE + "\n".join(bad)).encode())
    assert len(ede.devices[0].objects) == 7
    first = FILE.count("\n") + 1
    assert [mistake.split(":")[0] for mistake in ede.mistakes] == [
        f"line {first + n}" for n in range(5)
    ]
    assert "analog-input 1 stands there already" in ede.mistakes[4]


def test_a_cell_with_line_breaks_belongs_to_its_object() -> None:
    rows = (
        'K1;1001;"Rum 101\nmålt ""nord""";0;1;"Temperatur\n\ni rum";;;;N;Y;;;;62;;\n'
        "K2;1001;Udeluft;0;2;;;;;N;Y;;;;62;;\n"
    )
    found = read_ede((HEADER + COLUMNS + rows).encode())
    assert not found.mistakes
    first, second = found.devices[0].objects
    assert (first.name, first.description) == ('Rum 101 målt "nord"', "Temperatur i rum")
    assert (second.name, second.unit) == ("Udeluft", "degrees-celsius")


def test_states_with_line_breaks_stay_one_state() -> None:
    rows = "K1;1001;Drift;5;7;;;;;Y;N;;;1;;;\nK2;1001;Form;5;8;;;;;Y;N;;;2;;;\n"
    found = read_ede((HEADER + COLUMNS + rows).encode(), states=b'1;"On\nline";Off\n2;Ja;Nej')
    assert [each.states for each in found.devices[0].objects] == [("On line", "Off"), ("Ja", "Nej")]


@pytest.mark.parametrize("next_name", ["Ude", '"Ude"', 'Ude"', '"Ude;x"'])
def test_a_stray_quote_spoils_its_own_line_only(next_name: str) -> None:
    rows = (
        'K1;1001;"Rum 101;0;1;;;;;N;Y;;;;62;;\n'
        f"K2;1001;{next_name};0;2;;;;;N;Y;;;;62;;\nK3;1001;Inde;0;3;;;;;N;Y;;;;62;;\n"
    )
    found = read_ede((HEADER + COLUMNS + rows).encode())
    assert [each.instance for each in found.devices[0].objects] == [2, 3]
    assert [mistake.split(":")[0] for mistake in found.mistakes] == ["line 8"]


def test_several_devices_are_several() -> None:
    ede = read_ede((FILE + "K9;1002;Rum 7;0;1;;;;;N;;;;;62;\n").encode())
    assert [(d.instance, len(d.objects)) for d in ede.devices] == [(1001, 7), (1002, 1)]


@pytest.mark.parametrize("data", [b"", b"hello", HEADER.encode(), b"\x00" * 100, b"a,b\n1,2\n"])
def test_what_is_no_ede_file_is_said(data: bytes) -> None:
    with pytest.raises(ConfigError, match="no EDE file"):
        read_ede(data)


@settings(max_examples=examples(150), deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(FILE)), st.binary(max_size=200))
def test_no_file_is_worse_than_a_config_error(junk: bytes, at: int, states: bytes) -> None:
    data = FILE.encode()
    for candidate in (junk, data[:at] + junk + data[at:]):
        try:
            found = read_ede(candidate, states=states)
        except ConfigError:
            continue
        draft_site(found.devices)


# Drafts


def drafted(tmp_path: Path, *devices: FoundDevice) -> Site:
    (tmp_path / "draft.yaml").write_text(draft_site(devices), encoding="utf-8")
    (site,) = load_sites(tmp_path)
    return site


def test_a_draft_guesses_roles_and_only_observes(tmp_path: Path) -> None:
    ede = read_ede(FILE.encode(), states=STATES.encode())
    site = drafted(tmp_path, *ede.devices)
    roles = {point.id.split("/")[1]: point.role for point in site.points}
    assert roles == {
        "Rum_101_temperatur": Role.ZONE_TEMP,
        "Rum_101_setpunkt": Role.ZONE_SETPOINT,
        "Ventilation_drift": Role.OTHER,
        "Driftsform": Role.OTHER,
        "Udetemperatur": Role.OUTDOOR_TEMP,
        "Fjernvarme_energi": Role.METER_ENERGY,
    }
    assert site.mode is Mode.OBSERVE
    assert all(point.write is None for point in site.points)
    assert [meter.commodity for meter in site.meters] == ["heat"]
    text = draft_site(ede.devices)
    assert "role guessed: zone_temp" in text
    assert 'write: {min: 17, max: 23, hold_safe: [17, 23], release: {kind: "null"}}' in text
    assert "1 objects are no points" in text
    assert "schedule,1 Ugeplan" in text


def test_w18_a_draft_keeps_what_an_object_is_called_and_suggests_no_write_of_a_protection(
    tmp_path: Path,
) -> None:
    rows = "K8;1001;AV 17;2;17;Grænse for frostsikring;;;;Y;N;;;;62;;\n"
    devices = read_ede((FILE + rows).encode()).devices
    known = {point.id: point.said for point in drafted(tmp_path, *devices).points}
    (said,) = (said for id_, said in known.items() if "AV_17" in id_)
    assert said == ("Grænse for frostsikring",)
    text = draft_site(devices)
    behind = text[text.index('id: "AV_17"') :].splitlines()[1]
    assert behind.strip() == "# never written: frost protection"


def test_a_suggested_write_is_right_once_it_is_uncommented(tmp_path: Path) -> None:
    text = draft_site(read_ede(FILE.encode()).devices)
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip().startswith("# write: {min: 17"))
    write = lines[at].strip().removeprefix("# ")
    lines[at - 2] = lines[at - 2].removesuffix("}") + f", {write}}}"
    (tmp_path / "draft.yaml").write_text("\n".join(lines), encoding="utf-8")
    (site,) = load_sites(tmp_path)
    assert [point.id for point in site.points if point.write] == ["new_site/Rum_101_setpunkt"]


@pytest.mark.parametrize(
    ("told", "unit", "role", "stated"),
    [
        ("revolutions-per-minute", Unit.COUNT, Role.OTHER, "no-units"),
        ("watt-hours", Unit.KWH, Role.METER_ENERGY, None),
        ("watts", Unit.KW, Role.OTHER, None),
        ("degrees-fahrenheit", Unit.DEG_C, Role.OTHER, None),
    ],
)
def test_a_unit_that_we_do_not_have_is_said_and_another_can_be_converted(
    tmp_path: Path, told: str, unit: Unit, role: Role, stated: str | None
) -> None:
    each = FoundObject(kind="analog-input", instance=1, name="E", unit=told)
    device = FoundDevice(
        protocol="bacnet", host="10.0.0.1", port=47808, instance=1, objects=(each,)
    )
    (point,) = drafted(tmp_path, device).points
    assert (point.unit, point.role) == (unit, role)
    assert isinstance(point.address, BacnetAddress)
    assert point.address.unit == stated
    assert f"unit in the device: {told}" in draft_site([device])


names = st.text(max_size=80)
found_objects = st.builds(
    FoundObject,
    kind=st.sampled_from(["analog-input", "analog-value", "binary-value", "schedule", "x y"]),
    instance=st.integers(0, 4_194_302),
    name=st.one_of(st.none(), names),
    description=st.one_of(st.none(), names),
    unit=st.one_of(st.none(), st.sampled_from(["degrees-celsius", "kilowatt-hours"]), names),
    value=st.one_of(st.none(), st.floats(), names),
    commandable=st.sampled_from([None, True, False]),
)


@pytest.mark.slow
@settings(max_examples=examples(60), deadline=None)
@given(st.lists(found_objects, max_size=6), st.one_of(st.none(), names), names)
def test_whatever_a_device_calls_itself_the_draft_is_a_site_file(
    tmp_path_factory: pytest.TempPathFactory,
    found: list[FoundObject],
    name: str | None,
    vendor: str,
) -> None:
    device = FoundDevice(
        protocol="bacnet",
        host="10.0.0.1",
        port=47808,
        instance=1,
        name=name,
        vendor=vendor,
        objects=tuple(found),
        notes=(vendor,),
    )
    second = replace(device, instance=2)
    site = drafted(tmp_path_factory.mktemp("draft"), device, second)
    points = [each for each in found if each.kind not in ("schedule", "x y")]
    assert len(site.points) == 2 * len(points)


@pytest.mark.parametrize(
    ("back", "objection"),
    [
        ("{kind: constant, value: 19}", None),
        ("{kind: timetable, timetable: own_heating}", None),
        ('{kind: "null"}', None),
        (
            "{kind: remote_enable, enable: {table: coil, address: 1}}",
            "a BACnet point is given back",
        ),
    ],
)
def test_a_point_without_slots_may_be_given_back_by_a_value(
    tmp_path: Path, back: str, objection: str | None
) -> None:
    text = draft_site(read_ede(FILE.encode()).devices)
    at = next(line for line in text.splitlines() if "role: zone_setpoint" in line)
    written = at.removesuffix("}") + f", write: {{min: 17, max: 23, release: {back}}}}}"
    (tmp_path / "draft.yaml").write_text(text.replace(at, written), encoding="utf-8")
    if objection is None:
        (site,) = load_sites(tmp_path)
        assert [point.id for point in site.points if point.write]
        return
    with pytest.raises(SiteFileError, match=objection):
        load_sites(tmp_path)


@pytest.mark.parametrize(
    ("kind", "unit", "found"),
    [
        ("AI", "°C", ("analog-input", "degrees-celsius")),
        ("ai", "º C", ("analog-input", "degrees-celsius")),
        ("analogInput", "62", ("analog-input", "degrees-celsius")),
        ("Analog Input", "62,0", ("analog-input", "degrees-celsius")),
        ("OBJECT_ANALOG_VALUE", "kWh", ("analog-value", "kilowatt-hours")),
        ("0,0", "m³/h", ("analog-input", "cubic-meters-per-hour")),
        ("MSV", "", ("multi-state-value", None)),
        ("accumulator", "MWh", ("accumulator", "megawatt-hours")),
        ("BV", "furlongs", ("binary-value", "furlongs")),
    ],
)
def test_types_and_units_are_read_as_people_write_them(
    kind: str, unit: str, found: tuple[str, str | None]
) -> None:
    text = (
        "# keyname;device obj.-instance;object-name;object-type;object-instance;description;"
        "present-value-default;min-present-value;max-present-value;settable;supports COV;"
        "hi-limit;low-limit;state-text-reference;unit-code;vendor-specific-address\n"
        f"k;1,0;name;{kind};1,0;text;;0,0;1,5;N;N;;;siehe Blatt;{unit};\n"
        "k2;1;other;0;2;text;;;;N;N;;;;62;\n"
    )
    (device,) = read_ede(text.encode("cp1252", errors="replace")).devices
    first = device.objects[0]
    assert (first.kind, first.unit) == found
    assert (first.low, first.high, first.instance) == (0.0, 1.5, 1)
