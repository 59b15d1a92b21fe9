"""Where a device is asked: at the address of the site file, or behind the router there.

An announcement from elsewhere never moves it (CONTRACT, W1); it is counted and logged.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from bms.model.assets.device import Device
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.services import IAm
from drivers.bacnet.link import BacnetLink
from drivers.fieldbus.availability import HealthCounters
from drivers.fieldbus.errors import NoReply
from drivers.fieldbus.fingerprint import ambiguous_device

_SEARCH_S = 1.0
_MOST_PLACES = 16
_LOG = logging.getLogger(__name__)


class DeviceEndpoint:
    """The place of one device.

    With ``network`` and ``mac`` in the site file it is known; else the device is at the address
    itself or, where another one answers there, searched behind it by Who-Is. What was found stays
    for the life of the process, or until it is not there any more and the name of its host stands
    for another address. ``i_am`` is its I-Am, where one was just received.
    """

    def __init__(
        self, device: Device, link: BacnetLink, health: HealthCounters, i_am: IAm | None
    ) -> None:
        self._device = device
        self._link = link
        self._health = health
        self._home: Peer | None = None
        self._announced = self._searching = False
        self.peer = None if i_am is None else i_am.peer
        self.i_am = i_am
        if i_am is None and device.instance is not None:
            link.listen(device.instance, self._note)
            link.named[device.instance].add((device.host, device.port))

    def take_announced(self) -> bool:
        """Whether its instance was announced since this was last asked, from wherever."""
        announced, self._announced = self._announced, False
        return announced

    async def resolve(self) -> Peer:
        """The place of the device.

        Raises ``NoReply`` when its host cannot be resolved or nothing is found in its network, and
        ``WrongDevice`` when several devices there bear its instance.
        """
        if self.peer is not None:
            return self.peer
        device = self._device
        if not device.host:
            return self._settle_at(await self._distributed())
        home = await self._resolved_home()
        if device.network is None:
            return self._settle(home)
        if device.mac is not None:
            return self._settle(Peer(home.ip, home.port, device.network, bytes.fromhex(device.mac)))
        found = await self._found(home)
        if found is None:
            raise NoReply(
                f"{home}: no device {device.instance} in network {device.network} answers"
            )
        return self._settle_at(found)

    async def search(self) -> bool:
        """Whether the device is found behind a router at its address, when it is not there itself.

        Raises ``WrongDevice`` when several are.
        """
        if not self._device.host:
            return False  # the whole network was asked already
        home = await self._resolved_home()
        if self._device.network is not None or self.peer != home:
            return False
        found = await self._found(home)
        if found is not None and found.peer != home:
            self._settle_at(found)
            return True
        return False

    async def moved(self) -> bool:
        """Whether the name of its host stands for another address now; it is asked there then."""
        old = self._home
        if old is None or not self._device.host:
            return False
        try:
            new = await self._looked_up()
        except NoReply:
            return False
        if new.address == old.address:
            return False
        _LOG.warning("%s: %s is %s now, and was %s", self._device.id, self._device.host, new, old)
        self._at_home(new)
        if self.peer is not None:
            self._link.asked[self._device.instance or 0].discard(self.peer)
        self.peer = self.i_am = None
        return True

    async def ask_around(self) -> None:
        """Broadcast a Who-Is for its instance, without waiting: who announces it is noted."""
        instance = self._device.instance
        if instance is not None:
            with suppress(NoReply):  # there may be no broadcast from here
                await self._link.who_is(0.0, low=instance, high=instance)

    async def _found(self, home: Peer) -> IAm | None:
        device, network = self._device, self._device.network
        wait_s = min(_SEARCH_S, device.timeout_s)
        self._searching = True
        try:
            answers = await self._link.who_is(
                wait_s, via=home, low=device.instance, high=device.instance
            )
        finally:
            self._searching = False
        found = [each for each in answers if network in (None, each.peer.network)]
        if len(found) > 1:
            raise ambiguous_device(device, tuple(str(each.peer) for each in found))
        return found[0] if found else None

    async def _distributed(self) -> IAm:
        """The I-Am of a device that is known by its instance alone, through the BBMD."""
        device = self._device
        wait_s = min(_SEARCH_S, device.timeout_s)
        self._searching = True
        try:
            found = await self._link.who_is(wait_s, low=device.instance, high=device.instance)
        finally:
            self._searching = False
        if len(found) > 1:
            raise ambiguous_device(device, tuple(str(each.peer) for each in found))
        if not found:
            raise NoReply(f"device {device.instance} does not answer through its BBMD")
        self._home = Peer(*found[0].peer.address)
        return found[0]

    async def _resolved_home(self) -> Peer:
        if self._home is None:
            return self._at_home(await self._looked_up())
        return self._home

    async def _looked_up(self) -> Peer:
        device = self._device
        try:
            async with asyncio.timeout(device.timeout_s):
                return await self._link.resolve(device.host, device.port)
        except TimeoutError:
            slow = f"{device.host}: no address within {device.timeout_s:g} s"
            raise NoReply(slow) from None

    def _at_home(self, home: Peer) -> Peer:
        self._home = home
        self._link.named[self._device.instance or 0].add(home.address)
        return home

    def _settle_at(self, i_am: IAm) -> Peer:
        _LOG.info("%s is %s", self._device.id, i_am.peer)
        self.i_am = i_am
        return self._settle(i_am.peer)

    def _settle(self, peer: Peer) -> Peer:
        asked = self._link.asked[self._device.instance or 0]
        if self.peer is not None:
            asked.discard(self.peer)
        asked.add(peer)
        self.peer = peer
        return peer

    def _of_another(self, peer: Peer) -> bool:
        """Whether a site file names another device of this instance at that place."""
        instance = self._device.instance or 0
        if peer in self._link.asked[instance]:
            return True
        named, home = peer.address in self._link.named[instance], self._home
        return named and home is not None and peer.address != home.address

    def _note(self, i_am: IAm) -> None:
        """An I-Am of its instance: that it may have restarted, or that another one bears it."""
        self._announced = True
        if i_am.peer == self.peer:
            self.i_am = i_am
        elif self.peer is not None and not self._searching and not self._of_another(i_am.peer):
            self._elsewhere(str(i_am.peer))

    def _elsewhere(self, place: str) -> None:
        counts = self._health.elsewhere
        if place not in counts:
            if len(counts) >= _MOST_PLACES:
                return
            _LOG.warning(
                "%s: device instance %s is announced from %s; it is asked at %s as before",
                self._device.id,
                self._device.instance,
                place,
                self.peer,
            )
        counts[place] += 1
