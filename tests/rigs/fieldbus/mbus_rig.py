"""A gateway with one M-Bus meter for the contract of drivers, and lines that spoil answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from bms.model.assets.address import MbusAddress, MbusQuantity
from bms.model.assets.device import Device
from bms.model.assets.write_rule import Release, ReleaseKind
from drivers.simulator.servers import mbus_telegrams as made
from drivers.simulator.servers.mbus import LineMeter, MeterLine
from tests.rigs.fieldbus.driver_rigs import OWN, SENSORS, free_port, point, rule

Q = MbusQuantity
METER = made.MeterIdentity("12345678", "KAM", 27, 4)
Spoil = Callable[[bytes, bytes], bytes | None]
"""What becomes of an answer, given the request and the answer; None: nothing is sent."""


def record(quantity: MbusQuantity, **rest: Any) -> MbusAddress:
    return MbusAddress(quantity=quantity, **rest)


class SpoiltLine(MeterLine):
    """A line that spoils the next answers, one after the other."""

    def __init__(self, meters: Sequence[LineMeter], **rest: Any) -> None:
        super().__init__(meters, **rest)
        self.spoil: list[Spoil] = []
        self.heard: list[bytes] = []

    def _answer(self, frame: bytes) -> tuple[bytes, float]:
        self.heard.append(frame)
        answer, delay_s = super()._answer(frame)
        if self.spoil and answer:
            return self.spoil.pop(0)(frame, answer) or b"", delay_s
        return answer, delay_s


class MbusRig:
    """A meter with three temperatures, and a fourth that somebody takes for a setpoint."""

    commands = False

    def __init__(self) -> None:
        self.device = Device(
            id="site/controller",
            site="site",
            protocol="mbus",
            host="127.0.0.1",
            port=free_port(),
            primary=5,
            timeout_s=0.5,
        )
        kinds = (Q.SUPPLY_TEMP, Q.RETURN_TEMP, Q.EXTERNAL_TEMP)
        self.sensors = [point(f"temp{i}", record(kind)) for i, kind in enumerate(kinds)]
        self.refused = point("refused", record(Q.SUPPLY_TEMP, storage=9))
        back = rule(Release(kind=ReleaseKind.CONSTANT, value=OWN))
        self.setpoint = point("setpoint", record(Q.EXTERNAL_TEMP, subunit=1), back)
        self.line: SpoiltLine | None = None

    async def start(self) -> None:
        vifs = (b"\x5a", b"\x5e", b"\x66")
        records = [
            made.integer(vif, round(value * 10), 2)
            for vif, value in zip(vifs, SENSORS, strict=True)
        ]
        records.append(made.integer(b"\x66", round(OWN * 10), 2, subunit=1))
        self.line = a_line({5: records})
        await self.line.start(self.device.port)

    async def stop(self) -> None:
        if self.line is not None:
            await self.line.close()
            self.line = None

    async def take(self, value: float) -> None:
        raise AssertionError("nobody takes a meter")

    def held(self) -> bool:
        return False

    def effective(self) -> float:
        return OWN


def a_line(
    meters: dict[int, list[bytes]],
    *,
    status: int = 0,
    line: type[SpoiltLine] = SpoiltLine,
    **rest: Any,
) -> SpoiltLine:
    """A line of meters by primary address, each with its records; numbers count from METER's."""
    found = []
    for place, (primary, records) in enumerate(meters.items()):
        who = dataclasses.replace(METER, number=f"{int(METER.number) + place}")
        parts = made.telegrams(who, records, status=status)
        found.append(LineMeter(primary, who.secondary, lambda parts=parts: parts))  # type: ignore[misc]
    return line(found, **rest)
