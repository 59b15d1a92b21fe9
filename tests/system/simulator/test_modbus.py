"""The simulated sports hall and school, seen by a plain pymodbus client over a real socket."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from bms.errors import ConfigError
from drivers.simulator.config import SimulatorConfig, SiteConfig
from drivers.simulator.process import Simulation
from tests.rigs.fakes.physics import DAY, NIGHT, START, ToyMunicipality

HOUR = 3600
HALL_SETPOINT, HALL_ENABLE, RUN, SHIFT = 100, 150, 120, 130


class Client:
    """Reads and writes words; a refusal is its exception code."""

    def __init__(self, port: int) -> None:
        self.tcp = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5, retries=0)

    async def inputs(self, address: int, count: int = 1, unit: int = 1) -> list[int] | int:
        return _words(await self.tcp.read_input_registers(address, count=count, device_id=unit))

    async def holding(self, address: int, count: int = 1, unit: int = 1) -> list[int] | int:
        return _words(await self.tcp.read_holding_registers(address, count=count, device_id=unit))

    async def put(self, address: int, *words: int, unit: int = 1) -> int | None:
        if len(words) == 1:
            answer = await self.tcp.write_register(address, words[0], device_id=unit)
        else:
            answer = await self.tcp.write_registers(address, list(words), device_id=unit)
        return answer.exception_code if answer.isError() else None


def _words(answer: Any) -> list[int] | int:
    return answer.exception_code if answer.isError() else answer.registers


@pytest.fixture
async def simulation() -> AsyncIterator[Simulation]:
    sites = [SiteConfig(id=name, archetype=name) for name in ("sportshall", "school")]
    config = SimulatorConfig.model_validate({"sites": sites, "weather": "none", "start": START})
    simulation = Simulation(config, ToyMunicipality(["sportshall", "school"]))
    yield simulation
    await simulation.close()


@pytest.fixture
async def ports(simulation: Simulation) -> dict[str, dict[str, int]]:
    return await simulation.start()


@pytest.fixture
async def hall(ports: dict[str, dict[str, int]]) -> AsyncIterator[Client]:
    client = Client(ports["sportshall"]["modbus"])
    await client.tcp.connect()
    yield client
    client.tcp.close()


@pytest.fixture
async def school(ports: dict[str, dict[str, int]]) -> AsyncIterator[Client]:
    client = Client(ports["school"]["modbus"])
    await client.tcp.connect()
    yield client
    client.tcp.close()


async def test_controller_serves_scaled_words(hall: Client) -> None:
    assert await hall.inputs(0, 4) == [42, 42, 42, 42]
    assert await hall.inputs(10, 4) == [190, 50, 620, 190]


async def test_meters_serve_their_own_word_orders(hall: Client, school: Client) -> None:
    assert await hall.inputs(0, 2, unit=3) == [0, 12345]  # 1234.5 kWh, high word first
    assert await hall.inputs(0x28, 2, unit=2) == [100_000 & 0xFFFF, 100_000 >> 16]  # 10 kW
    assert await hall.holding(0x28, 2, unit=2) == await hall.inputs(0x28, 2, unit=2)
    assert await school.inputs(0x34, 2, unit=4) == [7777, 0]
    assert await school.inputs(4, 2, unit=2) == [0x4120, 0]  # 10.0 kW as float32
    assert await school.inputs(3, 1, unit=3) == [123]


async def test_the_remote_setpoint_acts_while_it_is_enabled(
    hall: Client, simulation: Simulation
) -> None:
    assert await hall.put(HALL_SETPOINT, 225) is None
    assert await hall.holding(HALL_SETPOINT) == [190]  # the own programme still acts
    assert await hall.put(HALL_ENABLE, 1) is None
    assert await hall.holding(HALL_SETPOINT) == [225]
    simulation.advance(2 * HOUR)
    assert await hall.inputs(10, 4) == [225, 50, 620, 225]
    assert await hall.put(HALL_ENABLE, 0) is None
    assert await hall.holding(HALL_SETPOINT) == [190]
    simulation.advance(4 * HOUR)
    assert await hall.holding(HALL_SETPOINT) == [int(DAY * 10)]
    assert simulation.world.sensors("sportshall")["hall.setpoint"] == DAY


async def test_each_zone_has_its_own_enable(hall: Client) -> None:
    await hall.put(HALL_SETPOINT, 180, 240)
    await hall.put(HALL_ENABLE + 1, 1)
    assert await hall.holding(HALL_SETPOINT, 2) == [190, 240]
    assert await hall.holding(HALL_ENABLE, 2) == [0, 1]


async def test_the_timetable_overwrites_its_register_at_switching_moments_only(
    hall: Client, simulation: Simulation
) -> None:
    simulation.advance(8 * HOUR)
    assert await hall.holding(RUN) == [1]
    await hall.put(RUN, 0)
    simulation.advance(9 * HOUR)  # 17:00, no switching in between
    assert await hall.holding(RUN) == [0]
    assert simulation.world.sensors("sportshall")["ahu1.run"] == 0.0
    await hall.put(RUN, 1)
    simulation.advance(45 * 60)
    assert await hall.holding(RUN) == [1]
    simulation.advance(30 * 60)  # past 18:00
    assert await hall.holding(RUN) == [0]
    await hall.put(RUN, 1)  # stands through the night
    simulation.advance(11 * HOUR)
    assert await hall.holding(RUN) == [1]
    assert simulation.state()["sportshall"]["held"] == ["ahu1.run"]


async def test_the_curve_shift_stays_what_was_written(
    school: Client, simulation: Simulation
) -> None:
    assert await school.put(10, 0xFFFD, unit=3) is None  # -3 K
    simulation.advance(24 * HOUR)
    assert await school.holding(10, unit=3) == [0xFFFD]
    assert simulation.world.sensors("school")["plant.curve_shift"] == -3.0
    await school.put(10, 0, unit=3)
    assert simulation.state()["school"]["held"] == []


@pytest.mark.parametrize(("address", "count"), [(9, 1), (0, 5), (500, 1), (65535, 1), (12, 10)])
async def test_illegal_addresses_answer_exception_2(hall: Client, address: int, count: int) -> None:
    assert await hall.inputs(address, count) == 2
    assert await hall.inputs(0, 4) == [42, 42, 42, 42]


async def test_coils_do_not_exist(hall: Client) -> None:
    assert _words(await hall.tcp.read_coils(0, count=1, device_id=1)) == 2
    assert _words(await hall.tcp.write_coil(0, True, device_id=1)) == 2


@pytest.mark.parametrize(
    ("address", "words", "code"),
    [
        (HALL_SETPOINT, [281], 3),
        (HALL_SETPOINT, [0xFFFF], 3),
        (HALL_ENABLE, [2], 3),
        (RUN, [7], 3),
        (HALL_SETPOINT, [200, 999], 3),
        (HALL_SETPOINT + 1, [200, 200], 2),
        (0, [1], 2),
    ],
)
async def test_wrong_writes_change_nothing(
    hall: Client, simulation: Simulation, address: int, words: list[int], code: int
) -> None:
    before = simulation.state()
    assert await hall.put(address, *words) == code
    assert simulation.state() == before
    await hall.put(HALL_ENABLE, 1)
    assert await hall.holding(HALL_SETPOINT) == [int(NIGHT * 10)]


async def test_an_absent_unit_answers_like_a_gateway(hall: Client) -> None:
    assert await hall.inputs(0, 1, unit=77) == 0x0B


async def test_a_port_in_use_is_named(simulation: Simulation, ports: Any) -> None:
    taken = ports["school"]["modbus"]
    with pytest.raises(ConfigError, match=f"port {taken} is in use"):
        await simulation.sites["sportshall"].start(taken - 1)
