"""A site file whose setpoint is written through a BACnet schedule; braces are for ``format``."""

SITE = """
site: library
name: {{da: Biblioteket, en: Library}}
use: culture
area_m2: 500
position: {{latitude: 56.15, longitude: 10.2}}
mode: auto
heat_source: {{kind: district_heating, capacity_kw: 40}}
timetables:
  open: {{default: 0}}
  own: {{default: 21}}
zones: [{{id: all, name: Alt, area_m2: 500, occupancy: open, own_setpoint: own}}]
devices:
  - {{id: ctrl, protocol: bacnet, host: 127.0.0.1, instance: 7{device}}}
  - {{id: meter, protocol: modbus, host: 127.0.0.1}}
points:
  - {{id: all.temp, device: ctrl, role: zone_temp, zone: all, unit: degC, bacnet: "analog-input,1"{temp}}}
  - {{id: pulse, device: meter, role: other, unit: "1", modbus: {{table: holding, address: 1}}{pulse}}}
  - id: all.setpoint
    device: ctrl
    role: zone_setpoint
    zone: all
    unit: degC
    bacnet: "analog-value,1"
    write: {{min: 15, max: 23, release: {release}}}
"""  # noqa: E501
VIA = "{kind: schedule, schedule: 3}"
