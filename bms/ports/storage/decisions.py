"""Decisions of people: modes, overrides, bookings. Each leaves an entry in the audit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from bms.model.assets.site import Mode
from bms.model.control.booking import Booking
from bms.model.control.command import Override
from bms.model.control.hands_off import SiteMode


class DecisionStore(Protocol):
    """Decisions of people about sites. Synchronous: call it off the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def mode(self, site: str) -> Mode | None:
        """The mode that a person set, None where the site file decides."""
        ...

    def modes(self, sites: Collection[str]) -> dict[str, Mode]:
        """The mode of each of these sites that a person set; the others are missing."""
        ...

    def set_mode(self, site: str, mode: Mode, *, actor: str, at: datetime, reason: str) -> None:
        """Set the mode of a site."""
        ...

    def say_modes(self, words: Iterable[SiteMode]) -> None:
        """Set modes of many sites at once, in their order; what is the newest word of its
        site already changes nothing."""
        ...

    def modes_said(self, sites: Collection[str]) -> list[SiteMode]:
        """Every mode that was set at these sites, in the order in which they were kept."""
        ...

    def add_override(self, override: Override) -> None:
        """Keep an override; the same one again changes nothing. Raises ``StoreError`` for another
        one of that id."""
        ...

    def remove_override(self, override_id: str, *, actor: str, at: datetime) -> None:
        """End an override; twice is once. Raises ``NotFound``."""
        ...

    def overrides(self, site: str, at: datetime) -> list[Override]:
        """Those in force at ``at``, oldest first: neither removed nor expired. When they were made
        does not count: a clock that went back takes nobody's word away, nor does it bring back what
        was removed (W14)."""
        ...

    def overrides_of(self, sites: Collection[str], at: datetime) -> dict[str, list[Override]]:
        """``overrides`` of each of these sites."""
        ...

    def removed_overrides(self, ids: Collection[str]) -> dict[str, bool]:
        """Whether each of these overrides was removed; those that are not kept are missing."""
        ...

    def add_booking(self, booking: Booking) -> None:
        """Keep a booking or closure; the same one again changes nothing. Raises ``StoreError`` for
        another one of that id."""
        ...

    def remove_booking(self, site: str, booking_id: str, *, actor: str, at: datetime) -> None:
        """Withdraw a booking of the site; twice is once. Raises ``NotFound``."""
        ...

    def bookings_of(self, sites: Collection[str], start: datetime) -> dict[str, list[Booking]]:
        """``bookings`` of each of these sites from ``start`` on."""
        ...

    def bookings(self, site: str, start: datetime, end: datetime | None = None) -> list[Booking]:
        """Those that stand and overlap ``[start, end)``, by their start."""
        ...
