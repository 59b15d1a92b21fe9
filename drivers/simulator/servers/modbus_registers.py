"""Register maps of the simulated Modbus devices, and the words of their registers. Pure.

No code is shared with the Modbus driver, so that a mistake in either shows. Addresses are
zero-based, as in the protocol.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from bms.model.assets.address import DataType, Order, Table
from drivers.simulator.control_points import ConstantRegister, ControlPoint, RemoteSetpoint

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
    """Exception codes of the devices (Modbus Application Protocol V1.1b3, 7)."""

    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3


@dataclass(frozen=True, slots=True)
class RegisterValue:
    """A value in registers: ``signal = raw * scale``; ``fixed`` is a constant without a signal."""

    address: int
    type: DataType
    signal: str
    scale: float = 1.0
    tables: tuple[Table, ...] = (Table.INPUT,)
    word_order: Order = Order.BIG
    fixed: float | None = None

    @property
    def words(self) -> int:
        """Registers that the value occupies [1]."""
        return struct.calcsize(_FORMATS[self.type]) // 2

    def encode(self, value: float) -> list[int]:
        """The words of a value, clamped to the range of the type, as in real meters."""
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
class WritableRegister:
    """A holding register of one word that writes a control point, or its ``enable`` register."""

    cell: RegisterValue
    low: float
    high: float
    enable: bool = False


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """The readable values and the writable registers of one unit."""

    unit: int
    cells: tuple[RegisterValue, ...]
    writables: tuple[WritableRegister, ...] = ()


@dataclass(slots=True)
class RegisterImage:
    """The registers of one unit: sensors as of the last ``refresh``, writable ones as of now."""

    map: RegisterMap
    control_points: Mapping[str, ControlPoint]
    words: dict[tuple[Table, int], int] = field(default_factory=dict)
    on_write: Callable[[str, bool, float], bool] = lambda signal, enable, value: True
    """Told of every write that comes in: signal, whether it is the enable bit, value. Where it
    answers False the write is acknowledged and does nothing."""

    def __post_init__(self) -> None:
        self._show({})

    def refresh(self, sensors: Mapping[str, float]) -> None:
        """Update the registers to the sensors' values."""
        self._show(sensors)

    def _show(self, sensors: Mapping[str, float]) -> None:
        for cell in self.map.cells:
            value = sensors.get(cell.signal, 0.0) if cell.fixed is None else cell.fixed
            control_point = self.control_points.get(cell.signal)
            self._put(cell, value if control_point is None else control_point.effective)

    def _put(self, cell: RegisterValue, value: float) -> None:
        for i, word in enumerate(cell.encode(value)):
            for table in cell.tables:
                self.words[table, cell.address + i] = word

    def addresses(self, table: Table) -> list[int]:
        """Every address that exists in a table."""
        writables = [k.cell.address for k in self.map.writables] if table is Table.HOLDING else []
        return sorted({a for t, a in self.words if t is table} | set(writables))

    def read(self, table: Table, address: int, count: int) -> list[int] | ExceptionCode:
        """The words of ``count`` registers from an address on, or the exception code."""
        if table is Table.HOLDING:
            for writable in self.map.writables:
                self.words[table, writable.cell.address] = writable.cell.encode(
                    self._standing(writable)
                )[0]
        wanted = [self.words.get((table, address + i)) for i in range(count)]
        found = [word for word in wanted if word is not None]
        return found if len(found) == count else ExceptionCode.ILLEGAL_ADDRESS

    def _standing(self, writable: WritableRegister) -> float:
        control_point = self.control_points[writable.cell.signal]
        return control_point.held()["enable"] if writable.enable else control_point.effective

    def write(self, address: int, words: Sequence[int]) -> ExceptionCode | None:
        """Write holding registers: all of them, or none, and then return the exception code."""
        writables = {writable.cell.address: writable for writable in self.map.writables}
        targets = [writables.get(address + i) for i in range(len(words))]
        moves = [(k, k.cell.decode(w)) for k, w in zip(targets, words, strict=True) if k]
        if len(moves) < len(words):
            return ExceptionCode.ILLEGAL_ADDRESS
        if not all(writable.low <= value <= writable.high for writable, value in moves):
            return ExceptionCode.ILLEGAL_VALUE
        for writable, value in moves:
            if self.on_write(writable.cell.signal, writable.enable, value):
                self._move(writable, value)
        return None

    def _move(self, writable: WritableRegister, value: float) -> None:
        match self.control_points[writable.cell.signal]:
            case RemoteSetpoint() as remote if writable.enable:
                remote.enabled = bool(value)
            case RemoteSetpoint() as remote:
                remote.remote = value
            case ConstantRegister() as register:
                register.value = value
            case other:
                raise TypeError(f"{writable.cell.signal}: no register moves a {other.kind} lever")


def electricity_meter(unit: int, meter: str) -> RegisterMap:
    """A meter like the Carlo Gavazzi EM330/EM340: int32, low word first, both tables alike."""
    both = (Table.HOLDING, Table.INPUT)

    def cell(address: int, signal: str, scale: float, fixed: float | None = None) -> RegisterValue:
        return RegisterValue(address, DataType.INT32, signal, scale, both, Order.LITTLE, fixed)

    volts = tuple(cell(a, "", 0.1, 230.0) for a in (0x00, 0x02, 0x04))
    return RegisterMap(
        unit,
        (
            *volts,
            cell(0x28, f"{meter}.power", 1e-4),
            RegisterValue(0x33, DataType.INT16, "", 0.1, both, fixed=50.0),
            cell(0x34, f"{meter}.energy", 0.1),
            cell(0x4E, "", 0.1, 0.0),
        ),
    )


def heat_meter(unit: int, meter: str = "heat") -> RegisterMap:
    """A heat meter: energy [0.1 kWh] and volume [0.01 m3] as uint32, power [kW] as float32."""
    return RegisterMap(
        unit,
        (
            RegisterValue(0, DataType.UINT32, f"{meter}.energy", 0.1),
            RegisterValue(2, DataType.UINT32, f"{meter}.volume", 0.01),
            RegisterValue(4, DataType.FLOAT32, f"{meter}.power"),
        ),
    )


def heat_pump(unit: int) -> RegisterMap:
    """The heat pump's controller: temperatures [0.1 degC], power [0.1 kW], curve shift [K]."""
    return RegisterMap(
        unit,
        (
            RegisterValue(0, DataType.INT16, "plant.supply_temp", 0.1),
            RegisterValue(1, DataType.INT16, "plant.return_temp", 0.1),
            RegisterValue(2, DataType.INT16, "outdoor.temp", 0.1),
            RegisterValue(3, DataType.UINT16, "hp.power", 0.1),
        ),
        (_writable(10, "plant.curve_shift", "curve_shift"),),
    )


def hall_controller(unit: int, zones: Sequence[str], serial: str = "0001") -> RegisterMap:
    """The controller of the sports hall: input registers with a block of ten for each zone.

    Zone ``k`` (from 1): ``10k`` temperature, ``10k+1`` valve, ``10k+2`` CO2, ``10k+3`` effective
    setpoint; holding ``99+k`` setpoint (reads the effective, writes the remote value) and
    ``149+k`` its enable. Input 30 and 31 are the four characters of its serial number. Holding 120
    runs the ventilation, 121 is its flow [%] and 122 the setpoint of its supply air [0.1 degC].
    """
    cells = [
        RegisterValue(0, DataType.INT16, "outdoor.temp", 0.1),
        RegisterValue(1, DataType.INT16, "plant.supply_temp", 0.1),
        RegisterValue(2, DataType.INT16, "plant.return_temp", 0.1),
        RegisterValue(3, DataType.INT16, "ahu1.supply_air_temp", 0.1),
        *(
            RegisterValue(30 + i, DataType.UINT16, "", fixed=float(word))
            for i, word in enumerate(struct.unpack(">2H", serial.encode("ascii")))
        ),
    ]
    writables = [
        _writable(120, "ahu1.run", "run", DataType.UINT16),
        _writable(121, "ahu1.flow", "flow", DataType.UINT16),
        _writable(122, "ahu1.supply_air_setpoint", "supply_air", scale=0.1),
        _writable(130, "plant.curve_shift", "curve_shift"),
    ]
    for k, zone in enumerate(zones, start=1):
        cells += [
            RegisterValue(10 * k, DataType.INT16, f"{zone}.temp", 0.1),
            RegisterValue(10 * k + 1, DataType.UINT16, f"{zone}.valve"),
            RegisterValue(10 * k + 2, DataType.UINT16, f"{zone}.co2"),
            RegisterValue(10 * k + 3, DataType.INT16, f"{zone}.setpoint", 0.1),
        ]
        enable = RegisterValue(
            149 + k, DataType.UINT16, f"{zone}.setpoint", tables=(Table.HOLDING,)
        )
        writables += [
            _writable(99 + k, f"{zone}.setpoint", "setpoint", scale=0.1),
            WritableRegister(enable, 0.0, 1.0, enable=True),
        ]
    return RegisterMap(unit, tuple(cells), tuple(writables))


def _writable(
    address: int, signal: str, limits: str, kind: DataType = DataType.INT16, scale: float = 1.0
) -> WritableRegister:
    low, high = LIMITS[limits]
    return WritableRegister(
        RegisterValue(address, kind, signal, scale, (Table.HOLDING,)), low, high
    )
