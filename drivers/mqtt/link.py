"""The connection to a broker, shared by all devices that publish there."""

from __future__ import annotations

import asyncio
import logging
import ssl
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bms.model.assets.device import Device, MqttAccess
from bms.model.outside_file import MOST_CERTIFICATES, opened_outside, read_secret_file
from bms.outgoing.names import rows_of

if TYPE_CHECKING:
    from aiomqtt import Client

Names = Callable[[str, int], Awaitable[object]]
"""Looks up the name of a host. Raises OSError."""
_LOG = logging.getLogger(__name__)
FIRST_S, LONGEST_S = 0.5, 60.0
_QUALITY = 1
_REFUSED = 0x80
_KEEPALIVE_S = 30


@dataclass(frozen=True, slots=True)
class BrokerKey:
    """What one connection is for."""

    host: str
    port: int
    access: MqttAccess = field(default_factory=MqttAccess)

    @classmethod
    def of(cls, device: Device) -> BrokerKey:
        """That of a device; its topic of status does not matter to the connection."""
        return cls(device.host, device.port, replace(device.mqtt, status_topic=None))

    @property
    def name(self) -> str:
        """``host:port``, for messages."""
        return f"{self.host}:{self.port}"


def tls_context(
    ca: Path | str | None, certificate: Path | str | None, key: Path | str | None
) -> ssl.SSLContext:
    """TLS that trusts the authorities of a file, or those of the system, with a certificate of ours
    where the broker asks for one; its key may stand in the same file.

    Raises OSError that names the file.
    """
    for path in (ca, certificate, key):
        if path is not None:
            # OpenSSL does not say which one it lacks, and waits for a pipe
            opened_outside(Path(path), MOST_CERTIFICATES).close()
    context = ssl.create_default_context(cafile=ca)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


class TopicListener(Protocol):
    """Who wants the messages of some topics."""

    @property
    def topics(self) -> tuple[str, ...]: ...

    def take(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """A message of one of the topics. Raises nothing."""
        ...


class MqttLink:
    """Keeps a connection to a broker for as long as somebody listens, through its restarts.

    Nothing is opened before the first listener. Topics are subscribed with quality 1; each
    connection asks for all of them anew, and is given up where the broker does not answer that.
    """

    def __init__(self, key: BrokerKey, names: Names = rows_of) -> None:
        self.key = key
        self._names = names
        self.connected_at: float | None = None
        """When the connection that stands was made [s, of the loop]; None: none stands."""
        self.trouble = "not connected yet"
        self._listeners: list[TopicListener] = []
        self._exact: dict[str, list[TopicListener]] = {}
        self._patterns: list[tuple[str, TopicListener]] = []
        self._refused: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._client: Client | None = None
        self._up = asyncio.Event()
        self._closed = False

    def listen(self, listeners: Sequence[TopicListener]) -> None:
        """Hand the messages of their topics to these listeners from now on."""
        if self._closed or not listeners:
            return
        self._listeners += listeners
        for listener in listeners:
            for topic in listener.topics:
                if "+" in topic:
                    self._patterns.append((topic, listener))
                else:
                    self._exact.setdefault(topic, []).append(listener)
        if self._client is not None:
            asking = asyncio.create_task(self._ask_more(self._client, _topics(listeners)))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def refused(self, listener: TopicListener) -> str | None:
        """What the broker does not let us listen to of a listener's topics; None: nothing."""
        topics = sorted(self._refused.intersection(listener.topics))
        return f"the broker refuses {', '.join(topics)}" if topics else None

    async def up_within(self, seconds: float) -> bool:
        """Whether a connection stands, or does so within ``seconds`` [s]."""
        try:
            await asyncio.wait_for(self._up.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End the connection for good."""
        self._closed = True
        ending = [*self._asking, *([] if self._task is None else [self._task])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._task = None

    async def _ask_more(self, client: Client, topics: Sequence[str]) -> None:
        """Ask for topics of listeners that came later; a new connection, where that fails."""
        try:
            await self._subscribe(client, topics)
        except Exception as error:  # aiomqtt.MqttError, whose module is loaded there only
            if self._task is not None and client is self._client:
                self._lost(str(error) or repr(error))
                self._task.cancel()
                self._task = asyncio.create_task(self._run())

    async def _subscribe(self, client: Client, topics: Sequence[str]) -> None:
        codes: Sequence[Any] = await client.subscribe([(topic, _QUALITY) for topic in topics])
        for topic, code in zip(topics, codes, strict=True):
            if getattr(code, "value", code) >= _REFUSED and topic not in self._refused:
                self._refused.add(topic)
                _LOG.warning("broker %s refuses the topic %s", self.key.name, topic)

    async def _run(self) -> None:
        wait_s = FIRST_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._connection()
            except ImportError:
                self._lost("aiomqtt is not installed: the extra is bms[mqtt]")
            except (OSError, ValueError) as error:
                self._lost(str(error))
            except Exception as error:  # aiomqtt.MqttError, whose module is loaded there only
                self._lost(str(error) or repr(error))
            if asyncio.get_running_loop().time() - began > LONGEST_S:
                wait_s = FIRST_S
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_S)

    def _lost(self, reason: str) -> None:
        if self._up.is_set() or self.trouble == "not connected yet":
            _LOG.warning("broker %s is away: %s", self.key.name, reason)
        self.trouble = reason
        self.connected_at = None
        self._up.clear()

    async def _connection(self) -> None:
        from drivers.mqtt.broker_client import BrokerClient

        link = self

        class Listening(BrokerClient):
            """Hands messages on as they come: to wait for each costs more than to read it, and one
            whose topic is none would end the connection."""

            def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
                with suppress(UnicodeDecodeError):  # a topic that is no text is none of ours
                    link._dispatch(message.topic, message.payload, message.retain)

        # one that nobody knows is said in the words of whoever was asked
        await self._names(self.key.host, self.key.port)
        async with Listening(**self._options()) as client:
            topics = _topics(self._listeners)
            self._refused.clear()
            self._client = client  # from here on, who comes later asks for its topics itself
            try:
                await self._subscribe(client, topics)
                self.connected_at = asyncio.get_running_loop().time()
                self._up.set()
                _LOG.info("broker %s: %d topics", self.key.name, len(topics))
                async for _ in client.messages:
                    pass  # none comes here: it ends with the connection
            finally:
                self._client = None

    def _options(self) -> dict[str, Any]:
        """Raises OSError where the file of the password or the certificates cannot be read."""
        access = self.key.access
        options: dict[str, Any] = {
            "hostname": self.key.host,
            "port": self.key.port,
            "identifier": access.client_id or f"bms-{uuid.uuid4().hex[:12]}",
            "clean_session": access.client_id is None,
            "keepalive": _KEEPALIVE_S,
            "timeout": 10.0,
        }
        if access.username is not None:
            options["username"] = access.username
        if access.password_file is not None:
            options["password"] = read_secret_file(Path(access.password_file)).strip()
        if access.tls or access.ca_file is not None or access.cert_file is not None:
            options["tls_context"] = tls_context(access.ca_file, access.cert_file, access.key_file)
        return options

    def _dispatch(self, topic: str, payload: bytes, retained: bool) -> None:
        for listener in self._exact.get(topic, ()):
            listener.take(topic, payload, retained=retained)
        for pattern, listener in self._patterns:
            if _matches(pattern, topic):
                listener.take(topic, payload, retained=retained)


def _topics(listeners: Sequence[TopicListener]) -> list[str]:
    return sorted({topic for each in listeners for topic in each.topics})


def _matches(pattern: str, topic: str) -> bool:
    wanted, levels = pattern.split("/"), topic.split("/")
    return len(wanted) == len(levels) and all(
        a in ("+", b) for a, b in zip(wanted, levels, strict=True)
    )
