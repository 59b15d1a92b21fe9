"""The site file of a building of this bench."""

from __future__ import annotations

from pathlib import Path

_TEXT = """\
site: {site}
name: {{da: {site}, en: {site}}}
use: school
area_m2: 500
position: {{latitude: 52.227, longitude: -0.465}}
timezone: Europe/Copenhagen
mode: auto
heat_source: {{kind: district_heating, capacity_kw: 50}}
tariffs: {{electricity: konstant_c, heat: kredslob, price_area: DK1}}
timetables:
  open_hours: {{default: 0, closed: 0, periods: [
    {{days: mon-fri, from: 08:00, to: 16:00, value: 1}}]}}
  own_office: {{default: 19, periods: []}}
  own_hall: {{default: 17, periods: []}}
zones:
  - {{id: office, name: Office, area_m2: 300, occupancy: open_hours, own_setpoint: own_office,
     comfort: {{low_c: 20, high_c: 25, floor_c: 15, ceiling_c: 28}}}}
  - {{id: hall, name: Hall, area_m2: 200, occupancy: open_hours, own_setpoint: own_hall,
     comfort: {{low_c: 17, high_c: 24, floor_c: 13, ceiling_c: 28}}}}
devices:
  - {{id: rooms, protocol: bacnet, host: 127.0.0.1, port: {bacnet},
     instance: {instance}, timeout_s: 1.0}}
  - {{id: controller, protocol: modbus, host: 127.0.0.1, port: {modbus}, unit: 1, timeout_s: 1.0,
     template: simulated_hall_controller, fingerprint: {{serial: "{serial}"}}}}
points:
  - {{id: outdoor.temp, device: rooms, role: outdoor_temp, unit: degC, low: -40, high: 50,
     bacnet: "analog-input,1"}}
  - {{id: office.temp, device: rooms, role: zone_temp, zone: office, unit: degC, low: -20, high: 50,
     bacnet: "analog-input,101"}}
  - id: office.setpoint
    device: rooms
    role: zone_setpoint
    zone: office
    unit: degC
    bacnet: "analog-value,101"
    write:
      min: 16
      max: {office_max}
      resolution: 0.1
      priority: 13
      hold_safe: [16, {office_max}]
      release: {{kind: "null"}}
  - {{id: hall.temp, device: controller, role: zone_temp, zone: hall, unit: degC, low: -20,
     high: 50, register: zone1_temp}}
  - id: hall.setpoint
    device: controller
    role: zone_setpoint
    zone: hall
    unit: degC
    register: zone1_setpoint
    write:
      min: 14
      max: 23
      resolution: 0.1
      hold_safe: [14, 23]
      release: {{kind: remote_enable, enable: {{table: holding, address: 150, type: uint16}}}}
  - id: plant.curve_shift
    device: controller
    role: heating_curve_shift
    unit: K
    register: curve_shift
    write:
      min: -5
      max: 5
      resolution: 1
      hold_safe: [-5, 5]
      release: {{kind: constant, value: 0}}
"""


def write_site_file(
    folder: Path, site: str, *, number: int, bacnet: int, modbus: int, office_max: float = 24.0
) -> Path:
    """Write the file of a site, whose devices have the instance and serial number of ``number``;
    returns its path."""
    path = folder / f"{site}.yaml"
    text = _TEXT.format(
        site=site,
        instance=1100 + number,
        serial=f"{number:04d}",
        bacnet=bacnet,
        modbus=modbus,
        office_max=office_max,
    )
    path.write_text(text, "utf-8")
    return path
