"""Probes loopback ports before use, because a bind may fail silently.

bacpypes3 binds with SO_REUSEPORT and retries for ever when it cannot; the probe binds without, so
that a port in use is reported before anything starts.
"""

from __future__ import annotations

import socket

from bms.errors import ConfigError

HOST = "127.0.0.1"


def probe_tcp(port: int) -> int:
    """A free TCP port: ``port`` itself, or any where it is 0.

    Raises ConfigError when the port is in use.
    """
    return _probe(socket.SOCK_STREAM, port, reuse=True)


def probe_udp(port: int) -> int:
    """A free UDP port: ``port`` itself, or any where it is 0.

    Raises ConfigError when the port is in use.
    """
    return _probe(socket.SOCK_DGRAM, port, reuse=False)


def _probe(kind: socket.SocketKind, port: int, *, reuse: bool) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        if reuse:  # a port in TIME_WAIT is free for a listener
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            if kind is socket.SOCK_STREAM:
                probe.listen(1)
        except OSError as error:
            raise ConfigError(
                f"port {port} is in use: {error.strerror or error}; "
                "choose another base_port, or 0 for any free ports"
            ) from error
        found: int = probe.getsockname()[1]
        return found
