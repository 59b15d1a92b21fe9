"""From site files to sockets: who is not the device that they name is neither read nor written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from bms.clock import VirtualClock
from bms.journal import MemoryJournal
from bms.model.assets.site import Site
from bms.model.control.command import Accepted, Failed, Receipt, Refused, StillHeld
from bms.model.readings.measurement import Quality
from bms.services.collect.poll import poll_site
from bms.services.control.inspection import verify_site
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.control.ports import ControlPorts
from bms.services.giving_back.many_points import release_points
from bms.store.memory.store import MemoryStore
from drivers.registry import NetworkDrivers
from sites.loader import load_sites
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fieldbus.bacnet_responder import TinyDevice, free_udp_port, listening, real, text
from tests.rigs.fieldbus.bacnet_session import Router
from tests.rigs.fieldbus.driver_rigs import MORNING

SITE = """
site: {site}
name: {{da: Skolen, en: School}}
use: school
area_m2: 500
position: {{latitude: 56.15, longitude: 10.2}}
heat_source: {{kind: district_heating, capacity_kw: 40}}
timetables:
  open: {{default: 0}}
  own: {{default: 21}}
zones: [{{id: all, name: Alt, area_m2: 500, occupancy: open, own_setpoint: own}}]
devices:
  - {{id: ctrl, protocol: bacnet, host: {host}, port: {port}, instance: 601, timeout_s: 0.2{more}}}
points:
  - {{id: temp, device: ctrl, role: zone_temp, zone: all, unit: degC, bacnet: "analog-input,1"}}
  - id: setpoint
    device: ctrl
    role: zone_setpoint
    zone: all
    unit: degC
    bacnet: "analog-value,1"
    write: {{min: 17, max: 23, hold_safe: [17, 22], release: {{kind: constant, value: 19}}}}
"""
HOSTS = {"east": "127.0.0.2", "west": "127.0.0.3"}


def controller(temperature: float, instance: int = 601) -> TinyDevice:
    made = TinyDevice(instance=instance)
    made.properties |= {(0, 1, 85): real(temperature), (2, 1, 85): real(19.0)}
    return made


class World:
    """Two schools, each with a router at its own address and device 601 behind it."""

    def __init__(self, folder, more: str = "") -> None:
        self.port = free_udp_port()
        for site, host in HOSTS.items():
            words = SITE.format(site=site, host=host, port=self.port, more=more)
            (folder / f"{site}.yaml").write_text(words, "utf-8")
        self.sites = {site.id: site for site in load_sites(folder)}
        self.routers = {"east": Router(controller(20.0)), "west": Router(controller(22.0))}
        self.clock = VirtualClock(MORNING)
        self.drivers = NetworkDrivers(self.clock)
        self.store = MemoryStore()
        self.ports: ControlPorts = control_ports(
            self.store, drivers=self.drivers, journal=MemoryJournal(), clock=self.clock
        )

    async def polled(self, site: str) -> tuple[float | None, Quality]:
        self.clock.advance(timedelta(minutes=15))
        now = self.clock.now()
        await poll_site(self.sites[site], now=now, drivers=self.drivers, readings=self.store)
        newest = self.store.latest([f"{site}/temp"])[f"{site}/temp"]
        return newest.value, newest.quality

    async def written(self, site: str, value: float) -> Receipt:
        wanted = PersonWrite(
            point=f"{site}/setpoint",
            value=value,
            lease=timedelta(minutes=30),
            actor="anna",
            reason="test",
        )
        now = self.clock.now()
        return await write_once(self.sites[site], wanted, now=now, ports=self.ports)

    def stands(self, site: str) -> bytes:
        return self.routers[site].inner.properties[2, 1, 85]  # type: ignore[return-value]


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    made = World(tmp_path)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(made.drivers.close)
        for site, host in HOSTS.items():
            await stack.enter_async_context(listening(made.routers[site], made.port, host))
        yield made


async def test_w01_a_silent_building_never_shows_nor_writes_its_neighbour(world: World) -> None:
    assert await world.polled("east") == (20.0, Quality.GOOD)
    assert await world.polled("west") == (22.0, Quality.GOOD)
    east, west = world.routers["east"], world.routers["west"]
    east.inner.deaf = True
    for _ in range(3):
        assert await world.polled("east") == (None, Quality.NO_REPLY)
        assert isinstance(await world.written("east", 21.0), Failed)
        assert await world.polled("west") == (22.0, Quality.GOOD)
    assert world.stands("west") == real(19.0)
    east.inner.deaf = False
    assert await world.polled("east") == (20.0, Quality.GOOD)
    assert isinstance(await world.written("east", 21.0), Accepted)
    assert (world.stands("east"), world.stands("west")) == (real(21.0), real(19.0))
    assert west.inner.requests == []


async def test_w01_devices_of_another_number_in_their_places_are_refused(world: World) -> None:
    """The point, the person's receipt, the lease that is read back and the give-back say so."""
    assert await world.polled("east") == (20.0, Quality.GOOD)
    assert isinstance(await world.written("east", 21.0), Accepted)
    east = world.routers["east"]
    ours, east.inner = east.inner, controller(99.0, instance=602)
    assert await world.polled("east") == (None, Quality.WRONG_DEVICE)
    receipt = await world.written("east", 20.0)
    assert isinstance(receipt, Refused)
    assert receipt.reason.code == "wrong_device"
    (seen,) = await verify_site(world.sites["east"], now=world.clock.now(), ports=world.ports)
    assert isinstance(seen, Failed)
    assert seen.error.code == "wrong_device"
    site: Site = world.sites["east"]
    (held,) = await release_points(
        site,
        site.points,
        now=world.clock.now(),
        drivers=world.drivers,
        journal=world.ports.journal,
    )
    assert isinstance(held, StillHeld)
    assert held.error.code == "wrong_device"
    assert east.inner.properties[2, 1, 85] == real(19.0)
    east.inner = ours
    assert await world.polled("east") == (20.0, Quality.GOOD)
    world.clock.advance(timedelta(minutes=30))
    await verify_site(site, now=world.clock.now(), ports=world.ports)
    assert world.stands("east") == real(19.0)
    assert world.ports.journal.leases() == {}


async def test_w01_routers_that_swap_their_addresses_are_told_by_the_fingerprint(tmp_path) -> None:
    """Number, network and MAC are the same in both buildings: only the name differs."""
    made = World(tmp_path, ", fingerprint: {name: NAME}")
    for site in HOSTS:
        file = tmp_path / f"{site}.yaml"
        file.write_text(file.read_text("utf-8").replace("NAME", f"AHU {site}"), "utf-8")
        made.routers[site].inner.properties[8, 601, 77] = text(f"AHU {site}")
    made.sites = {site.id: site for site in load_sites(tmp_path)}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(made.drivers.close)
        for site, host in HOSTS.items():
            await stack.enter_async_context(listening(made.routers[site], made.port, host))
        assert await made.polled("east") == (20.0, Quality.GOOD)
        assert await made.polled("west") == (22.0, Quality.GOOD)
        east, west = made.routers["east"], made.routers["west"]
        east.inner, west.inner = west.inner, east.inner
        for name in HOSTS:
            assert await made.polled(name) == (None, Quality.WRONG_DEVICE)
            receipt = await made.written(name, 21.0)
            assert isinstance(receipt, Refused)
            assert receipt.reason.code == "wrong_device"
            assert made.stands(name) == real(19.0)
        east.inner, west.inner = west.inner, east.inner
        assert await made.polled("east") == (20.0, Quality.GOOD)
