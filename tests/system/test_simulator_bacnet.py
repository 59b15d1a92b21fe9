"""The simulated town hall, seen by a plain bacpypes3 client over a real socket."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bacpypes3.apdu import ErrorRejectAbortNack
from bacpypes3.app import Application
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import Address, IPv4Address
from bacpypes3.primitivedata import Null, ObjectIdentifier

from bms.errors import ConfigError
from drivers.simulator.config import SimulatorConfig, SiteConfig
from drivers.simulator.ports import probe_udp
from drivers.simulator.process import Simulation
from tests.fakes_physics import DAY, NIGHT, START, ToyMunicipality

pytestmark = pytest.mark.system
HOUR = 3600
NORTH = "analog-value,101"


class Client:
    """A building's visitor with a bounded patience."""

    def __init__(self, port: int) -> None:
        self._device = Address(f"127.0.0.1:{port}")
        self._app = Application.from_object_list(
            [
                DeviceObject(
                    objectIdentifier=("device", 4000000),
                    objectName="visitor",
                    vendorIdentifier=999,
                    apduTimeout=1000,
                    numberOfApduRetries=1,
                ),
                NetworkPortObject(
                    IPv4Address(f"127.0.0.1:{probe_udp(0)}"),
                    objectIdentifier=("network-port", 1),
                    objectName="np",
                    networkNumber=0,
                    networkNumberQuality="unknown",
                ),
            ]
        )

    async def read(self, target: str, prop: str = "present-value") -> Any:
        return await asyncio.wait_for(self._app.read_property(self._device, target, prop), 5)

    async def write(self, target: str, value: Any, priority: int | None = None) -> str | None:
        """The refusal in the device's words, None when it took the value."""
        try:
            answer = await asyncio.wait_for(
                self._app.write_property(
                    self._device, target, "present-value", value, priority=priority
                ),
                5,
            )
        except ErrorRejectAbortNack as error:
            return str(error)
        return None if answer is None else str(answer)

    async def slots(self, target: str) -> dict[int, float]:
        entries = await self.read(target, "priority-array")
        return {
            i: float(getattr(entry, entry._choice))
            for i, entry in enumerate(entries, start=1)
            if entry._choice != "null"
        }

    def changes(self, target: str) -> Any:
        return self._app.change_of_value(self._device, ObjectIdentifier(target), None, False, 60)

    def close(self) -> None:
        self._app.close()


@pytest.fixture
async def simulation() -> AsyncIterator[Simulation]:
    config = SimulatorConfig.model_validate(
        {
            "sites": [SiteConfig(id="townhall", archetype="townhall")],
            "weather": "none",
            "start": START,
        }
    )
    simulation = Simulation(config, ToyMunicipality(["townhall"]))
    yield simulation
    await simulation.close()


@pytest.fixture
async def client(simulation: Simulation) -> AsyncIterator[Client]:
    ports = await simulation.start()
    client = Client(ports["townhall"]["bacnet"])
    yield client
    client.close()
    await asyncio.sleep(0)


async def test_sensors_are_served_with_units(client: Client) -> None:
    assert float(await client.read("analog-input,101")) == pytest.approx(19.0)
    assert float(await client.read("analog-input,11")) == pytest.approx(1234.5)
    assert str(await client.read("analog-input,101", "units")) == "degrees-celsius"
    assert float(await client.read("analog-input,103")) == 620.0


async def test_served_values_are_of_the_new_time_after_a_step(
    client: Client, simulation: Simulation
) -> None:
    simulation.advance(6 * HOUR)
    assert float(await client.read(NORTH)) == DAY
    assert float(await client.read("analog-input,101")) > 20.5
    assert float(await client.read("analog-input,11")) == pytest.approx(1294.5)


async def test_a_command_at_13_acts_until_it_is_relinquished(
    client: Client, simulation: Simulation
) -> None:
    assert await client.write(NORTH, 23.0, priority=13) is None
    assert float(await client.read(NORTH)) == 23.0
    simulation.advance(2 * HOUR)
    assert float(await client.read("analog-input,101")) == pytest.approx(23.0, abs=0.2)
    assert await client.write(NORTH, Null(()), priority=13) is None
    assert await client.slots(NORTH) == {}
    assert float(await client.read(NORTH)) == NIGHT
    simulation.advance(4 * HOUR)
    assert float(await client.read(NORTH)) == DAY


async def test_nothing_expires_by_itself(client: Client, simulation: Simulation) -> None:
    await client.write(NORTH, 16.0, priority=13)
    simulation.advance(48 * HOUR)
    assert await client.slots(NORTH) == {13: 16.0}
    assert simulation.state()["townhall"]["held"] == ["north.setpoint"]


async def test_the_operator_at_8_beats_13(client: Client, simulation: Simulation) -> None:
    await client.write(NORTH, 17.0, priority=13)
    await client.write(NORTH, 22.0, priority=8)
    assert float(await client.read(NORTH)) == 22.0
    assert simulation.state()["townhall"]["slots"]["north.setpoint"] == {"8": 22.0, "13": 17.0}
    await client.write(NORTH, Null(()), priority=8)
    assert float(await client.read(NORTH)) == 17.0


async def test_ventilation_is_a_commandable_binary_value(
    client: Client, simulation: Simulation
) -> None:
    assert await client.write("binary-value,1", "active", priority=13) is None
    assert str(await client.read("binary-value,1")) == "active"
    simulation.advance(900)
    assert simulation.world.sensors("townhall")["ahu1.run"] == 1.0
    await client.write("binary-value,1", Null(()), priority=13)
    assert str(await client.read("binary-value,1")) == "inactive"
    simulation.advance(8 * HOUR)
    assert str(await client.read("binary-value,1")) == "active"


@pytest.mark.parametrize(
    ("target", "value", "says"),
    [
        ("analog-input,101", 25.0, "write-access-denied"),
        (NORTH, 95.0, "value-out-of-range"),
        (NORTH, math.nan, "value-out-of-range"),
        ("analog-value,999", 20.0, "unknown-object"),
    ],
)
async def test_wrong_writes_are_refused(
    client: Client, target: str, value: float, says: str
) -> None:
    assert says in str(await client.write(target, value, priority=13))
    assert await client.slots(NORTH) == {}


async def test_a_subscriber_hears_of_a_change(client: Client, simulation: Simulation) -> None:
    async with client.changes("analog-input,101") as changes:
        await asyncio.wait_for(changes.get_value(), 5)  # status flags and value as they are
        await asyncio.wait_for(changes.get_value(), 5)
        simulation.advance(7 * HOUR)
        seen = [await asyncio.wait_for(changes.get_value(), 5) for _ in range(2)]
    assert any(float(value) > 20.5 for name, value in seen if str(name) == "present-value")


async def test_a_port_in_use_is_named(simulation: Simulation) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as bacpypes3 itself does
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} is in use"):
            await simulation.sites["townhall"].start(port)
