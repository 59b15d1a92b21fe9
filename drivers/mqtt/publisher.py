"""Publishes the setpoint schedules of controllers that listen on a broker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bms.errors import ConfigError, RetryableError
from bms.model.outside_file import read_secret_file
from drivers.mqtt.link import tls_context

_QUALITY = 1
_TIMEOUT_S = 10.0


def schedule_topic(device: str) -> str:
    """The topic of a controller; its id is ``site/device``."""
    return f"bms/controllers/{device}/schedule"


class SchedulePublisher:
    """Publishes to one broker. Each message has a connection of its own: a broker that was
    restarted is no matter."""

    def __init__(
        self,
        url: str,
        password_file: Path | None = None,
        ca_file: Path | None = None,
        cert_file: Path | None = None,
        key_file: Path | None = None,
    ) -> None:
        self._url = urlsplit(url)
        self._password_file = password_file
        self._tls_files = (ca_file, cert_file, key_file)

    async def publish(self, device: str, schedule: bytes, lasts_s: float) -> None:
        """Keep a schedule on the broker for ``lasts_s`` [s]; one that has ended is taken away.

        Raises ``RetryableError`` that names the broker, ``ConfigError`` for a file of a secret.
        """
        from aiomqtt import MqttError
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        from drivers.mqtt.broker_client import BrokerClient

        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        lasts = int(lasts_s)
        if lasts > 0:
            properties.MessageExpiryInterval = lasts
        try:
            async with asyncio.timeout(_TIMEOUT_S), BrokerClient(**self._options()) as client:
                payload = schedule if lasts > 0 else b""
                await client.publish(
                    schedule_topic(device), payload, _QUALITY, retain=True, properties=properties
                )
        except (MqttError, TimeoutError) as error:
            raise RetryableError(f"broker {self._url.netloc}: {error}") from error

    def _options(self) -> dict[str, Any]:
        from aiomqtt import ProtocolVersion

        tls = self._url.scheme == "mqtts" or self._tls_files != (None, None, None)
        options: dict[str, Any] = {
            "hostname": self._url.hostname,
            "port": self._url.port or (8883 if tls else 1883),
            "protocol": ProtocolVersion.V5,
            "timeout": _TIMEOUT_S,
            "username": self._url.username,
        }
        try:
            if self._password_file is not None:
                options["password"] = read_secret_file(self._password_file).strip()
            if tls:
                options["tls_context"] = tls_context(*self._tls_files)
        except OSError as error:
            named = error.filename or "certificates of the broker"
            raise ConfigError(f"{named}: {error.strerror or error}") from error
        return options
