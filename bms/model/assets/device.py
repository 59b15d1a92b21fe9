"""Devices and the lines that they are reached by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bms.model.assets.address import NetworkAddress, Table, TextAddress
from bms.model.readings.units import Unit

LAST_MODBUS_UNIT = 247
"""The highest number of a unit on a line (Modbus over serial line V1.02, 2.2)."""


class Framing(StrEnum):
    """How Modbus frames travel."""

    TCP = "tcp"
    RTU_OVER_TCP = "rtu_over_tcp"
    RTU = "rtu"


class Parity(StrEnum):
    """Parity of a serial line."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLine:
    """A serial port with 8 data bits; ``baud`` in bits per second [1/s]."""

    path: str
    baud: int = 9600
    parity: Parity = Parity.EVEN
    stop_bits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableRange:
    """Addresses of a table, both ends included, that can be read without a refusal."""

    table: Table
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusTraits:
    """What a device model asks of whoever polls it.

    ``max_registers`` is the largest count of one read, ``ranges`` what can be read in one go
    (where a table has ranges, reads do not leave them for registers that nobody asked for),
    ``max_gap`` how many such registers a read may span elsewhere, ``pause_s`` [s] the rest that the
    unit needs between two requests. ``close_after_s`` [s] is how long a connection that nobody uses
    stays open, for devices that serve one client only; without it, it stays.
    """

    max_registers: int = 125
    ranges: tuple[ReadableRange, ...] = ()
    max_gap: int = 64
    pause_s: float = 0.0
    close_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePoint:
    """One value of a device model, as its template in ``drivers/devices`` declares it.

    ``unverified`` marks a register whose source is second-hand or contradicted.
    """

    name: str
    unit: Unit
    address: NetworkAddress
    low: float | None = None
    high: float | None = None
    unverified: bool = False
    writes_per_day: int | None = None
    writes_lifetime: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTemplate(Mapping[str, TemplatePoint]):
    """A device model: its points and texts by name, how to poll it, and its source."""

    model: str
    maker: str
    source: str
    tested_on_hardware: bool
    notes: str
    points: Mapping[str, TemplatePoint]
    texts: Mapping[str, TextAddress]
    traits: ModbusTraits = ModbusTraits()

    def __getitem__(self, name: str) -> TemplatePoint:
        return self.points[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a device says it is; None is not known.

    BACnet: vendor name, model name, object name and serial number of its Device object. Modbus:
    its identification (function 43/14), SunSpec common block or the texts of its template. M-Bus:
    maker's letters, version and medium, and identification number of the header of its answers.
    """

    vendor: str | None = None
    model: str | None = None
    name: str | None = None
    serial: str | None = None

    @property
    def known(self) -> dict[str, str]:
        """The fields that are known, by name."""
        fields = {"vendor": self.vendor, "model": self.model}
        fields |= {"name": self.name, "serial": self.serial}
        return {name: text for name, text in fields.items() if text}

    def __str__(self) -> str:
        return " · ".join(self.known.values())


class MqttPreset(StrEnum):
    """Whose topics and payloads a device on an MQTT broker has."""

    PLAIN = "plain"
    CHIRPSTACK = "chirpstack"
    ZIGBEE2MQTT = "zigbee2mqtt"
    SPARKPLUG = "sparkplug"


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttAccess:
    """How a broker is reached. Secrets stand in files, of which this names the paths.

    ``cert_file`` and ``key_file`` are ours, for a broker that asks who we are.
    ``client_id``: the broker keeps messages of quality 1 for this name while we are away.
    ``status_topic`` says ``offline`` by last will, where the preset has none of its own.
    """

    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    tls: bool = False
    client_id: str | None = None
    status_topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bbmd:
    """The broadcast management device to register at as a foreign device, for ``ttl_s`` [s] each
    time (ANSI/ASHRAE 135, annex J.5)."""

    host: str
    port: int = 47808
    ttl_s: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A controller, meter or gateway on the network. ``id`` is ``site/device``.

    Modbus only: ``framing`` and, for a serial line, ``serial`` in place of host and port;
    ``traits`` as the model asks; ``line_pause_s`` [s] is the rest that the whole line or gateway
    needs between two requests; ``any_transaction``: the gateway answers with transaction numbers of
    its own, so that replies are told apart as on a serial line.
    ``heartbeat`` is a register or object that is toggled between 0 and 1 (a multi-state object
    between 1 and 2) once in each round of writes, as long as something is held at the device, so
    that its program notices when we are gone.
    BACnet only: ``max_outstanding`` is how many requests it takes at once where that is known [1];
    ``set_clock`` allows us to set its clock; ``network`` and ``mac`` (hexadecimal) are
    its place behind the router at ``host``; with ``bbmd`` it is asked as a foreign device of that
    network, and found by its instance there where ``host`` is empty.
    ``shared``: other sites name it as well.
    ``fingerprint``: what the device has to say it is, as far as a person accepted it; ``texts``:
    where its model says so (``drivers/devices``), for Modbus devices without identification.
    ``fetches``: it fetches its setpoint schedule and applies it itself; we write nothing to it.
    M-Bus only: ``primary`` or ``secondary`` (8 or 16 hexadecimal digits, F for any) is its address
    on the line. MQTT only: ``topic`` and ``preset`` say where its messages are, ``mqtt`` how the
    broker is reached. ``reads_per_day`` (M-Bus) is how often it is asked in a day at most [1], for
    meters that live on a battery.
    """

    id: str
    site: str
    protocol: str
    host: str
    port: int
    unit: int = 1
    instance: int | None = None
    timeout_s: float = 2.0
    template: str | None = None
    framing: Framing = Framing.TCP
    serial: SerialLine | None = None
    traits: ModbusTraits = ModbusTraits()
    line_pause_s: float = 0.0
    any_transaction: bool = False
    heartbeat: NetworkAddress | None = None
    max_outstanding: int | None = None
    set_clock: bool = False
    shared: bool = False
    fetches: bool = False
    network: int | None = None
    mac: str | None = None
    fingerprint: Fingerprint | None = None
    texts: tuple[tuple[str, TextAddress], ...] = ()
    primary: int | None = None
    secondary: str | None = None
    reads_per_day: int | None = None
    topic: str | None = None
    preset: MqttPreset = MqttPreset.PLAIN
    mqtt: MqttAccess = MqttAccess()
    bbmd: Bbmd | None = None

    def same_place(self, other: Device) -> bool:
        """Whether both are asked at one place by one number, whatever fingerprint they bear."""
        names = ("id", "protocol", "host", "port", "serial", "framing")
        numbers = ("unit", "instance", "network", "mac", "primary", "secondary", "topic")
        return all(getattr(self, n) == getattr(other, n) for n in (*names, *numbers))
