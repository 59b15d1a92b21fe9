"""A person's word that we keep our hands off: written down before anything else (clause W10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bms.model.assets.site import Mode
from bms.model.clock_reading import ClockReading, Elapsed
from bms.model.control.command import Override
from bms.model.fact import Fact


class HandsOffKind(StrEnum):
    """What a person did."""

    OVERRIDE = "override"
    RELEASE = "release"
    MODE = "mode"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandsOff:
    """A mark: nothing is written for the plan to a point, a site (``point`` None) or the whole city
    (``site`` None too), from ``since`` until ``until`` (None: until a person takes it back).

    ``mode`` is the one that its sites are in while it stands; None where it is an override of the
    site or the point. ``sites`` are those that it was made for, with the modes in which they are
    where nobody has set one. Of a mark of the city ``excepted`` are the sites that were taken out
    of it since. ``said`` is the running time at which it was made, None where nobody knows.
    """

    id: str
    kind: HandsOffKind
    site: str | None
    point: str | None
    since: datetime
    until: datetime | None
    actor: str
    reason: str | Fact
    mode: Mode | None = None
    sites: Mapping[str, Mode] = field(default_factory=dict)
    excepted: frozenset[str] = frozenset()
    said: Elapsed | None = None

    def stands(self, at: ClockReading) -> bool:
        """Whether its end has not come, by the calendar or by running time: a clock that is set
        forth takes nobody's word away (W8, W14). Across a boot the calendar alone counts. When it
        was made does not count: a clock that went back takes nobody's word away, either."""
        if self.until is None or at.calendar < self.until:
            return True
        gone = None if self.said is None else at.elapsed.since(self.said)
        return gone is not None and gone < self.until - self.since

    def covers_site(self, site: str) -> bool:
        """Whether it says something about the site or a point of it."""
        return (self.site is None and site not in self.excepted) or self.site == site

    def covers(self, site: str, point: str) -> bool:
        """Whether it says something about the point of the site."""
        return self.covers_site(site) and self.point in (None, point)

    def as_override(self) -> Override | None:
        """The override that it is; None for a mode."""
        if self.mode is not None or self.site is None:
            return None
        return Override(
            id=self.id,
            site=self.site,
            point=self.point,
            since=self.since,
            until=self.until,
            reason=self.reason,
            actor=self.actor,
        )

    def as_modes(self) -> tuple[SiteMode, ...]:
        """What it says of the modes of the sites that it was made for."""
        mode = self.mode
        if mode is None:
            return ()
        return tuple(
            SiteMode(site=site, mode=mode, at=self.since, actor=self.actor, reason=str(self.reason))
            for site in self.sites
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMode:
    """The mode that a person set at a site, and when, who and why. Who and why are no part of what
    is compared: they are forgotten earlier than the mode."""

    site: str
    mode: Mode
    at: datetime
    actor: str = field(compare=False)
    reason: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A person has taken a mark back; of a mark of the city for one ``site``, or all of it
    (None)."""

    mark: str
    site: str | None
    at: datetime
    actor: str
    reason: str

    @property
    def key(self) -> str:
        return self.mark if self.site is None else f"{self.mark}@{self.site}"


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A mark, or that it was taken back (``back``): what is written down first and stored later."""

    mark: HandsOff
    back: TakenBack | None = None

    @property
    def key(self) -> str:
        return f"mark {self.mark.id}" if self.back is None else f"back {self.back.key}"

    def without_names(self) -> SpokenWord:
        """The same without who said it and why."""
        reason = "" if isinstance(self.mark.reason, str) else self.mark.reason
        back = self.back and replace(self.back, actor="", reason="")
        return SpokenWord(replace(self.mark, actor="", reason=reason), back)
