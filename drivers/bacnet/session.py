"""What we know of one BACnet device, and the requests to it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bms.errors import DeviceError
from bms.model.assets.device import Device
from bms.ports.clock import Clock
from drivers.bacnet.batching import UNKNOWN_SIZE
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.errors import TooLong
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.services import IAm, Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.link import OUTSTANDING, BacnetLink
from drivers.bacnet.local_port import MAX_APDU
from drivers.bacnet.trace import Trace
from drivers.fieldbus.availability import Breaker, DeviceHealth
from drivers.fieldbus.errors import Garbled, Refusal, RefusedForGood, Silence

UNKNOWN_BATCH, MOST_BATCH = 20, 200
_SEARCH_S, _SEARCH_EVERY_S = 1.0, 60.0
_LEAST_APDU = 50
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Ability:
    """What a device can take: octets of a message, properties in one request, and how many
    requests at once. ``multiple`` is off where it knows no ReadPropertyMultiple."""

    max_apdu: int = UNKNOWN_SIZE
    most: int = UNKNOWN_BATCH
    multiple: bool = True
    outstanding: int = OUTSTANDING
    segmentation: int | None = None
    vendor: int | None = None


class BacnetSession:
    """Requests to one device, which is left alone for a while when it stays silent.

    The first contact makes sure that the device is the one we mean. One that is not where it was
    is looked for by its instance: behind the router at its address, and, when it is silent, on the
    local network. ``heard`` is its announcement, where one was heard just now.
    """

    def __init__(
        self, device: Device, link: BacnetLink, clock: Clock, heard: IAm | None = None
    ) -> None:
        self.device = device
        self.link = link
        self.clock = clock
        self.breaker = Breaker(device.id, clock)
        self.ability = Ability()
        self.trace = Trace()
        self._health = DeviceHealth()
        self._peer: Peer | None = None
        self._known = device.instance is None
        self._searched_at = float("-inf")
        self._sized = False
        if heard is not None:
            self._peer = heard.peer
            self._take(heard)
            self._sized = self._known = True

    @property
    def health(self) -> DeviceHealth:
        """How the device has been doing."""
        self._health.left_alone = self.breaker.open
        return self._health

    @property
    def known_peer(self) -> Peer | None:
        """Where the device is, once that is known."""
        return self._peer

    async def peer(self) -> Peer:
        """Where the device is. Raises ``Silence`` when its host has no address."""
        if self._peer is None:
            self._peer = await self.link.resolve(self.device.host, self.device.port)
        return self._peer

    async def ask(self, service: int, parameters: bytes, *, long: bool = False) -> bytes:
        """Parameters of the acknowledgement. Raises ``DeviceError`` as ``BacnetLink`` does."""
        started = self.clock.monotonic()
        try:
            peer = await self.peer()
            ack = await self.link.confirmed(
                peer, service, parameters, self.device.timeout_s, long=long
            )
        except DeviceError as error:
            self._failed(error)
            self._note(service, parameters, str(error), started)
            raise
        self.breaker.answered()
        took_s = self._note(service, parameters, ack, started)
        self._health.answered(took_s, self.clock.now())
        return ack

    def _failed(self, error: DeviceError) -> None:
        if isinstance(error, Silence):
            self._known = self.device.instance is None
            self._health.failed("silence")
            self.breaker.silent(str(error))
            return
        self._health.failed(str(error.code) if isinstance(error, Refusal) else "garbled")
        self.breaker.answered()

    def _note(self, service: int, parameters: bytes, answer: bytes | str, at: float) -> float:
        took_s = self.clock.monotonic() - at
        self.trace.add(service, parameters, answer, at, took_s)
        return took_s

    async def look(self, reference: Reference) -> list[Tag]:
        """The tags of one property, in segments where it is long. Raises ``DeviceError``."""
        request = codec.read_property(reference)
        try:
            ack = await self.ask(codec.READ_PROPERTY, request)
        except TooLong:
            ack = await self.ask(codec.READ_PROPERTY, request, long=True)
        return codec.read_property_ack(reference, ack)

    async def put(self, reference: Reference, value: bytes, priority: int | None = None) -> None:
        """Write an encoded value. Raises ``DeviceError``."""
        request = codec.write_property(reference, value, priority)
        long = len(request) + 4 > self.ability.max_apdu
        if await self.ask(codec.WRITE_PROPERTY, request, long=long):
            raise Garbled("the acknowledgement of a write carries data")

    async def identify(self) -> None:
        """Make sure, once per contact, that the device at this address is the one we mean.

        Raises ``RefusedForGood`` when another one answers.
        """
        instance = self.device.instance
        if self._known or instance is None:
            return
        itself = Reference(codec.DEVICE, instance, codec.OBJECT_IDENTIFIER)
        try:
            value = await self.look(itself)
        except RefusedForGood as error:
            if not await self._found_behind():
                device = self.device
                raise RefusedForGood(
                    f"{device.host}:{device.port} is not BACnet device {instance} ({error})",
                    error.code,
                ) from error
            value = await self.look(itself)
        except Silence:
            if not await self._found_elsewhere():
                raise
            value = await self.look(itself)
        if values.object_id(value) != itself.object_id:
            raise RefusedForGood(f"device {instance} has no identifier", "identifier")
        if not self._sized:
            await self._learn(instance)
            self._sized = True
        self._known = True

    async def _learn(self, instance: int) -> None:
        """Sizes, from an I-Am that was heard or from the device object itself."""
        heard = self.link.heard.get(instance)
        if heard is not None and heard.peer == await self.peer():
            return self._take(heard)
        ability = self.ability
        size = await self._number(Reference(codec.DEVICE, instance, codec.MAX_APDU_LENGTH))
        if size is not None:
            self._fit(size)
        ability.segmentation = await self._number(
            Reference(codec.DEVICE, instance, codec.SEGMENTATION)
        )
        ability.outstanding = 1 if (await self.peer()).network is not None else OUTSTANDING
        return None

    async def _number(self, reference: Reference) -> int | None:
        try:
            found = values.decoded(await self.look(reference)).value
        except (Refusal, Garbled, TooLong):
            return None
        return None if found is None else int(found)

    def _take(self, heard: IAm) -> None:
        self._fit(heard.max_apdu)
        self.ability.segmentation, self.ability.vendor = heard.segmentation, heard.vendor
        self.ability.outstanding = 1 if heard.peer.network is not None else OUTSTANDING

    def _fit(self, size: int) -> None:
        size = min(MAX_APDU, max(_LEAST_APDU, size))
        if size != self.ability.max_apdu or self.ability.most == UNKNOWN_BATCH:
            self.ability.max_apdu, self.ability.most = size, MOST_BATCH

    async def _found_behind(self) -> bool:
        """Whether the address is that of a router to the device."""
        home = await self.link.resolve(self.device.host, self.device.port)
        return await self._search(home)

    async def _found_elsewhere(self) -> bool:
        """Whether the silent device announces itself from another address."""
        now = self.clock.monotonic()
        heard = self.link.heard.get(self.device.instance or 0)
        if heard is not None and heard.peer != await self.peer():
            return self._move(heard)
        if now - self._searched_at < _SEARCH_EVERY_S:
            return False
        self._searched_at = now
        return await self._search(None)

    async def _search(self, near: Peer | None) -> bool:
        instance = self.device.instance
        wait_s = min(_SEARCH_S, self.device.timeout_s)
        try:
            found = await self.link.who_is(wait_s, near=near, low=instance, high=instance)
        except Silence:
            return False  # there is no broadcast from here
        return bool(found) and self._move(found[0])

    def _move(self, heard: IAm) -> bool:
        if heard.peer == self._peer:
            return False
        _LOG.warning("%s is found at %s", self.device.id, heard.peer)
        self._peer = heard.peer
        self._take(heard)
        return True
