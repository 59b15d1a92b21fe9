"""Which topics a device publishes to, by its preset. Pure.

ChirpStack v4 (integrations, MQTT): ``application/ID/device/EUI/event/up`` with the decoded values
under ``object`` and the moment under ``time``. Zigbee2MQTT: ``zigbee2mqtt/NAME``, its moment under
``last_seen`` where that is switched on, and ``NAME/availability``. Sparkplug B (3.0, 6.2):
``spBv1.0/GROUP/TYPE/NODE[/DEVICE]``, of which the site file has ``GROUP/NODE[/DEVICE]``.
"""

from __future__ import annotations

from dataclasses import dataclass

from bms.model.assets.address import MqttAddress
from bms.model.assets.device import Device, MqttPreset

_SPARKPLUG = "spBv1.0"
_BIRTHS, _DEATHS, _DATA = ("NBIRTH", "DBIRTH"), ("NDEATH", "DDEATH"), ("NDATA", "DDATA")


@dataclass(frozen=True, slots=True)
class ValuePlace:
    """A topic, and the paths of value and moment in its payload."""

    topic: str
    path: str
    time: str | None


def place_of_value(device: Device, address: MqttAddress) -> ValuePlace:
    """Where the value of a point comes."""
    base = device.topic or ""
    match device.preset:
        case MqttPreset.CHIRPSTACK:
            usual = ValuePlace(f"{base}/event/up", f"object.{address.path}", "time")
        case MqttPreset.ZIGBEE2MQTT:
            usual = ValuePlace(base, address.path, "last_seen")
        case _:
            usual = ValuePlace(base, address.path, None)
    if address.topic is not None:
        return ValuePlace(address.topic, address.path, address.time)
    return ValuePlace(usual.topic, usual.path, address.time or usual.time)


def status_topic(device: Device) -> str | None:
    """Where it is said whether the device is there; None where nothing says so."""
    if device.mqtt.status_topic is not None:
        return device.mqtt.status_topic
    zigbee = device.preset is MqttPreset.ZIGBEE2MQTT
    return f"{device.topic}/availability" if zigbee else None


def sparkplug_topics(device: Device) -> tuple[str, ...]:
    """Births, data and deaths of a node, and of a device of it where the topic names one."""
    group, node, *rest = (device.topic or "").split("/")
    kinds = (*_BIRTHS, *_DATA, *_DEATHS)
    of_node = tuple(f"{_SPARKPLUG}/{group}/{kind}/{node}" for kind in kinds if kind[0] == "N")
    if not rest:
        return of_node
    below = "/".join((node, *rest))
    of_device = tuple(f"{_SPARKPLUG}/{group}/{kind}/{below}" for kind in kinds if kind[0] == "D")
    return (
        *of_device,
        f"{_SPARKPLUG}/{group}/NDEATH/{node}",
        f"{_SPARKPLUG}/{group}/NBIRTH/{node}",
    )


def kind_of(topic: str) -> str:
    """What a Sparkplug message is: ``NBIRTH``, ``DDATA`` …"""
    return topic.split("/")[2]


def below_node(device: Device) -> bool:
    """Whether the topic of a Sparkplug device names a device below its node."""
    return (device.topic or "").count("/") > 1
