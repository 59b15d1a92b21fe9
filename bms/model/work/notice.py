"""Notices of the work list: to whom they went, by which way, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Channel(StrEnum):
    """The way by which a notice goes."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Occasion(StrEnum):
    """Why a notice goes now."""

    AT_ONCE = "at_once"
    DIGEST = "digest"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecord:
    """A notice that was sent, or failed to be: ``error`` says why, None where it arrived.

    ``recipient`` is the name of the settings file, ``items`` are the ids of the work items that it
    told.
    """

    id: str
    at: datetime
    recipient: str
    channel: Channel
    address: str
    occasion: Occasion
    items: tuple[str, ...] = ()
    error: str | None = None
