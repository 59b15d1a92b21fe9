"""The Driver of one BACnet device."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bms.errors import DeviceError
from bms.model.command import (
    Command,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
    StillHeld,
)
from bms.model.reading import Quality, Reading
from bms.model.site import BacnetAddress, Device, Point, ReleaseKind
from bms.ports import Clock
from drivers import bacnet_codec as codec
from drivers import bacnet_values as values
from drivers.bacnet import OUTSTANDING, BacnetLink, NotSupported, TooLong, reference
from drivers.bacnet_codec import PropertyError, Reference
from drivers.bacnet_tags import Tag
from drivers.breaker import Breaker
from drivers.codec import Decoded
from drivers.limits import Fitted, fit, receipt, stands
from drivers.readings import reading
from drivers.refusals import Garbled, Refusal, RefusedForGood, Silence, quality_of, retryable

BATCH = 20
_OPERATOR = 8
_LOOKS = 3
_LOOK_AGAIN_S = 0.1
_LEFT_ALONE = Decoded(None, Quality.NO_REPLY, "left alone for a while: it did not answer")

# How a present value is written, by object type (clause 12).
_WRITERS: dict[int, Callable[[float], bytes]] = {
    1: values.real,  # analog-output
    2: values.real,  # analog-value
    4: values.enumerated,  # binary-output
    5: values.enumerated,  # binary-value
    14: values.unsigned,  # multi-state-output
    19: values.unsigned,  # multi-state-value
    45: values.signed,  # integer-value
    46: values.double,  # large-analog-value
    48: values.unsigned,  # positive-integer-value
}
_BINARY = (4, 5)
_UNKNOWN_PROPERTY = (2, 32)

# Places in the answer to the caller, and what is asked for them.
_Batch = Sequence[tuple[int, Reference]]


@dataclass(frozen=True, slots=True)
class _Target:
    """A point that may be written: what, how and with which rule."""

    present_value: Reference
    priority_array: Reference
    priority: int
    encoded: Callable[[float], bytes]


class BacnetDriver:
    """Reads, writes and releases the points of one device (``bms.ports.Driver``).

    The only way back is ``null``: a write needs an object with a priority array.
    """

    def __init__(self, device: Device, link: BacnetLink, clock: Clock) -> None:
        self._device = device
        self._link = link
        self._clock = clock
        self._breaker = Breaker(device.id, clock)
        self._batch = BATCH
        self._multiple = True
        self._known = device.instance is None

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        """One reading per point, in their order. Points of another protocol get an error."""
        outcome: list[Decoded] = [_LEFT_ALONE] * len(points)
        asked: list[tuple[int, Reference]] = []
        for place, point in enumerate(points):
            try:
                asked.append((place, _reference(point)))
            except ValueError as error:
                outcome[place] = Decoded(None, Quality.DEVICE_ERROR, str(error))
        if asked and not self._breaker.open:
            await self._read_all(asked, outcome)
        received = self._clock.now()
        return [
            reading(point, decoded, at, received)
            for point, decoded in zip(points, outcome, strict=True)
        ]

    async def write(self, point: Point, command: Command) -> Receipt:
        """Look who holds the point, write at its priority, read back."""
        if point.write is None:
            return Refused(command, f"{point.id} is not writable")
        try:
            target = _target(point)
            fitted = fit(point.write, command.value)
            encoded = target.encoded(fitted.value)
        except ValueError as error:
            return Refused(command, f"{point.id}: {error}")
        try:
            await self._identify()
            slots = await self._slots(target)
            if slots is None:
                return Refused(
                    command, f"{point.id} has no priority array: null is no way back from it"
                )
            if (holder := _holder(command, target, slots)) is not None:
                return holder
            await self._put(target, encoded)
            return await self._read_back(point, command, target, fitted)
        except DeviceError as error:
            return Failed(command, f"{self._device.id}: {error}", retryable(error))

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """Relinquish our slot, and believe only the priority array that is read back."""
        try:
            target = _target(point)
        except ValueError as error:
            return StillHeld(point.id, str(error), retryable=False)
        try:
            await self._identify()
            return await self._relinquish(point.id, target)
        except DeviceError as error:
            return StillHeld(point.id, f"{self._device.id}: {error}", retryable(error))

    async def close(self) -> None:
        """Nothing of its own to close: the link is shared."""

    # Reading

    async def _read_all(self, asked: _Batch, outcome: list[Decoded]) -> None:
        try:
            await self._identify()
            size = self._batch if self._multiple else 1
            batches = deque(asked[at : at + size] for at in range(0, len(asked), size))
            # The first goes alone: what it teaches (size, service, silence) spares the others.
            await self._read_batch(batches.popleft(), outcome)
            await self._read_rest(batches, outcome)
        except DeviceError as error:
            failed = Decoded(None, quality_of(error), str(error))
            for place, _ in asked:
                if outcome[place] is _LEFT_ALONE:
                    outcome[place] = failed

    async def _read_rest(self, batches: deque[_Batch], outcome: list[Decoded]) -> None:
        """A few at a time; when the device falls silent, the others are not asked any more."""

        async def work() -> None:
            while batches:
                try:
                    await self._read_batch(batches.popleft(), outcome)
                except DeviceError:
                    batches.clear()
                    raise

        workers = (work() for _ in range(min(OUTSTANDING, len(batches))))
        for error in await asyncio.gather(*workers, return_exceptions=True):
            if error is not None:
                raise error

    async def _read_batch(self, batch: _Batch, outcome: list[Decoded]) -> None:
        """Fill ``outcome``; raises only what concerns the whole device."""
        references = [reference for _, reference in batch]
        try:
            answers = await self._values(references)
        except TooLong as error:
            if len(batch) == 1:
                _fill(batch, outcome, error)
                return
            self._batch = max(1, min(self._batch, len(batch) // 2))
        except NotSupported as error:
            if not self._multiple and len(batch) == 1:
                _fill(batch, outcome, error)
                return
            self._multiple = False
        except Silence:
            raise
        except DeviceError as error:
            if len(batch) == 1:
                _fill(batch, outcome, error)
                return
        else:
            for (place, _), value in zip(batch, answers, strict=True):
                outcome[place] = _decoded(value)
            return
        await self._read_parts(batch, outcome)

    async def _read_parts(self, batch: _Batch, outcome: list[Decoded]) -> None:
        size = max(1, len(batch) // 2) if self._multiple else 1
        for at in range(0, len(batch), size):
            await self._read_batch(batch[at : at + size], outcome)

    async def _values(self, references: Sequence[Reference]) -> list[list[Tag] | PropertyError]:
        if len(references) == 1:
            ack = await self._ask(codec.READ_PROPERTY, codec.read_property(references[0]))
            return [codec.read_property_ack(references[0], ack)]
        ack = await self._ask(
            codec.READ_PROPERTY_MULTIPLE, codec.read_property_multiple(references)
        )
        return codec.read_property_multiple_ack(references, ack)

    async def _identify(self) -> None:
        """Make sure, once per contact, that the device at this address is the one we mean.

        Raises ``RefusedForGood`` when another one answers.
        """
        if self._known or self._device.instance is None:
            return
        itself = Reference(codec.DEVICE, self._device.instance, codec.OBJECT_IDENTIFIER)
        try:
            (value,) = await self._values([itself])
        except RefusedForGood as error:
            raise RefusedForGood(
                f"{self._device.host}:{self._device.port} is not BACnet device "
                f"{self._device.instance} ({error})",
                error.code,
            ) from error
        self._known = not isinstance(value, PropertyError) and (
            values.object_id(value) == itself.object_id
        )
        if not self._known:
            raise RefusedForGood(f"device {self._device.instance} has no identifier", "identifier")

    async def _ask(self, service: int, payload: bytes) -> bytes:
        device = self._device
        try:
            ack = await self._link.confirmed(
                device.host, device.port, service, payload, device.timeout_s
            )
        except Silence as error:
            self._known = device.instance is None
            self._breaker.silent(str(error))
            raise
        except DeviceError:
            self._breaker.answered()
            raise
        self._breaker.answered()
        return ack

    # Writing and giving back

    async def _put(self, target: _Target, encoded: bytes) -> None:
        payload = codec.write_property(target.present_value, encoded, target.priority)
        if await self._ask(codec.WRITE_PROPERTY, payload):
            raise Garbled("the acknowledgement of a write carries data")

    async def _relinquish(self, point: str, target: _Target) -> ReleaseReceipt:
        slots = await self._slots(target)
        if slots is not None and target.priority in slots:
            await self._put(target, values.NULL)
            slots = await self._slots(target)
        if slots is None:
            return StillHeld(point, "it has no priority array", retryable=False)
        if target.priority in slots:
            return StillHeld(point, f"slot {target.priority} still holds a value")
        return Released(point, await self._effective(target))

    async def _slots(self, target: _Target) -> dict[int, float | None] | None:
        """Occupied slots of the priority array; None when the object has none."""
        try:
            (value,) = await self._values([target.priority_array])
        except Refusal as error:
            if error.code == "unknown-property":
                return None
            raise
        assert not isinstance(value, PropertyError)
        return values.occupied_slots(value)

    async def _effective(self, target: _Target) -> float | None:
        try:
            (value,) = await self._values([target.present_value])
        except DeviceError:
            return None  # it is given back; what stands now is only news
        return _decoded(value).value

    async def _read_back(
        self, point: Point, command: Command, target: _Target, fitted: Fitted
    ) -> Receipt:
        """Look a few times, as a slow controller may take a moment to take the value over."""
        assert point.write is not None
        seen: float | None = None
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_LOOK_AGAIN_S)
            (value,) = await self._values([target.present_value])
            seen = _decoded(value).value
            if seen is not None and stands(point.write, fitted.value, seen):
                return receipt(command, fitted, seen)
        holder = _holder(command, target, await self._slots(target) or {})
        text = f"wrote {fitted.value:g} at priority {target.priority}, it reads back {seen}"
        return holder or Failed(command, text, retryable=True)


def _reference(point: Point) -> Reference:
    if not isinstance(point.address, BacnetAddress):
        raise ValueError("not a BACnet address")
    return reference(point.address)


def _target(point: Point) -> _Target:
    """Raises ValueError for what cannot be written, or not given back over BACnet."""
    present_value = _reference(point)
    rule = point.write
    if rule is None:
        raise ValueError("not a writable point")
    if rule.release.kind is not ReleaseKind.NULL:
        raise ValueError(f"the way back {rule.release.kind} is none of a BACnet point; use null")
    encoded = _WRITERS.get(present_value.object_type)
    if encoded is None or present_value.property_id != codec.PRESENT_VALUE:
        raise ValueError("only the present value of a commandable object is written")
    if present_value.object_type in _BINARY:
        encoded = _binary
    array = Reference(present_value.object_type, present_value.instance, codec.PRIORITY_ARRAY)
    return _Target(present_value, array, rule.priority, encoded)


def _binary(value: float) -> bytes:
    if value not in (0.0, 1.0):
        raise ValueError(f"{value} is neither of the two states of a binary object")
    return values.enumerated(value)


def _holder(command: Command, target: _Target, slots: dict[int, float | None]) -> Overridden | None:
    """Who holds the point above us, if anybody does."""
    above = [slot for slot in slots if slot < target.priority]
    if not above:
        return None
    by = "operator" if above[0] <= _OPERATOR else "another program"
    return Overridden(command, above[0], slots[above[0]], by)


def _decoded(value: list[Tag] | PropertyError) -> Decoded:
    if isinstance(value, PropertyError):
        text = (
            "unknown property"
            if (value.error_class, value.error_code) == _UNKNOWN_PROPERTY
            else (f"error class {value.error_class} code {value.error_code}")
        )
        return Decoded(None, Quality.DEVICE_ERROR, text)
    return values.decoded(value)


def _fill(batch: _Batch, outcome: list[Decoded], error: DeviceError) -> None:
    for place, _ in batch:
        outcome[place] = Decoded(None, quality_of(error), str(error))
