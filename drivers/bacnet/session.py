"""Requests to one BACnet device: its address, identity, capabilities, circuit breaker, health."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bms.errors import DeviceError
from bms.model.assets.device import Device
from bms.ports.clock import Clock
from drivers.bacnet.batching import UNKNOWN_SIZE
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.errors import ReplyTooLong
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.services import IAm, Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.link import OUTSTANDING, BacnetLink
from drivers.bacnet.local_port import MAX_APDU
from drivers.bacnet.trace import BacnetTrace
from drivers.fieldbus.availability import CircuitBreaker, HealthCounters
from drivers.fieldbus.errors import DeviceRefusal, InvalidReply, NoReply, PermanentRefusal

UNKNOWN_BATCH, MOST_BATCH = 20, 200
_SEARCH_S, _SEARCH_EVERY_S = 1.0, 60.0
_LEAST_APDU = 50
_LOG = logging.getLogger(__name__)


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
    """Requests to one device.

    The first contact verifies the device instance. A device that is not at its address is searched
    by Who-Is: behind the router at that address, and, when nothing replies, on the local network.
    ``i_am`` is its I-Am, where one was just received. ``silences`` [1] counts the requests that it
    did not answer.
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
        self._peer: Peer | None = None
        self._verified = device.instance is None
        self._searched_at = float("-inf")
        self._has_sizes = False
        self.silences = 0
        if i_am is not None:
            self._peer = i_am.peer
            self._adopt(i_am)
            self._has_sizes = self._verified = True

    @property
    def health(self) -> HealthCounters:
        """Counters of the device's replies and errors."""
        self._health.left_alone = self.breaker.open
        return self._health

    @property
    def known_peer(self) -> Peer | None:
        """The address of the device; None before it was resolved."""
        return self._peer

    async def peer(self) -> Peer:
        """The address of the device. Raises ``NoReply`` when its host cannot be resolved."""
        if self._peer is None:
            self._peer = await self.link.resolve(self.device.host, self.device.port)
        return self._peer

    async def request(self, service: int, parameters: bytes, *, segmented: bool = False) -> bytes:
        """Parameters of the acknowledgement. Raises ``DeviceError`` as ``BacnetLink`` does."""
        started = self.clock.monotonic()
        try:
            peer = await self.peer()
            ack = await self.link.confirmed(
                peer, service, parameters, self.device.timeout_s, segmented=segmented
            )
        except DeviceError as error:
            self._failed(error)
            self._note(service, parameters, str(error), started)
            raise
        self.breaker.succeeded()
        took_s = self._note(service, parameters, ack, started)
        self._health.answered(took_s, self.clock.now())
        return ack

    def _failed(self, error: DeviceError) -> None:
        if isinstance(error, NoReply):
            self._verified = self.device.instance is None
            self._health.silent(self.clock.now())
            self.silences += 1
            self.breaker.failed(str(error))
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
        """Write an encoded value. Raises ``DeviceError``."""
        request = codec.write_property(reference, value, priority)
        segmented = len(request) + 4 > self.capabilities.max_apdu
        if await self.request(codec.WRITE_PROPERTY, request, segmented=segmented):
            raise InvalidReply("the acknowledgement of a write carries data")

    async def identify(self) -> None:
        """Verify the device instance, once after each time that the device did not reply.

        Raises ``PermanentRefusal`` when another device replies at the address.
        """
        instance = self.device.instance
        if self._verified or instance is None:
            return
        itself = Reference(codec.DEVICE, instance, codec.OBJECT_IDENTIFIER)
        try:
            value = await self.read_property(itself)
        except PermanentRefusal as error:
            if not await self._found_behind_router():
                device = self.device
                raise PermanentRefusal(
                    f"{device.host}:{device.port} is not BACnet device {instance} ({error})",
                    error.code,
                ) from error
            value = await self.read_property(itself)
        except NoReply:
            if not await self._found_by_broadcast():
                raise
            value = await self.read_property(itself)
        if values.object_id(value) != itself.object_id:
            raise PermanentRefusal(f"device {instance} has no identifier", "identifier")
        if not self._has_sizes:
            await self._read_sizes(instance)
            self._has_sizes = True
        self._verified = True

    async def _read_sizes(self, instance: int) -> None:
        """Read the capabilities from the last I-Am, or from the device object."""
        i_am = self.link.i_ams.get(instance)
        if i_am is not None and i_am.peer == await self.peer():
            return self._adopt(i_am)
        capabilities = self.capabilities
        size = await self._number(Reference(codec.DEVICE, instance, codec.MAX_APDU_LENGTH))
        if size is not None:
            self._set_sizes(size)
        capabilities.segmentation = await self._number(
            Reference(codec.DEVICE, instance, codec.SEGMENTATION)
        )
        capabilities.max_outstanding = 1 if (await self.peer()).network is not None else OUTSTANDING
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
        self.capabilities.max_outstanding = 1 if i_am.peer.network is not None else OUTSTANDING

    def _set_sizes(self, size: int) -> None:
        size = min(MAX_APDU, max(_LEAST_APDU, size))
        if size != self.capabilities.max_apdu or self.capabilities.max_properties == UNKNOWN_BATCH:
            self.capabilities.max_apdu, self.capabilities.max_properties = size, MOST_BATCH

    async def _found_behind_router(self) -> bool:
        """Whether the address is that of a router to the device."""
        home = await self.link.resolve(self.device.host, self.device.port)
        return await self._search(home)

    async def _found_by_broadcast(self) -> bool:
        """Whether the device that does not reply sends an I-Am from another address."""
        now = self.clock.monotonic()
        i_am = self.link.i_ams.get(self.device.instance or 0)
        if i_am is not None and i_am.peer != await self.peer():
            return self._relocate(i_am)
        if now - self._searched_at < _SEARCH_EVERY_S:
            return False
        self._searched_at = now
        return await self._search(None)

    async def _search(self, via: Peer | None) -> bool:
        instance = self.device.instance
        wait_s = min(_SEARCH_S, self.device.timeout_s)
        try:
            found = await self.link.who_is(wait_s, via=via, low=instance, high=instance)
        except NoReply:
            return False  # there is no broadcast from here
        return bool(found) and self._relocate(found[0])

    def _relocate(self, i_am: IAm) -> bool:
        if i_am.peer == self._peer:
            return False
        _LOG.warning("%s is found at %s", self.device.id, i_am.peer)
        self._peer = i_am.peer
        self._adopt(i_am)
        return True
