"""Requests to one BACnet device: its address, identity, capabilities, circuit breaker, health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bms.errors import DeviceError
from bms.model.assets.device import Device, Fingerprint
from bms.ports.clock import Clock
from drivers.bacnet.batching import UNKNOWN_SIZE
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import primitives
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.errors import ReplyTooLong
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.services import IAm, PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.endpoint import DeviceEndpoint
from drivers.bacnet.link import OUTSTANDING, BacnetLink
from drivers.bacnet.local_port import MAX_APDU
from drivers.bacnet.trace import BacnetTrace
from drivers.fieldbus.availability import CircuitBreaker, HealthCounters
from drivers.fieldbus.errors import (
    DeviceRefusal,
    InvalidReply,
    NoReply,
    PermanentRefusal,
    TooLate,
    WrongDevice,
)
from drivers.fieldbus.fingerprint import check_fingerprint, wrong_instance

UNKNOWN_BATCH, MOST_BATCH = 20, 200
_LEAST_APDU = 50
_VERIFIED_FOR_S = 3600.0
_FIELDS = {
    "vendor": codec.VENDOR_NAME,
    "model": codec.MODEL_NAME,
    "name": codec.OBJECT_NAME,
    "serial": codec.SERIAL_NUMBER,
}
UNKNOWN_OBJECT = "unknown-object"


@dataclass(slots=True)
class RefusedObjects:
    """Objects that a device does not have, and because of which it refuses all that is asked with
    them. They are left out, and asked alone ever more rarely: after ``first_s`` [s], each time
    twice as long, up to ``longest_s`` [s]."""

    clock: Clock
    first_s: float = 300.0
    longest_s: float = 86_400.0
    version: int = 0
    _known: dict[int, tuple[DeviceError, float, float]] = field(default_factory=dict)

    def add(self, object_id: int, error: DeviceError) -> None:
        """The object was asked alone, and refused."""
        wait_s = self.first_s
        if object_id in self._known:
            wait_s = min(2 * self._known[object_id][2], self.longest_s)
        self._known[object_id] = error, self.clock.monotonic() + wait_s, wait_s
        self.version += 1

    def discard(self, object_id: int) -> None:
        """The object was read."""
        if self._known.pop(object_id, None) is not None:
            self.version += 1

    def alone(self, object_id: int) -> bool:
        """Whether the object is never asked for together with others."""
        return object_id in self._known

    def error(self, object_id: int) -> DeviceError | None:
        """Why the object is not asked for now; None where it is."""
        known = self._known.get(object_id)
        return known[0] if known is not None and self.clock.monotonic() < known[1] else None

    @property
    def next_at(self) -> float:
        """When the next of them may be asked again [s], on the clock of the wire."""
        now = self.clock.monotonic()
        return min((at for _, at, _ in self._known.values() if at > now), default=float("inf"))


@dataclass(slots=True)
class Capabilities:
    """What a device supports: ``max_apdu`` [octets], properties in one request, and requests in
    flight. ``read_multiple`` is False where it does not know ReadPropertyMultiple."""

    max_apdu: int = UNKNOWN_SIZE
    max_properties: int = UNKNOWN_BATCH
    read_multiple: bool = True
    max_outstanding: int = OUTSTANDING
    segmentation: int | None = None
    vendor: int | None = None


class BacnetSession:
    """Requests to one device, at the place that ``DeviceEndpoint`` knows.

    ``identify`` makes sure that it is the device of the site file. ``i_am`` is its I-Am, where one
    was just received. ``silences`` [1] counts the requests that it did not answer.
    """

    def __init__(
        self, device: Device, link: BacnetLink, clock: Clock, i_am: IAm | None = None
    ) -> None:
        self.device = device
        self.link = link
        self.clock = clock
        self.breaker = CircuitBreaker(device.id, clock)
        self.capabilities = Capabilities()
        self.trace = BacnetTrace()
        self._health = HealthCounters()
        self._endpoint = DeviceEndpoint(device, link, self._health, i_am)
        self._verified_at: tuple[float, datetime] | None = None
        self._has_sizes = False
        self._repeated = 0
        self.silences = 0
        self.refused = RefusedObjects(clock)
        """Objects for which the device refused a whole ReadPropertyMultiple."""
        if i_am is not None:
            self._adopt(i_am)
            self._has_sizes = True
            self._verified()

    @property
    def health(self) -> HealthCounters:
        """Counters of the device's replies and errors."""
        self._health.left_alone = self.breaker.open
        return self._health

    @property
    def known_peer(self) -> Peer | None:
        """The address of the device; None before it was resolved."""
        return self._endpoint.peer

    async def peer(self) -> Peer:
        """The address of the device. Raises as ``DeviceEndpoint.resolve`` does."""
        return await self._endpoint.resolve()

    async def request(self, service: int, parameters: bytes, *, segmented: bool = False) -> bytes:
        """Parameters of the acknowledgement. Raises ``DeviceError`` as ``BacnetLink`` does."""
        started = self.clock.monotonic()
        try:
            peer = await self.peer()
            ack = await self.link.confirmed(
                peer, service, parameters, self.device.timeout_s, segmented=segmented
            )
        except TooLate:
            raise
        except DeviceError as error:
            self._failed(error)
            self._note(service, parameters, str(error), started)
            raise
        self.breaker.succeeded()
        self._learn_losses(peer)
        took_s = self._note(service, parameters, ack, started)
        self._health.answered(took_s, self.clock.now())
        return ack

    def _learn_losses(self, peer: Peer) -> None:
        """A device with room for one datagram drops what comes while it is busy: where requests
        had to be repeated beside others, fewer are sent at once from then on."""
        repeated = self.link.repeated(peer)
        if repeated > self._repeated:
            self._repeated = repeated
            self.limit_outstanding(max(1, self.capabilities.max_outstanding // 2))

    def limit_outstanding(self, most: int) -> None:
        """Have at most so many requests in flight from now on [1]."""
        self.capabilities.max_outstanding = min(most, self.capabilities.max_outstanding)

    def _failed(self, error: DeviceError) -> None:
        if isinstance(error, NoReply):
            self._verified_at = None
            self._health.silent(self.clock.now())
            self.silences += 1
            self.breaker.failed(str(error))
            return
        if isinstance(error, WrongDevice):
            return
        self._health.failed(str(error.code) if isinstance(error, DeviceRefusal) else "garbled")
        self.breaker.succeeded()

    def _note(self, service: int, parameters: bytes, answer: bytes | str, at: float) -> float:
        took_s = self.clock.monotonic() - at
        self.trace.add(service, parameters, answer, at, took_s)
        return took_s

    async def read_property(self, reference: Reference) -> list[Tag]:
        """The tags of one property, segmented where that is needed. Raises ``DeviceError``."""
        request = codec.read_property(reference)
        try:
            ack = await self.request(codec.READ_PROPERTY, request)
        except ReplyTooLong:
            ack = await self.request(codec.READ_PROPERTY, request, segmented=True)
        return codec.read_property_ack(reference, ack)

    async def write_property(
        self, reference: Reference, value: bytes, priority: int | None = None
    ) -> None:
        """Write an encoded value. Raises ``DeviceError``.

        Nothing is asked between the question who is there and the write: over UDP nobody tells
        that another device has the address now (W1). Where no acknowledgement comes it is written
        once more, after the same question.
        """
        request = codec.write_property(reference, value, priority)
        segmented = len(request) + 4 > self.capabilities.max_apdu
        await self.identify(again=True)
        try:
            ack = await self.request(codec.WRITE_PROPERTY, request, segmented=segmented)
        except NoReply:
            await self.identify(again=True)
            ack = await self.request(codec.WRITE_PROPERTY, request, segmented=segmented)
        if ack:
            raise InvalidReply("the acknowledgement of a write carries data")

    async def identify(self, *, again: bool = False) -> None:
        """Make sure that the device of the site file answers at its place (CONTRACT, W1).

        The instance is read at the start, after each time that there was no reply, after an I-Am of
        it, and every hour; with ``again``, and where the site file has a fingerprint, each time.
        Raises ``WrongDevice`` for another device, else ``DeviceError`` as the requests do.
        """
        device = self.device
        if device.instance is None and device.fingerprint is None:
            return
        announced = self._endpoint.take_announced()
        if not (again or announced or device.fingerprint) and self._is_verified():
            return
        self._verified_at = None
        try:
            await self._verify(device)
        except WrongDevice as error:
            self._health.wrong_device = str(error)
            raise
        if device.instance is not None and not self._has_sizes:
            await self._read_sizes(device.instance)
            self._has_sizes = True
        self._verified()

    def _verified(self) -> None:
        self._verified_at = self.clock.monotonic(), self.clock.now()
        self._health.wrong_device = None

    def _is_verified(self) -> bool:
        if self._verified_at is None:
            return False
        monotonic, now = self._verified_at
        return self.clock.monotonic() - monotonic < _VERIFIED_FOR_S and abs(
            self.clock.now() - now
        ) < timedelta(seconds=_VERIFIED_FOR_S)

    async def _verify(self, device: Device) -> None:
        wanted = () if device.fingerprint is None else tuple(device.fingerprint.known)
        try:
            seen = await self._identity(wanted)
        except (NoReply, WrongDevice):
            # A device that was there before is not searched: it is silent, or was replaced.
            elsewhere = await self._endpoint.moved()
            if not elsewhere and (self._has_sizes or not await self._endpoint.search()):
                await self._endpoint.ask_around()
                raise
            seen = await self._identity(wanted)
        if wanted:
            self._health.fingerprint = seen
            check_fingerprint(device, str(await self.peer()), seen)

    async def fingerprint(self) -> Fingerprint:
        """What the device says it is. Raises ``DeviceError`` as the requests do."""
        seen = await self._identity(tuple(_FIELDS))
        self._health.fingerprint = seen
        return seen

    async def _identity(self, fields: Sequence[str]) -> Fingerprint:
        """These fields of what the device says it is; its instance is read with them.

        Raises ``WrongDevice`` where it has another instance.
        """
        instance = codec.ANY_INSTANCE if self.device.instance is None else self.device.instance
        names = (codec.OBJECT_IDENTIFIER, *(_FIELDS[field] for field in fields))
        itself, *texts = await self._properties(
            [Reference(codec.DEVICE, instance, name) for name in names]
        )
        await self._check_instance(itself)
        return Fingerprint(
            **{
                field: primitives.decode_text(answer)
                for field, answer in zip(fields, texts, strict=True)
                if isinstance(answer, list)
            }
        )

    async def _check_instance(self, itself: list[Tag] | DeviceError) -> None:
        instance = self.device.instance
        if instance is None:
            return  # whoever answers at the address; its fingerprint tells it
        if isinstance(itself, DeviceRefusal) and itself.code == UNKNOWN_OBJECT:
            raise wrong_instance(self.device, str(await self.peer()))
        if isinstance(itself, DeviceError):
            raise itself
        if values.object_id(itself) != codec.DEVICE << 22 | instance:
            raise wrong_instance(self.device, str(await self.peer()))

    async def _properties(self, wanted: Sequence[Reference]) -> list[list[Tag] | DeviceError]:
        """The properties at once, or one by one where the device does not give them so."""
        if len(wanted) > 1 and self.capabilities.read_multiple:
            try:
                ack = await self.request(
                    codec.READ_PROPERTY_MULTIPLE, codec.read_property_multiple(wanted)
                )
                found = codec.read_property_multiple_ack(wanted, ack)
                if not isinstance(found[0], PropertyError):
                    return [_answer(each) for each in found]
            except (DeviceRefusal, ReplyTooLong):
                pass
        return [await self._property(each) for each in wanted]

    async def _property(self, wanted: Reference) -> list[Tag] | DeviceError:
        try:
            return await self.read_property(wanted)
        except (PermanentRefusal, ReplyTooLong) as error:
            return error

    async def _read_sizes(self, instance: int) -> None:
        """Read the capabilities from the last I-Am, or from the device object."""
        i_am = self._endpoint.i_am
        if i_am is not None:
            return self._adopt(i_am)
        capabilities = self.capabilities
        size = await self._number(Reference(codec.DEVICE, instance, codec.MAX_APDU_LENGTH))
        if size is not None:
            self._set_sizes(size)
        capabilities.segmentation = await self._number(
            Reference(codec.DEVICE, instance, codec.SEGMENTATION)
        )
        self._set_outstanding(await self.peer())
        return None

    async def _number(self, reference: Reference) -> int | None:
        try:
            found = values.decode_number(await self.read_property(reference)).value
        except (DeviceRefusal, InvalidReply, ReplyTooLong):
            return None
        return None if found is None else int(found)

    def _adopt(self, i_am: IAm) -> None:
        self._set_sizes(i_am.max_apdu)
        self.capabilities.segmentation, self.capabilities.vendor = i_am.segmentation, i_am.vendor
        self._set_outstanding(i_am.peer)

    def _set_outstanding(self, peer: Peer) -> None:
        most = 1 if peer.network is not None else OUTSTANDING
        self.limit_outstanding(min(most, self.device.max_outstanding or OUTSTANDING))

    def _set_sizes(self, size: int) -> None:
        size = min(MAX_APDU, max(_LEAST_APDU, size))
        if size != self.capabilities.max_apdu or self.capabilities.max_properties == UNKNOWN_BATCH:
            self.capabilities.max_apdu, self.capabilities.max_properties = size, MOST_BATCH


def _answer(found: list[Tag] | PropertyError) -> list[Tag] | DeviceError:
    if not isinstance(found, PropertyError):
        return found
    return PermanentRefusal(f"error {found.error_class}, {found.error_code}", found.error_code)
