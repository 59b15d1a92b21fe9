"""Drafts a site file from the devices of a discovery or an EDE file, for a person to complete.

What a network does not show is marked "fill in", what is only likely "guessed". The mode of a draft
is ``observe``, and write rules are comments: no point is written before a person uncomments them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bms.model.assets.device import DeviceTemplate, Framing
from bms.model.assets.protected import first_protected
from bms.model.readings.device_units import NO_UNITS, SCALES, device_scale
from bms.model.readings.units import Unit
from drivers.discovery.inventory import FoundDevice, FoundObject

REGISTER, RECORD = "register", "record"
_TYPE = re.compile(r"[a-z]+\d[a-z0-9]*")
_SHORTEST = 3


def with_template(device: FoundDevice, templates: Mapping[str, DeviceTemplate]) -> FoundDevice:
    """The device with the registers of its likely template; unchanged where none or several match.

    A template matches when the identification of the device names its maker and one of its types.
    """
    if device.protocol != "modbus":
        return device
    fitting = [name for name, template in templates.items() if _fits(device, template)]
    if len(fitting) != 1:
        return device
    (name,) = fitting
    objects = tuple(
        FoundObject(kind=REGISTER, instance=0, name=point.name, unit=point.unit, commandable=False)
        for point in templates[name].values()
    )
    return replace(device, template=name, objects=objects)


def _fits(device: FoundDevice, template: DeviceTemplate) -> bool:
    says = f"{device.vendor or ''} {device.model or ''}".lower()
    types = [each for each in _TYPE.findall(template.model.lower()) if len(each) >= _SHORTEST]
    return template.maker.lower() in says and any(each in says for each in types)


_SHOWN_SKIPPED = 200
_ID_LENGTH = 60
_KINDS = (
    *("analog-input", "analog-output", "analog-value"),
    *("binary-input", "binary-output", "binary-value"),
    *("multi-state-input", "multi-state-output", "multi-state-value"),
    *("integer-value", "positive-integer-value", "large-analog-value"),
    *("accumulator", "pulse-converter", "loop"),
    REGISTER,
    RECORD,
)
UNITS = {
    "degrees-celsius": "degC",
    "delta-degrees-kelvin": "K",
    "degrees-kelvin": "K",
    "kilowatt-hours": "kWh",
    "kilowatts": "kW",
    "cubic-meters": "m3",
    "cubic-meters-per-hour": "m3/h",
    "parts-per-million": "ppm",
    "percent": "%",
    "luxes": "lx",
    "no-units": "1",
}
"""BACnet engineering units → ``bms.model.readings.units.Unit``."""
# Danish and English words in names and descriptions; the first that matches decides.
_TEMPERATURES = (
    ("outdoor_temp", r"\b(ude|outdoor|outside|oat|aussen)"),
    ("supply_air_temp", r"(indbl|supply.?air|\bsat\b|tilluft)"),
    ("return_water_temp", r"(retur(?!.?luft|n.?air)|\breturn\b(?!.?air))"),
    ("supply_water_temp", r"(frem|flow.?temp|supply.?(water|temp))"),
)
_SETPOINT = r"(setp|s[oø]ll|indstil|\bsp\b|_sp\b|ønsk)"
_ROOM = r"(rum|room|zone|lokale|klasse|kontor|office|hal\b|hall|class)"
_HEAT = r"(varme|heat|cool|fjv|mwh|kamstrup|multical)"


@dataclass(frozen=True, slots=True)
class _RoleGuess:
    """The guessed role of an object, with its unit and the keys that the role needs."""

    role: str
    unit: str
    zone: bool = False
    meter: str | None = None


def draft_site(
    devices: Sequence[FoundDevice], *, site: str = "new_site", name: str = "New building"
) -> str:
    """The text of a site file that ``sites.loader`` accepts. ``site`` is its identifier."""
    labels = _UniqueIds()
    ids = [labels.new(_device_label(device)) for device in devices]
    points = [
        point
        for device, label in zip(devices, ids, strict=True)
        for point in _points(device, label, labels)
    ]
    meters = {point.guess.meter: point for point in reversed(points) if point.guess.meter}
    parts = [
        _HEAD.format(site=site, name=_quoted(name)),
        _listed("devices", (_device_line(d, i) for d, i in zip(devices, ids, strict=True))),
        _listed("meters", (_meter_line(point) for point in reversed(meters.values()))),
        _listed("points", (point.text() for point in points)),
        *(_skipped(device) for device in devices),
    ]
    return "".join(parts)


_HEAD = """\
# A draft: complete what says "fill in", check what says "guessed", then run `bms sites check`.
site: {site}
name: {{da: {name}, en: {name}}} # fill in
use: other # fill in: office, school, kindergarten, sports_hall, culture, health or other
area_m2: 1000 # fill in: heated floor area
position: {{latitude: 56.0, longitude: 10.0}} # fill in: degrees north and east
mode: observe # it only looks
heat_source: {{kind: district_heating, capacity_kw: 100}} # fill in
timetables: # fill in
  in_use: {{default: 0, closed: 0, periods: [{{days: mon-fri, from: 08:00, to: 16:00, value: 1}}]}}
  own_heating: {{default: 19, periods: [{{days: mon-fri, from: 05:00, to: 17:00, value: 21}}]}}
zones:
  # fill in: one entry for each part that is heated and used as one; all rooms are in this one
  - {{id: zone1, name: Zone 1, area_m2: 1000, occupancy: in_use, own_setpoint: own_heating}}
"""


class _UniqueIds:
    """Makes identifiers that are valid in a site file and unique."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, text: str) -> str:
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", _transcribed(text)).strip("_.-")[:_ID_LENGTH]
        label = base = plain or "point"
        number = 2
        while label.lower() in self._taken:
            label, number = f"{base[: _ID_LENGTH - 7]}_{number}", number + 1
        self._taken.add(label.lower())
        return label


def _transcribed(text: str) -> str:
    for letter, plain in (
        ("æ", "ae"),
        ("ø", "oe"),
        ("å", "aa"),
        ("Æ", "Ae"),
        ("Ø", "Oe"),
        ("Å", "Aa"),
    ):
        text = text.replace(letter, plain)
    return text


@dataclass(frozen=True, slots=True)
class _DraftPoint:
    label: str
    device: str
    found: FoundObject
    guess: _RoleGuess
    model: str = ""

    def text(self) -> str:
        guess, found = self.guess, self.found
        keys = [f"id: {_quoted(self.label)}", f"device: {_quoted(self.device)}"]
        keys += [f"role: {guess.role}", f"unit: {_quoted(guess.unit)}"]
        if guess.zone:
            keys.append("zone: zone1")
        if guess.meter:
            keys.append(f"meter: {_quoted(guess.meter)}")
        if found.kind == REGISTER:
            keys.append(f"register: {found.name}")
        elif found.kind == RECORD:
            keys.append(f"mbus: {found.record}")
        else:
            keys.append(f'bacnet: "{found.kind},{found.instance}"')
            if _is_foreign(found):
                keys.append(f"device_unit: {NO_UNITS}")
        if found.description and _comment(found.description):
            keys.append(f"name: {_quoted(found.description)}")
        lines = [f"  # {_comment(self._description())}"]
        lines.append("  - {" + ", ".join(keys) + "}")
        lines += [f"    # {line}" for line in self._write()]
        return "\n".join(lines)

    def _description(self) -> str:
        found = self.found
        parts = [found.name or "", found.description or ""]
        parts.append(f"role guessed: {self.guess.role}")
        if found.unit and found.unit not in UNITS:
            parts.append(f"unit in the device: {found.unit}")
        if found.states:
            parts.append("states: " + " / ".join(found.states))
        if found.value is not None:
            parts.append(f"read {found.value}")
        parts += [f"priority {slot} holds {value}" for slot, value in found.slots]
        return "; ".join(part for part in parts if part)

    def _write(self) -> list[str]:
        """Comment lines with a write rule that a person may uncomment and has to complete."""
        found = self.found
        if not found.kind.endswith(("-output", "-value")):
            return []
        if self.guess.role in _NEVER_WRITTEN:
            return []
        protected = first_protected([self.label, found.name or "", found.description or ""])
        if protected is not None:
            return [f"never written: {protected.protection}"]
        low, high = _LIMITS.get(self.guess.role, ("FILL_IN", "FILL_IN"))
        has_slots = found.commandable is not False
        back = '{kind: "null"}' if has_slots else "{kind: constant, value: FILL_IN}"
        limits = f"min: {low}, max: {high}, hold_safe: [{low}, {high}]"
        return [
            "to have it written, add this key to the point and check every value (guessed):",
            f"write: {{{limits}, release: {back}}}",
        ]


_OF_A_DEVICE = (REGISTER, RECORD)
"""What bears the same names at every device of a kind."""
_METER_ROLES = {
    "energy": "meter_energy",
    "volume": "meter_volume",
    "power": "meter_power",
    "supply_temp": "meter_flow_temp",
    "return_temp": "meter_return_temp",
}
_WHOLE_ENERGY = ("energy", "energy_import")
_NEVER_WRITTEN = ("zone_temp", "zone_valve", "zone_co2", "outdoor_temp", "meter_energy")
_LIMITS = {"zone_setpoint": ("17", "23"), "heating_curve_shift": ("-5", "5")}


def _points(device: FoundDevice, label: str, labels: _UniqueIds) -> list[_DraftPoint]:
    found = []
    for each in device.objects:
        if each.kind not in _KINDS:
            continue
        wanted = f"{label}.{each.name}" if each.kind in _OF_A_DEVICE else each.name
        name = labels.new(wanted or f"{each.kind}-{each.instance}")
        guess = _guess(each, label if each.kind == RECORD else name)
        found.append(_DraftPoint(name, label, each, guess, device.model or ""))
    return found


def _guess(found: FoundObject, label: str) -> _RoleGuess:
    unit = _unit(found)
    if found.kind == RECORD:
        return _of_meter(found, unit, label)
    words = f"{found.name or ''} {found.description or ''}".lower().replace("_", " ")
    if unit == "degC":
        return _temperature(found, words)
    if unit == "ppm":
        return _RoleGuess("zone_co2", unit, zone=True)
    if unit == "kWh" and (found.kind != REGISTER or found.name in _WHOLE_ENERGY):
        return _RoleGuess("meter_energy", unit, meter=label)
    if unit == "%" and re.search(r"(ventil|valve)", words) and re.search(_ROOM, words):
        return _RoleGuess("zone_valve", unit, zone=True)
    if unit == "K" and re.search(r"(kurve|curve)", words):
        return _RoleGuess("heating_curve_shift", unit)
    return _RoleGuess("other", unit)


def _of_meter(found: FoundObject, unit: str, label: str) -> _RoleGuess:
    """The role of a record of the meter that the device ``label`` is."""
    role = _METER_ROLES.get(found.name or "")
    return _RoleGuess("other", unit) if role is None else _RoleGuess(role, unit, meter=label)


def _temperature(found: FoundObject, words: str) -> _RoleGuess:
    if re.search(_SETPOINT, words):
        room = re.search(_ROOM, words) is not None
        return _RoleGuess("zone_setpoint" if room else "other", "degC", zone=room)
    for role, pattern in _TEMPERATURES:
        if re.search(pattern, words):
            return _RoleGuess(role, "degC")
    if re.search(_ROOM, words) and found.kind in ("analog-input", "analog-value"):
        return _RoleGuess("zone_temp", "degC", zone=True)
    return _RoleGuess("other", "degC")


def _unit(found: FoundObject) -> str:
    if found.kind in _OF_A_DEVICE:
        return found.unit or "1"
    if found.kind.startswith("binary-"):
        return "on/off"
    return UNITS.get(found.unit or "") or _convertible(found.unit or "") or "1"


def _convertible(name: str) -> str | None:
    """Our unit that an engineering unit can be converted to; None where there is none."""
    return next((unit for unit, known in SCALES.items() if name in known), None)


def _is_foreign(found: FoundObject) -> bool:
    """Whether the object states a unit that cannot be converted to that of its point: its number is
    taken as it is."""
    states = found.unit and not found.kind.startswith(("binary-", *_OF_A_DEVICE))
    return bool(states) and device_scale(found.unit or "", Unit(_unit(found))) is None


def _device_label(device: FoundDevice) -> str:
    if device.name:
        return device.name
    if device.protocol == "mbus" and device.serial_number:
        return f"{device.vendor or 'meter'}_{device.serial_number}"
    return f"device_{device.instance if device.instance is not None else device.unit}"


def _device_line(device: FoundDevice, label: str) -> str:
    keys = [f"id: {_quoted(label)}", f"protocol: {device.protocol}", *_address_keys(device)]
    if device.instance is not None:
        keys.append(f"instance: {device.instance}")
    if device.protocol == "modbus" and device.unit is not None:
        keys.append(f"unit: {device.unit}")
    if device.secondary is not None:
        keys.append(f"secondary: {_quoted(device.secondary)}")
    elif device.primary is not None:
        keys.append(f"primary: {device.primary}")
    if device.template is not None:
        keys.append(f"template: {device.template}")
    keys += _identity_keys(device)
    parts = [device.firmware] if device.firmware else []
    if device.template is not None:
        parts.append("template guessed: compare each value with the display")
    if not device.host and device.serial is None:
        parts.append("fill in: its address")
    if device.same_instance:
        parts.append(f"instance also at {', '.join(device.same_instance)}")
    comment = f" # {_comment('; '.join(parts))}" if parts else ""
    return "  - {" + ", ".join(keys) + "}" + comment


def _identity_keys(device: FoundDevice) -> list[str]:
    """The fingerprint, which a person accepts by leaving it in the file.

    Text that a line of YAML would change is left out: it could never be compared.
    """
    known = device.fingerprint.known
    if device.protocol == "bacnet" and device.max_apdu is None:
        return []  # of a list of objects: the device itself was not asked
    told = [f"{name}: {_quoted(text)}" for name, text in known.items() if _comment(text) == text]
    return [f"fingerprint: {{{', '.join(told)}}}"] if told else []


def _address_keys(device: FoundDevice) -> list[str]:
    """The keys with the address of the device."""
    line = device.serial
    if line is not None:
        settings = f"baud: {line.baud}, parity: {line.parity}, stop_bits: {line.stop_bits}"
        framing = ["framing: rtu"] if device.protocol == "modbus" else []
        return [*framing, f"serial: {{path: {_quoted(line.path)}, {settings}}}"]
    keys = [f"host: {_quoted(device.host or 'fill-in.invalid')}", f"port: {device.port}"]
    if device.network is not None:
        keys += [f"network: {device.network}", f'mac: "{device.mac}"']
    if device.framing is Framing.RTU_OVER_TCP:
        keys.append(f"framing: {device.framing}")
    if device.any_transaction:
        keys.append("any_transaction: true")
    return keys


def _meter_line(point: _DraftPoint) -> str:
    words = f"{point.label} {point.found.description or ''} {point.model}".lower()
    commodity = next((name for name in ("water", "gas") if name in point.model), None)
    commodity = commodity or ("heat" if re.search(_HEAT, words) else "electricity")
    meter = _quoted(point.guess.meter or "")
    return (
        f"  - {{id: {meter}, commodity: {commodity}, billed: false}}"
        " # commodity guessed; fill in: is it billed?"
    )


def _listed(key: str, lines: Iterable[str]) -> str:
    found = list(lines)
    return f"{key}:\n" + "\n".join(found) + "\n" if found else f"{key}: []\n"


def _skipped(device: FoundDevice) -> str:
    """Comment lines that list the objects that did not become points, and the notes."""
    others = [each for each in device.objects if each.kind not in _KINDS]
    if not others and not device.notes:
        return ""
    lines = [f"# {_comment(_device_label(device))}: {len(others)} objects are no points"]
    lines += [f"#   {_comment(note)}" for note in device.notes]
    lines += [
        f"#   {_comment(each.record or f'{each.kind},{each.instance}')} {_comment(each.name or '')}"
        for each in others[:_SHOWN_SKIPPED]
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A YAML scalar in double quotes, with the escapes of JSON."""
    return json.dumps(_comment(text) or "-", ensure_ascii=False)


def _comment(text: str) -> str:
    """Text on one line: names from a device may contain any character."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:180].strip()
