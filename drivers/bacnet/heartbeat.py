"""A value that changes as long as we hold something, so that a controller can watch us.

BACnet has no watchdog for commands: what is written at a priority stands until it is relinquished
(ANSI/ASHRAE 135, clause 19.2.1). A program in the controller that watches an object can let go by
itself when the object stops changing.
"""

from __future__ import annotations

import logging
from datetime import datetime

from bms.errors import DeviceError
from bms.model.assets.address import BacnetAddress
from bms.model.assets.protected import OBJECT_TYPES, protected_name
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.link import property_reference
from drivers.bacnet.objects.profile import ObjectProfiles
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.write_target import encoder

PRIORITY = 13
"""Of a heartbeat object that has slots; others ignore it (clause 15.9.1.1.5)."""
_MULTI_STATE = (14, 19)
_LOG = logging.getLogger(__name__)


class BacnetHeartbeat:
    """Toggles the heartbeat object of a device: 0 and 1, or the first two states of a multi-state
    object. The first beat of a process is the state that the object does not have."""

    def __init__(self, session: BacnetSession, profiles: ObjectProfiles) -> None:
        self._session = session
        self._profiles = profiles
        self._tick: datetime | None = None
        self._high: bool | None = None
        self._said: str | None = None

    async def beat(self, tick: datetime) -> None:
        """Toggle once for each ``tick``. A failure is logged only: the controller notices it."""
        address = self._session.device.heartbeat
        if not isinstance(address, BacnetAddress) or self._tick == tick:
            return
        self._tick = tick
        try:
            await self._toggle(address)
            self._said = None
        except (DeviceError, ValueError) as error:
            if str(error) != self._said:
                _LOG.warning("%s: heartbeat: %s", self._session.device.id, error)
            self._said = str(error)

    async def _toggle(self, address: BacnetAddress) -> None:
        reference = property_reference(address)
        encoded = encoder(reference)
        await self._session.identify(again=True)
        await self._refuse_protected(address, reference)
        low = float(reference.object_type in _MULTI_STATE)
        if self._high is None:
            seen = values.decode_number(await self._session.read_property(reference)).value
            self._high = seen == low + 1.0
        high = not self._high
        await self._session.write_property(reference, encoded(low + high), PRIORITY)
        self._high = high

    async def _refuse_protected(self, address: BacnetAddress, reference: Reference) -> None:
        """Raise ValueError for an object that is never written (CONTRACT, W18)."""
        if address.object_type in OBJECT_TYPES:
            raise ValueError(f"{address.object_type} is never written")
        for name in await self._profiles.names_of(reference):
            found = protected_name(name)
            if found is not None:
                raise ValueError(f"{name!r} is never written ({found.protection})")
