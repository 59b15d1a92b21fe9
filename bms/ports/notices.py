"""Notices: the way out of the house."""

from __future__ import annotations

from typing import Protocol

from bms.model.work.recipient import Notice


class NoticeSender(Protocol):
    """Sends what people and programs are told."""

    async def send(self, notice: Notice) -> None:
        """Send one. Raises ``NoticeError`` where it did not arrive."""
        ...
