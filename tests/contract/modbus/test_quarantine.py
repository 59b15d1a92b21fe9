"""What a device refuses is found once, asked again slowly, and spares its neighbours."""

from __future__ import annotations

from bms.model.assets.address import Table
from bms.model.assets.device import ModbusTraits, ReadableRange
from bms.model.readings.measurement import Quality
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.driver_rigs import MORNING
from tests.rigs.fieldbus.modbus_line import (
    Quick,
    asked,
    register,
    unit,
)
from tests.rigs.fieldbus.modbus_peer import Call, Peer


async def test_a_bad_register_is_found_once_and_its_neighbours_travel_together_again(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(100))
    del peer.bank.cells[1, "holding", 41]
    driver = unit(peer, link, clock)
    points = [register(address) for address in range(100)]
    for _ in range(3):
        readings = await driver.read(points, MORNING)
        assert [r.value for r in readings if r.point != "site/r41"] == [
            a for a in range(100) if a != 41
        ]
        assert readings[41].quality is Quality.DEVICE_ERROR
        assert "illegal data address" in (readings[41].detail or "")
        last = asked(peer)
    assert last == [(0, 41), (42, 58)]


async def test_a_register_in_quarantine_is_asked_again_slowly_and_comes_back(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(10))
    del peer.bank.cells[1, "holding", 4]
    driver = unit(peer, link, clock)
    points = [register(address) for address in range(10)]
    await driver.read(points, MORNING)
    asked(peer)
    for wait_s, probed in ((290, False), (20, True), (590, False), (20, True)):
        clock.ahead_s += wait_s
        readings = await driver.read(points, MORNING)
        assert readings[4].value is None
        assert ((4, 1) in asked(peer)) is probed
    peer.bank.fill(1, "holding", 4, 44)
    clock.ahead_s += 1300
    readings = await driver.read(points, MORNING)
    assert readings[4].value == 44
    asked(peer)
    await driver.read(points, MORNING)
    assert asked(peer) == [(0, 10)]


async def test_a_gap_that_cannot_be_read_becomes_a_wall(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    for start in (0, 10, 20):
        peer.bank.fill(1, "holding", start, *range(start, start + 4))
    driver = unit(peer, link, clock)
    points = [register(a) for start in (0, 10, 20) for a in range(start, start + 4)]
    for _ in range(2):
        readings = await driver.read(points, MORNING)
        assert [r.value for r in readings] == [float(p.id[6:]) for p in points]
    asked(peer)
    await driver.read(points, MORNING)
    assert asked(peer) == [(0, 4), (10, 4), (20, 4)]


async def test_a_gap_that_silences_the_unit_becomes_a_wall(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(30))

    async def script(call: Call) -> None:
        first, count = call.pdu[2], call.pdu[4]
        if not first <= 5 < first + count:  # the unit says nothing at all when 5 is touched
            call.tell()

    peer.script = script
    driver = unit(peer, link, clock)
    points = [register(a) for a in (0, 1, 10, 11)]
    readings = await driver.read(points, MORNING)
    assert [r.value for r in readings] == [0, 1, 10, 11]
    asked(peer)
    await driver.read(points, MORNING)
    assert asked(peer) == [(0, 2), (10, 2)]


async def test_a_smaller_limit_than_declared_is_learned(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(120))
    peer.bank.max_registers = 40
    driver = unit(peer, link, clock)
    points = [register(a) for a in range(120)]
    for _ in range(3):
        readings = await driver.read(points, MORNING)
        assert [r.value for r in readings] == list(range(120))
        last = asked(peer)
    assert len(last) == 4
    assert all(count <= 40 for _, count in last)


async def test_a_unit_that_refuses_everything_costs_a_bounded_number_of_requests(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    driver = unit(peer, link, clock)
    points = [register(a) for a in range(100)]
    readings = await driver.read(points, MORNING)
    assert {r.quality for r in readings} == {Quality.DEVICE_ERROR}
    assert len(asked(peer)) <= 65


async def test_declared_ranges_are_read_across_and_never_left(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(120))
    ranges = (
        ReadableRange(table=Table.HOLDING, first=0, last=99),
        ReadableRange(table=Table.HOLDING, first=104, last=110),
    )
    driver = unit(peer, link, clock, traits=ModbusTraits(ranges=ranges, max_gap=0))
    await driver.read([register(a) for a in (0, 99, 104, 110)], MORNING)
    assert asked(peer) == [(0, 100), (104, 7)]
