"""The measuring gear of the BACnet bench, on a small scale."""

from __future__ import annotations

from bms.bench.fieldbus.bacnet import fleet, light_devices, our_reads, stock_reads


async def test_ours_and_the_rival_read_the_same_light_device() -> None:
    with light_devices(1) as (port,):
        async with our_reads(port) as ours, stock_reads(port) as stock:
            assert await ours() == 640
            assert await stock() == 64


async def test_a_small_fleet_is_read_whole() -> None:
    with light_devices(5) as ports:
        found = await fleet(ports, 30)
    assert found.points == 150
    assert found.cpu_s > 0
