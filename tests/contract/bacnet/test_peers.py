"""The contract of drivers against other people's BACnet stacks, and our own simulator.

The tests are those of ``tests/contract/drivers``; only the devices are others.
``tools/install-peers`` installs what is not a Python package; a peer that is missing is skipped
with the reason.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bacpypes3.primitivedata import Real

from bms.clock import SystemClock
from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Device
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.reasons import Holder
from bms.model.fact import fact
from bms.model.readings.measurement import Reading
from drivers.bacnet.driver import BacnetDriver
from drivers.discovery.bacnet_scan import discover_bacnet
from drivers.registry import NetworkDrivers
from drivers.simulator.servers.bacnet import BacnetServer
from drivers.simulator.servers.bacnet_objects import INPUT, VALUE, ObjectSpec
from tests.contract.drivers.test_contract import *  # noqa: F403
from tests.rigs.fieldbus.bacnet_responder import free_udp_port
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, OWN, SENSORS, BacnetRig, Rig, point, rule
from tests.rigs.paths import ROOT

del test_a_protocol_that_only_reads_refuses_every_write  # noqa: F821 (these peers are written to)

SCRIPT = ROOT / "tests" / "rigs" / "fieldbus" / "bacnet_node.js"
ANSWER_S = 30.0


def peers_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("BMS_PEERS") or Path(cache) / "bms-peers")


class _Points:
    """What all rigs here ask for."""

    kind = ReleaseKind.NULL

    def __init__(self) -> None:
        self.device = Device(
            id="site/controller",
            site="site",
            protocol="bacnet",
            host="127.0.0.1",
            port=free_udp_port(),
            instance=1001,
            timeout_s=0.5,
        )
        where = [BacnetAddress(object_type="analog-input", instance=i) for i in (1, 2, 3, 4)]
        self.sensors = [point(f"temp{i}", where[i]) for i in (0, 1, 3)]
        self.refused = point("refused", where[2])
        self.setpoint = point(
            "setpoint",
            BacnetAddress(object_type="analog-value", instance=1),
            rule(Release(kind=ReleaseKind.NULL)),
        )


class NodeRig(_Points):
    """The Node stack in a process of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._process: subprocess.Popen[str] | None = None

    async def start(self) -> None:
        reason = missing_node()
        if reason is not None:
            pytest.skip(reason)
        modules = peers_folder() / "node_modules"
        self._process = subprocess.Popen(
            ["node", str(SCRIPT), str(self.device.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(modules)},
            text=True,
        )
        assert (await asyncio.to_thread(self._line)) == "listening"

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        await asyncio.to_thread(process.wait, ANSWER_S)
        process.stdout.close()

    async def take(self, value: float) -> None:
        self.tell(f"take 8 {value}")

    def held(self) -> bool:
        return self.tell("state")["slots"][12] is not None

    def effective(self) -> float:
        return float(self.tell("state")["effective"])

    def tell(self, line: str) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._line()))

    def _line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_S)
        assert ready, "the Node device does not answer"
        return self._process.stdout.readline().strip()


class SimulatorRig(_Points):
    """The device of our own simulator."""

    def __init__(self) -> None:
        super().__init__()
        self._server: BacnetServer | None = None

    async def start(self) -> None:
        specs = [ObjectSpec(INPUT, instance, f"temp{instance}") for instance in (1, 2, 4)]
        specs.append(ObjectSpec(VALUE, 1, "setpoint", low=8.0, high=28.0))
        server = BacnetServer("controller", 1001, specs)
        await server.start(self.device.port)
        temps = dict(zip(("temp1", "temp2", "temp4"), SENSORS, strict=True))
        server.refresh({**temps, "setpoint": OWN})
        server.control_points["setpoint"].follow_programme(OWN)
        self._server = server

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.close()

    async def take(self, value: float) -> None:
        assert self._server is not None
        target = self._server.control_points["setpoint"]._object
        await target.write_property("presentValue", Real(value), None, 8)

    def held(self) -> bool:
        assert self._server is not None
        return "13" in self._server.control_points["setpoint"].held()

    def effective(self) -> float:
        assert self._server is not None
        return self._server.control_points["setpoint"].effective


def missing_node() -> str | None:
    if shutil.which("node") is None:
        return "node is not installed"
    if not (peers_folder() / "node_modules" / "@bacnet-js" / "client").is_dir():
        return "the Node BACnet stack is not installed: run tools/install-peers"
    return None


RIGS = {"node": NodeRig, "simulator": SimulatorRig, "bacpypes3": BacnetRig}


async def test_a_peer_is_discovered_with_its_objects(rig: Rig) -> None:
    found = await discover_bacnet(f"127.0.0.1:{rig.device.port}", wait_s=0.5, timeout_s=1.0)
    (device,) = found
    assert device.instance == 1001
    objects = {(each.kind, each.instance): each for each in device.objects}
    assert objects["analog-input", 2].value == SENSORS[1]
    assert objects["analog-value", 1].commandable is True
    assert objects["analog-input", 1].commandable is False


async def test_the_node_stack_tells_changes_of_value() -> None:
    node, heard = NodeRig(), list[Reading]()
    await node.start()
    drivers = NetworkDrivers(SystemClock())
    driver = drivers.driver(node.device)
    assert isinstance(driver, BacnetDriver)
    task = asyncio.create_task(driver.watch(node.sensors[:1], heard.append, confirmed=False))
    try:
        async with asyncio.timeout(ANSWER_S):
            while not node.tell("state")["subscriptions"] or not heard:
                await asyncio.sleep(0.02)
            node.tell("change 23.5")
            while heard[-1].value != 23.5:
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await drivers.close()
        await node.stop()


async def test_the_node_stack_shows_who_holds_a_point() -> None:
    node = NodeRig()
    await node.start()
    drivers = NetworkDrivers(SystemClock())
    try:
        node.tell("take 10 22")
        receipt = await drivers.driver(node.device).write(
            node.setpoint, command(node.setpoint, 21.0)
        )
        assert (receipt.priority, receipt.by) == (10, fact(Holder.PROGRAM))  # type: ignore[union-attr]
        (reading,) = await drivers.driver(node.device).read([node.setpoint], MORNING)
        assert reading.value == 22.0
    finally:
        await drivers.close()
        await node.stop()
