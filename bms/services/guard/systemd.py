"""Signs of life for systemd (``sd_notify``, ``WatchdogSec``); nothing where it does not ask."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


def notify(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send ``READY=1`` or ``WATCHDOG=1`` to the socket that ``NOTIFY_SOCKET`` names.

    A leading ``@`` means an abstract socket (sd_notify(3)).
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.sendall(state.encode())
