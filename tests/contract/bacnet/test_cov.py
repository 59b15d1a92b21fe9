"""Changes of value as BACnet devices tell them: subscriptions, their renewal, the poll behind them.

The answers of SubscribeCOV are mutated: never a wrong value, never past the deadline, and the next
request is right.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from bms.clock import SystemClock
from bms.model.assets.site import Site
from bms.model.readings.measurement import Quality
from bms.ports.drivers import WatchingDriver
from bms.services.collect.change_of_value import watching
from bms.store.memory.store import MemoryStore
from drivers.registry import NetworkDrivers
from tests.rigs.fakes.city import lodge
from tests.rigs.fieldbus.bacnet_responder import (
    ABORT,
    REJECT,
    error,
    simple_ack,
)
from tests.rigs.fieldbus.bacnet_session import (
    inputs,
    tiny,
    until,
)
from tests.rigs.fieldbus.bacnet_session import watching as listening_to
from tests.rigs.fieldbus.driver_rigs import BacnetRig

COV_ANSWERS: dict[str, Callable[[int], bytes | list[bytes] | None]] = {
    "an error": lambda i: error(i, 5, 5, 45),
    "no room": lambda i: error(i, 5, 3, 20),
    "a rejection": lambda i: bytes((REJECT, i, 9)),
    "an abort": lambda i: bytes((ABORT | 1, i, 0)),
    "too long for it": lambda i: bytes((ABORT | 1, i, 4)),
    "another service": lambda i: simple_ack(i, 15),
    "the error of another service": lambda i: error(i, 12, 2, 40),
    "an error without its code": lambda i: bytes((0x50, i, 5, 0x91, 5)),
    "cut short": lambda i: bytes((0x20, i)),
    "junk": lambda i: bytes((0x30, i, 5)) + b"\xff" * 20,
    "silence": lambda i: None,
    "a late answer of another request": lambda i: simple_ack(i ^ 1, 5),
}


class TestMutatedSubscriptions:
    @pytest.mark.parametrize("mutation", COV_ANSWERS)
    async def test_the_poll_goes_on_and_no_value_is_wrong(self, mutation: str) -> None:
        responder = tiny(2)
        responder.subscribe = lambda i, p: COV_ANSWERS[mutation](i)  # type: ignore[method-assign, assignment, return-value]
        async with listening_to(responder, inputs(2), backstop_s=0.05) as (heard, _):
            await heard.until(6)
        assert set(heard.values) <= {1, 2}
        assert {1, 2} <= set(heard.values)

    async def test_one_object_in_trouble_spares_the_others(self) -> None:
        responder = tiny(3)
        honest = responder.subscribe
        responder.subscribe = lambda i, p: (  # type: ignore[method-assign]
            bytes((ABORT | 1, i, 4)) if p[6] == 1 else honest(i, p)
        )
        async with listening_to(responder, inputs(3)) as (heard, _):
            await until(lambda: len(responder.subscriptions) == 2)
            responder.change(0, 3, 8.5)
            await until(lambda: 8.5 in heard.values)

    async def test_at_the_end_the_device_is_told_that_it_is_over(self) -> None:
        responder = tiny(2)
        async with listening_to(responder, inputs(2)):
            await until(lambda: len(responder.subscriptions) == 2)
        payloads = [payload for service, payload in responder.requests if service == 5]
        assert [len(payload) for payload in payloads] == [12, 12, 7, 7]
        assert [payload[:7] for payload in payloads[:2]] == payloads[2:]

    async def test_a_silent_device_does_not_hold_up_the_end(self) -> None:
        responder = tiny(1)
        async with listening_to(responder, inputs(1)):
            await until(lambda: len(responder.subscriptions) == 1)
            responder.deaf = True
            started = time.monotonic()
        assert time.monotonic() - started < 1.5

    @pytest.mark.parametrize("cut", [3, 8, 14, 20, 26, 33, -1])
    async def test_a_mutilated_notification_is_no_value(self, cut: int) -> None:
        responder = tiny(1)
        async with listening_to(responder, inputs(1), confirmed=False) as (heard, _):
            await until(lambda: len(responder.subscriptions) == 1)
            await heard.until(1)
            sent: list[bytes] = []
            honest = responder.send
            responder.send = lambda answer: sent.append(answer)  # type: ignore[method-assign, assignment, arg-type]
            responder.change(0, 1, 50.0)
            responder.send = honest  # type: ignore[method-assign]
            responder.send(sent[0][:cut])
            responder.change(0, 1, 9.0)
            await heard.until(2)
            assert heard.values == [1, 9.0]


class TestLiveIntoTheStore:
    async def test_a_change_at_a_real_device_is_stored_without_a_poll(self) -> None:
        rig = BacnetRig()
        await rig.start()
        drivers, store = NetworkDrivers(SystemClock()), MemoryStore()
        site = _site_of(rig)
        try:
            assert isinstance(drivers.driver(rig.device), WatchingDriver)
            async with watching([site], drivers=drivers, every_s=0.02, readings=store):
                await until(lambda: bool(store.latest([rig.setpoint.id])))
                await asyncio.sleep(0.2)
                await rig.take(21.25)
                await until(lambda: store.latest([rig.setpoint.id])[rig.setpoint.id].value == 21.25)
        finally:
            await drivers.close()
            await rig.stop()


def _site_of(rig: BacnetRig) -> Site:
    return replace(
        lodge(),
        id="site",
        devices=(rig.device,),
        points=(replace(rig.setpoint, cov=True),),
    )


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_change_is_told_at_once(confirmed: bool) -> None:
    responder = tiny(2)
    async with listening_to(responder, inputs(2), confirmed=confirmed) as (heard, _):
        await heard.until(2)  # the first poll
        responder.change(0, 2, 7.5)
        await heard.until(3)
        assert heard.values == [1, 2, 7.5]
        assert heard.readings[-1].point == "site/i2"


async def test_a_notification_of_somebody_else_is_no_change() -> None:
    responder = tiny(2)
    async with listening_to(responder, inputs(2)) as (heard, _):
        await heard.until(2)
        await until(lambda: len(responder.subscriptions) == 2)
        before = dict(responder.subscriptions)
        responder.subscriptions = {(p + 100, o): v for (p, o), v in before.items()}
        responder.change(0, 1, 50.0)  # of another process
        responder.subscriptions = before
        responder.instance = 78
        responder.change(0, 1, 51.0)  # of another device
        responder.instance = 77
        assert responder.peer is not None
        responder.send(b"\x10\x02\x09\x01\x1c")  # cut short
        responder.change(0, 1, 3.0)
        await heard.until(3)
        assert heard.values == [1, 2, 3.0]


async def test_subscriptions_are_renewed_before_they_end() -> None:
    responder = tiny(1)
    async with listening_to(responder, inputs(1), lifetime_s=1):
        await until(lambda: [s for s, _ in responder.requests].count(5) >= 2)
        lifetimes = [payload[-1] for service, payload in responder.requests if service == 5]
        assert set(lifetimes) == {1}


async def test_a_restarted_device_is_subscribed_to_again() -> None:
    responder = tiny(1)
    async with listening_to(responder, inputs(1)) as (heard, _):
        await until(lambda: bool(responder.subscriptions))
        responder.subscriptions.clear()
        responder.send(responder.i_am())
        await until(lambda: bool(responder.subscriptions))
        responder.change(0, 1, 8.0)
        await heard.until(2)
        assert heard.values[-1] == 8.0


async def test_after_silence_it_is_subscribed_to_again() -> None:
    responder = tiny(1)
    async with listening_to(responder, inputs(1), backstop_s=0.2) as (heard, driver):
        await until(lambda: bool(responder.subscriptions))
        driver.session.breaker._failures = 100
        responder.deaf = True
        await until(lambda: heard.has(Quality.NO_REPLY))
        responder.subscriptions.clear()
        responder.deaf = False
        await until(lambda: bool(responder.subscriptions))


async def test_what_takes_no_subscription_is_polled_at_its_interval() -> None:
    responder = tiny(1, takes_subscriptions=False)
    (sensor,) = inputs(1)
    async with listening_to(responder, [sensor], backstop_s=0.1) as (heard, _):
        await heard.until(3)
        assert heard.values[:3] == [1, 1, 1]
