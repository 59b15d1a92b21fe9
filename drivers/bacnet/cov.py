"""Change-of-value (COV) subscriptions, with a slow poll behind them.

Subscriptions expire, a restarted device has lost them, and a notification may get lost. So they are
renewed in time and after a restart, and every point is still polled at a long interval. A
notification has the present value and the status flags. Source: ANSI/ASHRAE 135, clause 13.1 and
table 13-1.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from bms.errors import DeviceError
from bms.model.assets.point import Point
from bms.model.readings.measurement import Quality, Reading
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.frames import ReceivedApdu
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.transactions import I_AM
from drivers.bacnet.write_target import point_reference
from drivers.fieldbus.errors import InvalidReply, NoReply

LIFETIME_S = 300
BACKSTOP_POLL_S = 900.0
_RENEW_AT = 0.6
_SOONEST_S = 1.0
_PROCESSES = itertools.count(1)
_LOG = logging.getLogger(__name__)

OnReading = Callable[[Reading], None]


class PointReader(Protocol):
    """Makes readings of what it asks for, and of what a notification has by property."""

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]: ...

    def notified(self, point: Point, found: Mapping[int, list[Tag]]) -> Reading | None: ...


async def watch_changes(
    session: BacnetSession,
    reader: PointReader,
    points: Sequence[Point],
    on_reading: OnReading,
    *,
    lifetime_s: int = LIFETIME_S,
    backstop_s: float = BACKSTOP_POLL_S,
    confirmed: bool = True,
) -> None:
    """Call ``on_reading`` with each change of the points, until cancelled.

    ``lifetime_s`` [s] is the lifetime of a subscription, ``backstop_s`` [s] the interval at which
    every point is read by ``reader`` besides; a point whose object takes no subscription is read at
    its own interval where that is shorter. Errors of the device are not raised.
    """
    await _CovSubscriptions(
        session, reader, points, on_reading, lifetime_s, backstop_s, confirmed
    ).run()


class _CovSubscriptions:
    def __init__(
        self,
        session: BacnetSession,
        reader: PointReader,
        points: Sequence[Point],
        on_reading: OnReading,
        lifetime_s: int,
        backstop_s: float,
        confirmed: bool,
    ) -> None:
        self._session = session
        self._reader = reader
        self._on_reading = on_reading
        self._lifetime_s = lifetime_s
        self._backstop_s = backstop_s
        self._confirmed = confirmed
        self._process = next(_PROCESSES) & 0xFFFFFFFF
        self._points = tuple(points)
        self._watched = _by_object(points)
        self._refused: set[int] = set()
        self._subscribed: set[int] = set()
        self._resubscribe = asyncio.Event()
        self._renew_at = float("-inf")
        self._poll_at = float("-inf")
        self._lost = False

    async def run(self) -> None:
        """Subscribe, renew and poll until cancelled; then cancel the subscriptions."""
        try:
            await self._run()
        finally:
            await self._cancel()

    async def _run(self) -> None:
        while True:
            try:
                peer = await self._session.peer()
                async with self._session.link.notifications(peer, self._received):
                    await self._keep()
            except DeviceError as error:
                _LOG.debug("%s: no changes of value: %s", self._session.device.id, error)
                await asyncio.sleep(_SOONEST_S)

    async def _keep(self) -> None:
        while True:
            now = asyncio.get_running_loop().time()
            if now >= self._renew_at or self._resubscribe.is_set():
                self._resubscribe.clear()
                await self._subscribe(now)
            if now >= self._poll_at:
                await self._poll(now)
            due = min(self._renew_at, self._poll_at) - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(max(_SOONEST_S / 10, due)):
                    await self._resubscribe.wait()
            except TimeoutError:
                continue

    async def _subscribe(self, now: float) -> None:
        """Subscribe to every object; a silent device again as soon as a poll reaches it."""
        self._renew_at = now + self._lifetime_s * _RENEW_AT
        if self._session.breaker.open:
            self._renew_at = now + min(self._lifetime_s * _RENEW_AT, self._interval_s())
            return
        try:
            await self._session.identify()
            for object_id in self._watched:
                await self._subscribe_one(object_id)
        except DeviceError as error:
            _LOG.debug("%s: subscription: %s", self._session.device.id, error)
            self._renew_at = now + max(_SOONEST_S, self._session.device.timeout_s)

    async def _cancel(self) -> None:
        """Cancel the subscriptions at a device that replies, instead of letting them expire."""
        if self._lost or self._session.breaker.open:
            return
        requests = [self._request(each, None) for each in self._subscribed]
        with suppress(DeviceError, TimeoutError):
            async with asyncio.timeout(self._session.device.timeout_s):
                for request in requests:
                    await self._session.request(codec.SUBSCRIBE_COV, request)

    def _request(self, object_id: int, lifetime_s: int | None) -> bytes:
        monitored = Reference(object_id >> 22, object_id & codec.ANY_INSTANCE, codec.PRESENT_VALUE)
        return codec.subscribe_cov(
            self._process, monitored, confirmed=self._confirmed, lifetime_s=lifetime_s
        )

    async def _subscribe_one(self, object_id: int) -> None:
        try:
            await self._session.request(
                codec.SUBSCRIBE_COV, self._request(object_id, self._lifetime_s)
            )
            self._refused.discard(object_id)
            self._subscribed.add(object_id)
        except NoReply:
            raise
        except DeviceError as error:
            if object_id not in self._refused:
                _LOG.info(
                    "%s notifies no changes of %s: %s; it is polled", *self._name(object_id), error
                )
            self._refused.add(object_id)

    def _name(self, object_id: int) -> tuple[str, str]:
        return self._session.device.id, self._watched[object_id][0].id

    def _interval_s(self) -> float:
        """Interval of the poll [s]: ``backstop_s``, or that of a point without a subscription."""
        plain = [
            point.interval_s for place in self._refused for point in self._watched.get(place, ())
        ]
        return min([self._backstop_s, *map(float, plain)])

    async def _poll(self, now: float) -> None:
        self._poll_at = now + self._interval_s()
        found = await self._reader.read(self._points, self._session.clock.now())
        for each in found:
            self._on_reading(each)
        if any(each.quality is Quality.NO_REPLY for each in found):
            # It may be restarting: look again soon, and subscribe when it is back.
            self._poll_at = now + max(_SOONEST_S, self._session.device.timeout_s)
            self._lost = True
        elif self._lost:
            self._lost = False
            self._resubscribe.set()

    def _received(self, message: ReceivedApdu) -> None:
        session = self._session
        if message.peer != session.known_peer or session.health.wrong_device is not None:
            return
        try:
            if message.service == I_AM:
                self._restarted(codec.i_am(message.peer, message.parameters).instance)
            else:
                self._changed(message)
        except InvalidReply as error:
            _LOG.debug("%s: a message that is none: %s", self._session.device.id, error)

    def _restarted(self, instance: int) -> None:
        """Subscribe again after an I-Am: devices send one when they start."""
        if self._session.device.instance in (None, instance):
            self._resubscribe.set()

    def _changed(self, message: ReceivedApdu) -> None:
        process, instance, object_id, found = codec.cov_notification(message.parameters)
        if process != self._process or self._session.device.instance not in (None, instance):
            return
        for point in self._watched.get(object_id, ()):
            changed = self._reader.notified(point, found)
            if changed is not None:
                self._on_reading(changed)


def _by_object(points: Sequence[Point]) -> dict[int, list[Point]]:
    """The points that are present values, by object identifier."""
    found: dict[int, list[Point]] = {}
    for point in points:
        try:
            reference = point_reference(point)
        except ValueError:
            continue
        if reference.property_id == codec.PRESENT_VALUE:
            found.setdefault(reference.object_id, []).append(point)
    return found
