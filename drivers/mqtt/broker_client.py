"""A client of a broker whose connecting holds up nobody."""

from __future__ import annotations

from typing import Self

from aiomqtt import Client, MqttError

from bms.outgoing.own_thread import in_own_thread


class BrokerClient(Client):
    """Connects, with its TLS, in a thread of its own: aiomqtt takes one of the event loop's, which
    the store needs, for as long as the broker's address or its handshake hangs."""

    async def __aenter__(self) -> Self:
        """Raises ``MqttError`` that says what the connection lacks."""
        try:
            await in_own_thread(super()._client_connect, abandoned=self._give_up)
        except (OSError, ValueError) as error:  # ValueError: what is no name of a host
            raise MqttError(str(error)) from error
        return await super().__aenter__()

    def _client_connect(self) -> None:
        """It is connected when aiomqtt comes here."""

    def _give_up(self) -> None:
        """A connection that came when nobody waited for it any more."""
        self._client.disconnect()
