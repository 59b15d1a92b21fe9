"""The Driver of a device that publishes to a broker. It listens; nothing is published."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from bms.model.assets.address import MqttAddress
from bms.model.assets.device import Device, MqttPreset
from bms.model.assets.point import Point
from bms.model.control.command import Command, Receipt, Refused, ReleaseReceipt, StillHeld
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.reasons import RefusalReason
from bms.model.fact import Fact, fact
from bms.model.readings.measurement import Quality, Reading
from bms.ports.clock import Clock
from bms.ports.drivers import Exchange
from drivers.fieldbus.availability import HealthCounters
from drivers.mqtt.link import MqttLink
from drivers.mqtt.payload import JunkPayload, at_path, decoded_payload, moment, number
from drivers.mqtt.sparkplug import SparkplugSession, metrics
from drivers.mqtt.topics import (
    below_node,
    kind_of,
    place_of_value,
    sparkplug_topics,
    status_topic,
)

OnReading = Callable[[Reading], None]
_OTHER_PROTOCOL = "not an MQTT address"
_OFFLINE = "offline, by its last will"
_AGE_UNKNOWN = "kept by the broker, and nobody knows since when"
_STATUS_PATHS = ("", "state", "status")
_THERE, _GONE = ("online", "true", "1", "up"), ("offline", "false", "0", "down")
_MS = 1000.0


class MqttDriver:
    """Listens to the topics of one device (``bms.ports.drivers.WatchingDriver``).

    A value bears the moment that its message states, else that at which it came. One that the
    broker kept, and whose message states none, is uncertain. A later message with an earlier moment
    does not replace what stands. ``read`` gives what stands; where the connection is new it waits
    for what the broker kept, for the device's time-out at the longest.
    """

    def __init__(self, device: Device, link: MqttLink, clock: Clock) -> None:
        self._device = device
        self._link = link
        self._clock = clock
        self._health = HealthCounters()
        self._listening: dict[Point, _PointListener] = {}

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        """One reading per point, in their order. Points of another protocol get an error."""
        listeners = self._listeners_of(points)
        await self._arrived([each for each in listeners if each is not None])
        return [
            Reading(point.id, at, None, Quality.DEVICE_ERROR, at, _OTHER_PROTOCOL)
            if listener is None
            else self._standing(listener, at)
            for point, listener in zip(points, listeners, strict=True)
        ]

    async def watch(self, points: Sequence[Point], on_reading: OnReading) -> None:
        """Hand on every reading that comes, until cancelled."""
        listeners = [each for each in self._listeners_of(points) if each is not None]
        for listener in listeners:
            listener.watchers.append(on_reading)
        try:
            await asyncio.Event().wait()
        finally:
            for listener in listeners:
                listener.watchers.remove(on_reading)

    async def command_states(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        """Nothing is commanded over MQTT."""
        return [NoCommandState(p.id, _not_writable(p), retryable=False) for p in points]

    async def write(self, point: Point, command: Command) -> Receipt:
        """Refuse it: nothing is published to a device."""
        return Refused(command, _not_writable(point))

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """There is nothing to give back."""
        return StillHeld(point.id, _not_writable(point), retryable=False)

    @property
    def health(self) -> HealthCounters:
        """Counters of its messages."""
        self._health.left_alone = self._link.connected_at is None and bool(self._listening)
        return self._health

    def trace(self) -> Sequence[Exchange]:
        """No requests are sent, so that there are no exchanges."""
        return ()

    async def close(self) -> None:
        """Do nothing: the link belongs to all devices of the broker."""

    # Listening

    def _listeners_of(self, points: Sequence[Point]) -> list[_PointListener | None]:
        new = {
            point: _PointListener(self._device, point, self._clock, self._health)
            for point in points
            if isinstance(point.address, MqttAddress) and point not in self._listening
        }
        self._listening |= new
        self._link.listen(tuple(new.values()))
        return [self._listening.get(point) for point in points]

    async def _arrived(self, listeners: Sequence[_PointListener]) -> None:
        """Wait for what the broker kept, while the question for it is younger than the time-out."""
        loop, timeout_s = asyncio.get_running_loop(), self._device.timeout_s
        if not await self._link.up_within(timeout_s):
            return
        since = self._link.connected_at or loop.time()
        for listener in listeners:
            until = max(since, listener.began) + timeout_s
            if listener.last is None and loop.time() < until:
                try:
                    await asyncio.wait_for(listener.heard.wait(), until - loop.time())
                except TimeoutError:
                    continue

    def _standing(self, listener: _PointListener, at: datetime) -> Reading:
        point = listener.point.id
        if listener.offline:
            return Reading(point, at, None, Quality.NO_REPLY, at, _OFFLINE)
        if listener.last is not None:
            return listener.last
        if self._link.connected_at is None:
            text = f"broker {self._link.key.name}: {self._link.trouble}"
            return Reading(point, at, None, Quality.NO_REPLY, at, text)
        text = self._link.refused(listener) or listener.missing
        return Reading(point, at, None, Quality.ABSENT, at, text)


class _PointListener:
    """Takes the messages of one point (``drivers.mqtt.link.TopicListener``)."""

    def __init__(self, device: Device, point: Point, clock: Clock, health: HealthCounters) -> None:
        assert isinstance(point.address, MqttAddress)
        self.point = point
        self.last: Reading | None = None
        self.offline = False
        self.heard = asyncio.Event()
        self.watchers: list[OnReading] = []
        self.began = asyncio.get_running_loop().time()
        """When its topics were asked for [s, of the loop]."""
        self._address = point.address
        self._place = place_of_value(device, point.address)
        self._session = (
            SparkplugSession(self._place.path, of_device=below_node(device))
            if device.preset is MqttPreset.SPARKPLUG
            else None
        )
        self._status = status_topic(device)
        self._clock = clock
        self._health = health
        status = () if self._status is None else (self._status,)
        own = (self._place.topic,) if self._session is None else sparkplug_topics(device)
        self.topics = (*own, *status)

    @property
    def missing(self) -> str:
        """Why nothing has come yet."""
        if self._session is not None and self._session.nameless:
            return "its metrics come by aliases; their names come with its next birth"
        return "nothing has come yet"

    def take(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """A message; junk is counted, and changes nothing that stands."""
        try:
            if topic == self._status:
                self._take_status(payload)
            elif self._session is not None:
                self._take_metrics(self._session, kind_of(topic), payload)
            else:
                self._take_value(payload, retained=retained)
        except JunkPayload:
            self._health.failed("garbled")

    def _take_status(self, payload: bytes) -> None:
        content = decoded_payload(payload)
        words = [str(at_path(content, path)).strip().lower() for path in _STATUS_PATHS]
        if any(word in _GONE for word in words):
            self._gone()
        elif any(word in _THERE for word in words):
            self.offline = False

    def _gone(self) -> None:
        if not self.offline:
            self.offline = True
            now = self._clock.now()
            self._health.silent(now)
            self._tell(Reading(self.point.id, now, None, Quality.NO_REPLY, now, _OFFLINE))
        self.heard.set()

    def _take_value(self, payload: bytes, *, retained: bool) -> None:
        content = decoded_payload(payload)
        found = at_path(content, self._place.path)
        if found is None:
            return  # a message of another kind on the same topic
        now = self._clock.now()
        time = self._place.time
        measured = None if time is None else moment(at_path(content, time), now)
        self._keep(found, measured, now, retained=retained)

    def _take_metrics(self, session: SparkplugSession, kind: str, payload: bytes) -> None:
        try:
            found = metrics(payload)
        except JunkPayload:
            if not session.ended(kind, ()):
                raise
            found = ()
        if session.ended(kind, found):
            self._gone()
            return
        now = self._clock.now()
        for metric in session.values(kind, found):
            self.offline = False
            if metric.value is not None:
                stated = None if metric.time_ms is None else metric.time_ms / _MS
                self._keep(metric.value, moment(stated, now), now, retained=False)

    def _keep(
        self, content: Any, measured: datetime | None, now: datetime, *, retained: bool
    ) -> None:
        raw = number(content)
        value = float(f"{raw * self._address.scale + self._address.offset:.15g}")
        if not math.isfinite(value):
            raise JunkPayload("a number beyond all sense")
        old = retained and measured is None
        reading = Reading(
            self.point.id,
            (measured or now).astimezone(UTC),
            value,
            Quality.UNCERTAIN if old else Quality.GOOD,
            now,
            _AGE_UNKNOWN if old else None,
        )
        self.offline = self.offline and retained
        self._health.answers += 1
        self._health.last_good = now
        if self.last is None or self.last.time <= reading.time:
            self.last = reading
        self.heard.set()
        if not old:
            self._tell(reading)

    def _tell(self, reading: Reading) -> None:
        for on_reading in tuple(self.watchers):
            on_reading(reading)


def _not_writable(point: Point) -> Fact:
    return fact(RefusalReason.NOT_WRITABLE, point=point.id)
