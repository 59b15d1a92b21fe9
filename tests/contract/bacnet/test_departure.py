"""Tries of a write end with its lease (W11)."""

from __future__ import annotations

import asyncio

from bms.model.assets.address import BacnetAddress
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Failed
from bms.ports.departure import leaving_while
from tests.rigs.fieldbus.bacnet_responder import TinyDevice, real
from tests.rigs.fieldbus.bacnet_session import driving
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import point, rule

SETPOINT = point(
    "setpoint",
    BacnetAddress(object_type="analog-value", instance=1),
    rule(Release(kind=ReleaseKind.NULL)),
)


class Unheard(TinyDevice):
    """Writes arrive, and no answer comes back; ``told`` is called with each of them."""

    arrived = 0

    def told(self) -> None:
        """Nothing, until a test says otherwise."""

    def write(self, invoke: int, payload: bytes) -> bytes | None:
        self.arrived += 1
        super().write(invoke, payload)
        self.told()
        return None


async def test_w11_tries_do_not_go_on_past_the_end() -> None:
    device, ended = Unheard(), asyncio.Event()
    device.properties[2, 1, 85] = real(19.0)
    device.properties[2, 1, 87] = [b"\x00"] * 16
    device.told = ended.set  # type: ignore[method-assign]
    async with driving(device) as driver:
        with leaving_while(lambda: not ended.is_set()):
            receipt = await driver.write(SETPOINT, command(SETPOINT, 20.5))
        assert isinstance(receipt, Failed)
        assert device.arrived == 1
        receipt = await driver.write(SETPOINT, command(SETPOINT, 20.5))
        assert device.arrived == 3  # without an end it is sent once more
