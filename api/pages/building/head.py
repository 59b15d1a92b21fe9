"""The line that stays on every page of a building: how it stands, and what people hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from api.pages.language import PageTranslator
from api.pages.panels.points import what_of
from api.pages.panels.standing import BuildingRow, building_row
from api.ports import ApiPorts
from bms.model.assets.site import Site
from bms.model.control.command import Override
from bms.model.control.local_override import LOCAL
from bms.model.savings.trial import KeptTrial
from bms.services.control.trial_block import trial_block_at
from bms.services.modes.gate import stepped_back
from bms.services.overview.buildings import BuildingNow, buildings_now


class Tab(StrEnum):
    """The pages of a building; the value is in their address."""

    NOW = "now"
    SAVINGS = "savings"
    USE = "use"
    WORK = "work"
    HISTORY = "history"
    TRAIL = "trail"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLine:
    """An override in words, and where it is ended; None where the building has to do that."""

    text: str
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingHead:
    """``tabs`` are (words, address, whether it is this one)."""

    id: str
    row: BuildingRow
    mode_long: str
    holds: tuple[HoldLine, ...]
    went_back: str | None
    trial: str | None
    tabs: tuple[tuple[str, str, bool], ...]


def building_now(ports: ApiPorts, site: Site, now: datetime) -> BuildingNow:
    """How a site stands now."""
    (found,) = buildings_now([site], ports.control, now)
    return found


def building_head(ports: ApiPorts, site: Site, tab: Tab, t: PageTranslator) -> BuildingHead:
    """The line of a site on one of its pages."""
    now = ports.clock.now()
    standing = building_now(ports, site, now)
    row = building_row(standing, now, t)
    went_back = stepped_back(site.id, ports.control.trust)
    return BuildingHead(
        id=site.id,
        row=row,
        mode_long=t(f"mode_{row.mode.value}_long"),
        holds=tuple(_hold(each, site, t) for each in standing.overrides),
        went_back=None if went_back is None else t.describe(went_back),
        trial=trial_line(ports.control.trials.trials(site.id), now, t),
        tabs=tuple(
            (t(f"tab_{each.value}"), tab_address(site.id, each), each is tab) for each in Tab
        ),
    )


def tab_address(site: str, tab: Tab) -> str:
    """The address of a page of a building."""
    return f"/sites/{site}" if tab is Tab.NOW else f"/sites/{site}/{tab.value}"


def trial_line(kept: Sequence[KeptTrial], now: datetime, t: PageTranslator) -> str | None:
    """The block of a trial that is on, or when one begins; None where none is open."""
    block = trial_block_at(kept, now)
    if block is not None:
        return t.describe(block.notice)
    coming = next((known.trial for known in kept if known.open(now)), None)
    if coming is None:
        return None
    return t("trial_coming", trial=coming.id, time=t.moment(coming.start, year=True))


def _hold(known: Override, site: Site, t: PageTranslator) -> HoldLine:
    text = t(
        "override_row",
        what=t("override_all") if known.point is None else what_of(known.point, site, t),
        reason=known.reason if isinstance(known.reason, str) else t.describe(known.reason),
        actor=known.actor,
        since=t.moment(known.since),
        until="" if known.until is None else t("override_until", time=t.moment(known.until)),
    )
    local = known.actor == LOCAL
    link = None if local else f"/sites/{site.id}/do/end-override?override={known.id}"
    return HoldLine(text=text, link=link)
