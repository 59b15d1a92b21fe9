"""M-Bus meters and MQTT sensors in site files: what is kept, and what is refused."""

from __future__ import annotations

import pytest

from bms.errors import SiteFileError
from bms.model.assets.address import MbusAddress, MbusQuantity, MqttAddress
from bms.model.assets.device import Bbmd, MqttPreset
from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from drivers.templates import load_templates
from sites.loader import load_site_text

SITE = """
site: kaelder
name: {da: Kælderen, en: Basement}
use: other
area_m2: 500
position: {latitude: 56.15, longitude: 10.2}
heat_source: {kind: district_heating, capacity_kw: 40}
timetables:
  in_use: {default: 0}
  own: {default: 20}
zones:
  - {id: z, name: Z, area_m2: 500, occupancy: in_use, own_setpoint: own}
devices:
  - {id: heat, protocol: mbus, host: 10.0.0.30, port: 10001, secondary: "6700000f"}
  - {id: water, protocol: mbus, serial: {path: /dev/ttyUSB0, baud: 2400}, primary: 12,
     reads_per_day: 4}
  - {id: kam, protocol: mbus, host: 10.0.0.30, port: 10001, primary: 3,
     template: kamstrup_multical_mbus}
  - {id: room, protocol: mqtt, host: broker, topic: zigbee2mqtt/hall, preset: zigbee2mqtt,
     mqtt: {username: bms, password_file: /run/secrets/mqtt, ca_file: /etc/ssl/ca.pem,
     cert_file: /etc/ssl/bms.pem, key_file: /run/secrets/key.pem}}
meters:
  - {id: heat, commodity: heat, billed: false}
points:
  - {id: heat.energy, device: heat, role: meter_energy, meter: heat, unit: kWh, mbus: energy}
  - {id: heat.due, device: heat, role: other, unit: kWh, mbus: {quantity: energy, storage: 1}}
  - {id: water.volume, device: water, role: other, unit: m3, mbus: volume}
  - {id: water.own, device: water, role: other, unit: "1", mbus: {record: 04ff07, scale: 0.1}}
  - {id: kam.power, device: kam, role: other, unit: kW, register: power}
  - {id: hall.temp, device: room, role: zone_temp, zone: z, unit: degC, mqtt: temperature}
  - {id: hall.co2, device: room, role: zone_co2, zone: z, unit: ppm, mqtt: {path: co2, time: at}}
"""


WRITTEN = "{},\n     write: {{min: 1, max: 2, release: {{kind: constant, value: 1}}}}}}"


def load(text: str = SITE) -> Site:
    return load_site_text(text, "site.yaml", load_templates())


def test_a_bbmd_stands_in_place_of_a_host() -> None:
    row = "  - {id: ahu, protocol: bacnet, instance: 601, bbmd: {host: 10.1.0.1, ttl_s: 300}}\n"
    site = load(SITE.replace("meters:\n", f"{row}meters:\n", 1))
    assert site.devices[-1].bbmd == Bbmd(host="10.1.0.1", port=47808, ttl_s=300)
    assert site.devices[-1].host == ""
    with pytest.raises(SiteFileError, match="takes instance to find the device"):
        load(SITE.replace("meters:\n", f"{row.replace('instance: 601, ', '')}meters:\n", 1))


def test_meters_and_sensors_are_kept_as_they_stand() -> None:
    site = load()
    heat, water, _, room = site.devices
    assert (heat.secondary, heat.primary) == ("6700000F", None)
    assert water.serial is not None
    assert (water.primary, water.reads_per_day) == (12, 4)
    assert (room.port, room.topic, room.preset) == (
        1883,
        "zigbee2mqtt/hall",
        MqttPreset.ZIGBEE2MQTT,
    )
    assert room.mqtt.password_file == "/run/secrets/mqtt"
    assert (room.mqtt.cert_file, room.mqtt.key_file) == ("/etc/ssl/bms.pem", "/run/secrets/key.pem")
    by_id = {point.id.partition("/")[2]: point for point in site.points}
    assert by_id["heat.energy"].address == MbusAddress(quantity=MbusQuantity.ENERGY)
    assert by_id["heat.due"].address == MbusAddress(quantity=MbusQuantity.ENERGY, storage=1)
    assert by_id["water.own"].address == MbusAddress(record="04ff07", scale=0.1)
    assert by_id["kam.power"].address == MbusAddress(quantity=MbusQuantity.POWER)
    assert by_id["hall.co2"].address == MqttAddress(path="co2", time="at")
    assert by_id["hall.temp"].cov
    assert by_id["water.volume"].interval_s == 21_600
    assert by_id["heat.energy"].interval_s == 900
    assert from_json(Site, to_json(site)) == site


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        ('secondary: "6700000f"', "unit: 4", "either primary or secondary"),
        ('secondary: "67', 'primary: 4, secondary: "67', "either primary or secondary"),
        ('secondary: "6700000f"', "primary: 3", "device kam is device heat"),
        ("primary: 12", "primary: 251", "from 0 to 250"),
        ('"6700000f"', '"6700"', "8 digits"),
        ("port: 10001, secondary", "secondary", "port is missing"),
        ("unit: kWh, mbus: energy", "unit: m3, mbus: volume", "role meter_energy is in kWh"),
        ("unit: m3, mbus: volume", "unit: kWh, mbus: volume", "volume of an M-Bus meter is in m3"),
        ("mbus: volume", "mbus: {quantity: volume, record: 04FF07}", "either quantity or record"),
        ("mbus: volume", "mbus: heat", "one of energy, volume"),
        ("mbus: volume", 'bacnet: "analog-input,1"', "speaks mbus, not bacnet"),
        ("mqtt: temperature}", WRITTEN.format("mqtt: temperature"), "nothing is ever|never"),
        ("mbus: volume}", WRITTEN.format("mbus: volume"), "nothing is ever written"),
        ("topic: zigbee2mqtt/hall, ", "", "topic is missing"),
        ("cert_file: /etc/ssl/bms.pem, ", "", "cert_file is missing"),
        ("topic: zigbee2mqtt/hall, ", "topic: zigbee2mqtt/a+b, ", "for any one level"),
        ("topic: zigbee2mqtt/hall, ", 'topic: "zigbee2mqtt/\\x84hall", ', "an MQTT topic"),
        ("topic: zigbee2mqtt/hall, ", f"topic: a{'/' * 201}, ", "an MQTT topic"),
        ("preset: zigbee2mqtt", "preset: tasmota", "one of plain, chirpstack"),
        ("zigbee2mqtt/hall, preset: zigbee2mqtt", "hall, preset: sparkplug", "GROUP/NODE"),
        ("reads_per_day: 4", "heartbeat: {table: coil, address: 1}", "nothing is ever written"),
        ("host: broker, topic", "host: broker, primary: 3, topic", "only M-Bus has it, not mqtt"),
    ],
)  # fmt: skip
def test_mistakes_are_named(right: str, wrong: str, mistake: str) -> None:
    assert right in SITE
    with pytest.raises(SiteFileError, match=mistake):
        load(SITE.replace(right, wrong, 1))
