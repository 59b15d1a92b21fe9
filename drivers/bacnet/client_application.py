"""Our own device on the BACnet network: it answers who it is, and takes no orders."""

from __future__ import annotations

from typing import Any

from bacpypes3.apdu import (
    ConfirmedRequestPDU,
    ReadPropertyMultipleRequest,
    ReadPropertyRequest,
    RejectPDU,
    RejectReason,
    WhoIsRequest,
)
from bacpypes3.app import Application

ANSWERED = (WhoIsRequest, ReadPropertyRequest, ReadPropertyMultipleRequest)
"""What a device has to answer to be one (ASHRAE 135, BIBB DS-RP-B and DM-DDB-B)."""


class ClientApplication(Application):  # type: ignore[misc]  # the stack has no types
    """The stack without the services by which others change it or fill its memory.

    Whoever is on the network may ask who we are. Every other confirmed request, those that write,
    subscribe, restart or silence us among them, is rejected as a service that we do not have
    (clause 18.9); every other unconfirmed one is dropped. Notifications of subscriptions that we
    hold do not come here: ``BacnetTransactions`` has them first.
    """

    async def indication(self, apdu: Any) -> None:
        """A request of somebody else."""
        if isinstance(apdu, ANSWERED):
            await super().indication(apdu)
        elif isinstance(apdu, ConfirmedRequestPDU):
            await self.response(RejectPDU(reason=RejectReason.unrecognizedService, context=apdu))
