"""Who is told of the work list: by which way, of which buildings, when, and when not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from bms.model.control.evidence import CITY
from bms.model.work.finding import Severity
from bms.model.work.item import Cause, WorkItem, WorkKind
from bms.model.work.notice import Channel, Occasion

EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSelection:
    """Which items somebody wants: those of ``sites`` (None: all, and those of the city) and of
    ``kinds`` (None: all)."""

    sites: frozenset[str] | None = None
    kinds: frozenset[WorkKind] | None = None

    def wants(self, cause: Cause) -> bool:
        """Whether an item of this cause is among them."""
        if self.kinds is not None and cause.kind not in self.kinds:
            return False
        return self.sites is None or (cause.site != CITY and cause.site in self.sites)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A role, or a program, that is told. ``address`` is an e-mail address or the URL of a webhook.

    ``digest`` is when it gets the list of the day, on ``days`` (0 is Monday); None for never. What
    is at least as severe as ``at_once`` is told at once (None: nothing), but not in the hours
    ``quiet`` from the first to the second, unless it does damage by the hour. Times are local to
    ``timezone``. ``role`` says to people what it is.
    """

    name: str
    channel: Channel
    address: str
    role: str = ""
    wants: WorkSelection = WorkSelection()
    language: str = "da"
    timezone: str = "Europe/Copenhagen"
    digest: time | None = time(7, 0)
    days: frozenset[int] = EVERY_DAY
    at_once: Severity | None = Severity.HIGH
    quiet: tuple[time, time] | None = None

    def is_quiet(self, now: datetime) -> bool:
        """Whether ``now`` lies in its quiet hours, which may run over midnight."""
        if self.quiet is None:
            return False
        first, last = self.quiet
        clock = now.astimezone(ZoneInfo(self.timezone)).time()
        return first <= clock < last if first <= last else clock >= first or clock < last

    def digest_of_today(self, now: datetime) -> datetime | None:
        """When the digest of the local day of ``now`` goes; None where there is none."""
        local = now.astimezone(ZoneInfo(self.timezone))
        if self.digest is None or local.weekday() not in self.days:
            return None
        return datetime.combine(local.date(), self.digest, local.tzinfo)

    def wants_at_once(self, severity: Severity) -> bool:
        """Whether something of this severity is not left to the digest."""
        return self.at_once is not None and severity.rank >= self.at_once.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A feed that a program reads: ``token`` is the SHA-256 of the token that it shows."""

    name: str
    token: str
    wants: WorkSelection = WorkSelection()
    language: str = "da"
    timezone: str = "Europe/Copenhagen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a recipient is told at ``at``: items that are ``new`` to it, and all that are open."""

    id: str
    at: datetime
    recipient: Recipient
    occasion: Occasion
    new: tuple[WorkItem, ...] = ()
    open: tuple[WorkItem, ...] = ()
