"""Register maps of the simulated Modbus devices, and their words. Pure, without sockets.

It shares no code with the Modbus driver: a mistake in either shows against the other.
Addresses are zero-based, as on the wire.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from bms.model.assets.address import DataType, Order, Table
from drivers.simulator.control_points import Lever, PlainRegister, RemoteSetpoint

_FORMATS = {
    DataType.INT16: "h",
    DataType.UINT16: "H",
    DataType.INT32: "i",
    DataType.UINT32: "I",
    DataType.FLOAT32: "f",
}
LIMITS = {
    "setpoint": (8.0, 28.0),
    "run": (0.0, 1.0),
    "curve_shift": (-10.0, 10.0),
    "flow": (10.0, 100.0),
    "supply_air": (10.0, 30.0),
}


class ExceptionCode(IntEnum):
    """The exception codes that the devices answer (Modbus Application Protocol V1.1b3, 7)."""

    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in registers: ``signal = raw * scale``; ``fixed`` stands where no signal does."""

    address: int
    type: DataType
    signal: str
    scale: float = 1.0
    tables: tuple[Table, ...] = (Table.INPUT,)
    word_order: Order = Order.BIG
    fixed: float | None = None

    @property
    def words(self) -> int:
        return struct.calcsize(_FORMATS[self.type]) // 2

    def encode(self, value: float) -> list[int]:
        """Words of a value, at the end of the range where it does not fit, as real meters do."""
        letter = _FORMATS[self.type]
        raw = value / self.scale if letter == "f" else self._fitting(round(value / self.scale))
        words = list(struct.unpack(f">{self.words}H", struct.pack(">" + letter, raw)))
        return words if self.word_order is Order.BIG else words[::-1]

    def _fitting(self, raw: int) -> int:
        span = 1 << (16 * self.words)
        low = 0 if _FORMATS[self.type].isupper() else -span // 2
        return min(max(raw, low), low + span - 1)

    def decode(self, word: int) -> float:
        """The value of a register of one word."""
        raw: int = struct.unpack(">" + _FORMATS[self.type], struct.pack(">H", word))[0]
        return raw * self.scale


@dataclass(frozen=True, slots=True)
class Knob:
    """A holding register of one word that moves a lever; ``enable`` marks the enable register."""

    cell: Cell
    low: float
    high: float
    enable: bool = False


@dataclass(frozen=True, slots=True)
class UnitMap:
    """What one unit shows (cells) and what can be written (knobs)."""

    unit: int
    cells: tuple[Cell, ...]
    knobs: tuple[Knob, ...] = ()


@dataclass(slots=True)
class RegisterImage:
    """The registers of one unit. Sensor words are as of the last ``refresh``; knobs are live."""

    map: UnitMap
    levers: Mapping[str, Lever]
    words: dict[tuple[Table, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._show({})

    def refresh(self, sensors: Mapping[str, float]) -> None:
        """Show the sensors' values."""
        self._show(sensors)

    def _show(self, sensors: Mapping[str, float]) -> None:
        for cell in self.map.cells:
            value = sensors.get(cell.signal, 0.0) if cell.fixed is None else cell.fixed
            lever = self.levers.get(cell.signal)
            self._put(cell, value if lever is None else lever.effective)

    def _put(self, cell: Cell, value: float) -> None:
        for i, word in enumerate(cell.encode(value)):
            for table in cell.tables:
                self.words[table, cell.address + i] = word

    def addresses(self, table: Table) -> list[int]:
        """Every address that exists in a table."""
        knobs = [k.cell.address for k in self.map.knobs] if table is Table.HOLDING else []
        return sorted({a for t, a in self.words if t is table} | set(knobs))

    def read(self, table: Table, address: int, count: int) -> list[int] | ExceptionCode:
        if table is Table.HOLDING:
            for knob in self.map.knobs:
                self.words[table, knob.cell.address] = knob.cell.encode(self._standing(knob))[0]
        wanted = [self.words.get((table, address + i)) for i in range(count)]
        found = [word for word in wanted if word is not None]
        return found if len(found) == count else ExceptionCode.ILLEGAL_ADDRESS

    def _standing(self, knob: Knob) -> float:
        lever = self.levers[knob.cell.signal]
        return lever.holds()["enable"] if knob.enable else lever.effective

    def write(self, address: int, words: Sequence[int]) -> ExceptionCode | None:
        """Write holding registers: all of them, or none with the reason."""
        knobs = {knob.cell.address: knob for knob in self.map.knobs}
        targets = [knobs.get(address + i) for i in range(len(words))]
        moves = [(k, k.cell.decode(w)) for k, w in zip(targets, words, strict=True) if k]
        if len(moves) < len(words):
            return ExceptionCode.ILLEGAL_ADDRESS
        if not all(knob.low <= value <= knob.high for knob, value in moves):
            return ExceptionCode.ILLEGAL_VALUE
        for knob, value in moves:
            self._move(knob, value)
        return None

    def _move(self, knob: Knob, value: float) -> None:
        match self.levers[knob.cell.signal]:
            case RemoteSetpoint() as remote if knob.enable:
                remote.enabled = bool(value)
            case RemoteSetpoint() as remote:
                remote.remote = value
            case PlainRegister() as register:
                register.value = value
            case other:
                raise TypeError(f"{knob.cell.signal}: no register moves a {other.kind} lever")


def electricity_meter(unit: int, meter: str) -> UnitMap:
    """A meter like the Carlo Gavazzi EM330/EM340: int32, low word first, both tables alike."""
    both = (Table.HOLDING, Table.INPUT)

    def cell(address: int, signal: str, scale: float, fixed: float | None = None) -> Cell:
        return Cell(address, DataType.INT32, signal, scale, both, Order.LITTLE, fixed)

    volts = tuple(cell(a, "", 0.1, 230.0) for a in (0x00, 0x02, 0x04))
    return UnitMap(
        unit,
        (
            *volts,
            cell(0x28, f"{meter}.power", 1e-4),
            Cell(0x33, DataType.INT16, "", 0.1, both, fixed=50.0),
            cell(0x34, f"{meter}.energy", 0.1),
            cell(0x4E, "", 0.1, 0.0),
        ),
    )


def heat_meter(unit: int, meter: str = "heat") -> UnitMap:
    """A heat meter: energy [0.1 kWh] and volume [0.01 m3] as uint32, power [kW] as float32."""
    return UnitMap(
        unit,
        (
            Cell(0, DataType.UINT32, f"{meter}.energy", 0.1),
            Cell(2, DataType.UINT32, f"{meter}.volume", 0.01),
            Cell(4, DataType.FLOAT32, f"{meter}.power"),
        ),
    )


def heat_pump(unit: int) -> UnitMap:
    """The heat pump's controller: temperatures [0.1 degC], power [0.1 kW], curve shift [K]."""
    return UnitMap(
        unit,
        (
            Cell(0, DataType.INT16, "plant.supply_temp", 0.1),
            Cell(1, DataType.INT16, "plant.return_temp", 0.1),
            Cell(2, DataType.INT16, "outdoor.temp", 0.1),
            Cell(3, DataType.UINT16, "hp.power", 0.1),
        ),
        (_knob(10, "plant.curve_shift", "curve_shift"),),
    )


def hall_controller(unit: int, zones: Sequence[str]) -> UnitMap:
    """The controller of the sports hall: input registers with a block of ten for each zone.

    Zone ``k`` (from 1): ``10k`` temperature, ``10k+1`` valve, ``10k+2`` CO2, ``10k+3`` effective
    setpoint; holding ``99+k`` setpoint (reads the effective, writes the remote value) and
    ``149+k`` its enable. Holding 120 runs the ventilation, 121 is its flow [%] and 122 the setpoint
    of its supply air [0.1 degC].
    """
    cells = [
        Cell(0, DataType.INT16, "outdoor.temp", 0.1),
        Cell(1, DataType.INT16, "plant.supply_temp", 0.1),
        Cell(2, DataType.INT16, "plant.return_temp", 0.1),
        Cell(3, DataType.INT16, "ahu1.supply_air_temp", 0.1),
    ]
    knobs = [
        _knob(120, "ahu1.run", "run", DataType.UINT16),
        _knob(121, "ahu1.flow", "flow", DataType.UINT16),
        _knob(122, "ahu1.supply_air_setpoint", "supply_air", scale=0.1),
        _knob(130, "plant.curve_shift", "curve_shift"),
    ]
    for k, zone in enumerate(zones, start=1):
        cells += [
            Cell(10 * k, DataType.INT16, f"{zone}.temp", 0.1),
            Cell(10 * k + 1, DataType.UINT16, f"{zone}.valve"),
            Cell(10 * k + 2, DataType.UINT16, f"{zone}.co2"),
            Cell(10 * k + 3, DataType.INT16, f"{zone}.setpoint", 0.1),
        ]
        enable = Cell(149 + k, DataType.UINT16, f"{zone}.setpoint", tables=(Table.HOLDING,))
        knobs += [
            _knob(99 + k, f"{zone}.setpoint", "setpoint", scale=0.1),
            Knob(enable, 0.0, 1.0, enable=True),
        ]
    return UnitMap(unit, tuple(cells), tuple(knobs))


def _knob(
    address: int, signal: str, limits: str, kind: DataType = DataType.INT16, scale: float = 1.0
) -> Knob:
    low, high = LIMITS[limits]
    return Knob(Cell(address, kind, signal, scale, (Table.HOLDING,)), low, high)
