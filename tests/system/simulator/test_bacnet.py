"""The simulated town hall, seen by a plain bacpypes3 visitor over a real socket."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator

import pytest
from bacpypes3.primitivedata import Null

from bms.errors import ConfigError
from drivers.simulator.config import SimulatorConfig, SiteConfig
from drivers.simulator.process import Simulation
from tests.rigs.fakes.physics import DAY, NIGHT, START, ToyMunicipality
from tests.rigs.fieldbus.bacnet_visitor import Visitor

HOUR = 3600
NORTH = "analog-value,101"


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
async def visitor(simulation: Simulation) -> AsyncIterator[Visitor]:
    ports = await simulation.start()
    visitor = Visitor(ports["townhall"]["bacnet"])
    yield visitor
    visitor.close()
    await asyncio.sleep(0)


async def test_sensors_are_served_with_units(visitor: Visitor) -> None:
    assert float(await visitor.read("analog-input,101")) == pytest.approx(19.0)
    assert float(await visitor.read("analog-input,11")) == pytest.approx(1234.5)
    assert str(await visitor.read("analog-input,101", "units")) == "degrees-celsius"
    assert float(await visitor.read("analog-input,103")) == 620.0


async def test_served_values_are_of_the_new_time_after_a_step(
    visitor: Visitor, simulation: Simulation
) -> None:
    simulation.advance(6 * HOUR)
    assert float(await visitor.read(NORTH)) == DAY
    assert float(await visitor.read("analog-input,101")) > 20.5
    assert float(await visitor.read("analog-input,11")) == pytest.approx(1294.5)


async def test_a_command_at_13_acts_until_it_is_relinquished(
    visitor: Visitor, simulation: Simulation
) -> None:
    assert await visitor.write(NORTH, 23.0, priority=13) is None
    assert float(await visitor.read(NORTH)) == 23.0
    simulation.advance(2 * HOUR)
    assert float(await visitor.read("analog-input,101")) == pytest.approx(23.0, abs=0.2)
    assert await visitor.write(NORTH, Null(()), priority=13) is None
    assert await visitor.slots(NORTH) == {}
    assert float(await visitor.read(NORTH)) == NIGHT
    simulation.advance(4 * HOUR)
    assert float(await visitor.read(NORTH)) == DAY


async def test_nothing_expires_by_itself(visitor: Visitor, simulation: Simulation) -> None:
    await visitor.write(NORTH, 16.0, priority=13)
    simulation.advance(48 * HOUR)
    assert await visitor.slots(NORTH) == {13: 16.0}
    assert simulation.state()["townhall"]["held"] == ["north.setpoint"]


async def test_the_operator_at_8_beats_13(visitor: Visitor, simulation: Simulation) -> None:
    await visitor.write(NORTH, 17.0, priority=13)
    await visitor.write(NORTH, 22.0, priority=8)
    assert float(await visitor.read(NORTH)) == 22.0
    assert simulation.state()["townhall"]["slots"]["north.setpoint"] == {"8": 22.0, "13": 17.0}
    await visitor.write(NORTH, Null(()), priority=8)
    assert float(await visitor.read(NORTH)) == 17.0


async def test_ventilation_is_a_commandable_binary_value(
    visitor: Visitor, simulation: Simulation
) -> None:
    assert await visitor.write("binary-value,1", "active", priority=13) is None
    assert str(await visitor.read("binary-value,1")) == "active"
    simulation.advance(900)
    assert simulation.world.sensors("townhall")["ahu1.run"] == 1.0
    await visitor.write("binary-value,1", Null(()), priority=13)
    assert str(await visitor.read("binary-value,1")) == "inactive"
    simulation.advance(8 * HOUR)
    assert str(await visitor.read("binary-value,1")) == "active"


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
    visitor: Visitor, target: str, value: float, says: str
) -> None:
    assert says in str(await visitor.write(target, value, priority=13))
    assert await visitor.slots(NORTH) == {}


@pytest.mark.parametrize("priority", [0, 17])
async def test_there_are_sixteen_slots(visitor: Visitor, priority: int) -> None:
    assert await visitor.write(NORTH, 20.0, priority=priority) is not None
    assert len(await visitor.read(NORTH, "priority-array")) == 16
    assert float(await visitor.read(NORTH)) == NIGHT


async def test_a_subscriber_hears_of_a_change(visitor: Visitor, simulation: Simulation) -> None:
    async with visitor.changes("analog-input,101") as changes:
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
