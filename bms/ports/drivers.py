"""Drivers of devices: read, write, release, watch, logs, clocks and health."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from bms.model.assets.device import Device, Fingerprint
from bms.model.assets.point import Point
from bms.model.control.command import Command, Receipt, ReleaseReceipt
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.device_clock import NoTime, ShownTime
from bms.model.readings.measurement import Reading
from bms.model.readings.trend_log import LogAnswer


class Driver(Protocol):
    """One device on the network.

    ``read`` gives exactly one reading per point, in their order, stamped with ``at`` (building
    time); what cannot be read is None with a quality. ``command_states`` gives one answer per
    writable point, in their order: who commands it. ``write`` reads back. ``release`` goes the way
    that the point declares; ``at`` decides what a timetable says. None of them raises for what a
    device does: outcomes are values. Each call ends within a few of the device's time-outs.
    """

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]: ...

    async def command_states(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]: ...

    async def write(self, point: Point, command: Command) -> Receipt: ...

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt: ...

    async def close(self) -> None: ...


@runtime_checkable
class WatchingDriver(Driver, Protocol):
    """A driver that can also be told of changes; not every protocol can."""

    async def watch(self, points: Sequence[Point], on_reading: Callable[[Reading], None]) -> None:
        """Call ``on_reading`` with each reading that comes in, until cancelled."""
        ...


@runtime_checkable
class QueuedDriver(Driver, Protocol):
    """A driver whose device shares a slow line: its calls wait until the others are served."""

    @property
    def patience_s(self) -> float:
        """How long a call may take [s] before it is given up."""
        ...


@runtime_checkable
class HeartbeatDriver(Driver, Protocol):
    """A driver that toggles the heartbeat of its device, where the device has one."""

    async def beat(self, at: datetime) -> None:
        """Toggle it once for each ``at`` (building time of the tick). A write that succeeds does
        so by itself. Raises nothing for what a device does."""
        ...


@runtime_checkable
class LogDriver(Driver, Protocol):
    """A driver of devices that keep logs by themselves."""

    async def logged(self, point: Point, after: datetime, before: datetime, most: int) -> LogAnswer:
        """What the point's ``trend_log`` has between two moments, both excluded.

        From the oldest on, about ``most`` entries [1] at once. Raises nothing for what a device
        does.
        """
        ...


@runtime_checkable
class ClockDriver(Driver, Protocol):
    """A driver of devices that have a clock. Neither raises for what a device does."""

    async def clock(self) -> ShownTime | NoTime: ...

    async def set_clock(self) -> ShownTime | NoTime:
        """Tell the device the time where its ``set_clock`` allows it, and read what it shows."""
        ...


@runtime_checkable
class IdentifyingDriver(Driver, Protocol):
    """A driver of devices that can say what they are."""

    async def fingerprint(self) -> Fingerprint | None:
        """What the device says it is; None where it says nothing or does not answer.

        Raises nothing for what a device does.
        """
        ...


class DeviceHealth(Protocol):
    """How a device has been doing since this process began to ask it."""

    @property
    def answers(self) -> int:
        """Answers that could be used [1]."""
        ...

    @property
    def latency_s(self) -> float | None:
        """Moving mean of the time to an answer [s]; None before the first one."""
        ...

    @property
    def errors(self) -> Mapping[str, int]:
        """Failed exchanges by code: the protocol's own, ``silence`` or ``garbled``."""
        ...

    @property
    def last_good(self) -> datetime | None:
        """Building time of the last answer that could be used."""
        ...

    @property
    def left_alone(self) -> bool:
        """Whether its circuit breaker is open: it was silent and is not asked now."""
        ...

    @property
    def clock_drift_s(self) -> float | None:
        """How much its clock was ahead of building time when it was last read [s]."""
        ...

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What it said it is when it was last asked."""
        ...

    @property
    def wrong_device(self) -> str | None:
        """Why what answers is not taken for the device of the site file; None where it is."""
        ...

    @property
    def elsewhere(self) -> Mapping[str, int]:
        """Announcements of its device instance from other addresses [1], by address."""
        ...


class Exchange(Protocol):
    """A request to a device and what came back, without the framing of the wire."""

    @property
    def to(self) -> str:
        """Whom or what was asked: a unit, a service."""
        ...

    @property
    def request(self) -> bytes: ...

    @property
    def answer(self) -> bytes | str:
        """The reply, or in words what stood in its place."""
        ...

    @property
    def at(self) -> float:
        """When it began [s], on a clock of the wire: only differences mean anything."""
        ...

    @property
    def took_s(self) -> float:
        """Time to the answer [s]."""
        ...


class Drivers(Protocol):
    """Gives the driver of a device and keeps its connection."""

    def driver(self, device: Device) -> Driver: ...

    def health(self) -> Mapping[str, DeviceHealth]:
        """By device id, for the devices that this process has asked over a network."""
        ...

    def trace(self, device_id: str) -> Sequence[Exchange]:
        """The last exchanges with a device, oldest first; none where there is no network."""
        ...

    async def keep_only(self, devices: Collection[Device]) -> None:
        """Let go of every other device, and close the connections that no device needs any more. A
        device that was let go has a new driver when it is asked for."""
        ...

    async def close(self) -> None: ...
