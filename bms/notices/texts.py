"""What a notice says, in the language of its recipient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bms.messages import Translator
from bms.model.assets.site import Site
from bms.model.outside_text import printable_lines
from bms.model.work.item import WorkItem
from bms.model.work.notice import Occasion
from bms.model.work.recipient import Notice

SHOWN = 40
"""Items of one notice that are spelled out [1]; the others are counted."""


class NoticeTranslator(Translator):
    """The messages of notices, and facts, numbers and times, in one language."""

    def __call__(self, code: str, /, **parameters: Any) -> str:
        """Returns a message of context ``notice``."""
        return self.text(code, "notice", **parameters)

    def line(self, item: WorkItem, sites: Mapping[str, Site]) -> str:
        """An item in one line: where, what, and what is at stake."""
        cause = item.cause
        site, where = sites.get(cause.site), self.place(cause.site, sites)
        part = None if site is None else cause.part_of(site)
        where = where if part is None else f"{where} ({part})"
        parts = [f"{where}: {self.describe(cause.what)}"]
        if cause.has_stake:
            parts.append(self("at_stake", dkk=cause.dkk_year))
        return one_line(" · ".join(parts))

    def place(self, site: str, sites: Mapping[str, Site]) -> str:
        """The name of a site; the city where there is no such site."""
        known = sites.get(site)
        if known is None:
            return self("the_city")
        return one_line(known.name_da if self.language == "da" else known.name_en)


def one_line(told: str) -> str:
    """The text as one line that gives no orders."""
    return printable_lines(told).replace("\n", " ")


def translator_for(language: str, timezone: str) -> NoticeTranslator:
    """The translator of a recipient."""
    return NoticeTranslator(language, timezone)


def subject(notice: Notice, sites: Mapping[str, Site]) -> str:
    """What stands above it."""
    t = translator_for(notice.recipient.language, notice.recipient.timezone)
    match notice.occasion:
        case Occasion.TEST:
            return t("subject_test")
        case Occasion.DIGEST:
            return t("subject_digest", count=len(notice.open), new=len(notice.new))
        case Occasion.AT_ONCE:
            first = notice.new[0]
            if len(notice.new) == 1:
                return t.line(first, sites)
            return t("subject_at_once", count=len(notice.new))


def text(notice: Notice, sites: Mapping[str, Site], base_url: str | None) -> str:
    """What it says, line by line: what is new first, then what is open still."""
    t = translator_for(notice.recipient.language, notice.recipient.timezone)
    if notice.occasion is Occasion.TEST:
        return t("body_test", name=notice.recipient.name)
    told = {item.id for item in notice.new}
    rest = [item for item in notice.open if item.id not in told]
    lines: list[str] = []
    if notice.new:
        lines += [t("body_new"), *_items(notice.new, sites, base_url, t), ""]
    if rest and notice.occasion is Occasion.DIGEST:
        lines += [t("body_open"), *_items(rest, sites, base_url, t), ""]
    if base_url is not None:
        lines.append(f"{base_url}/work-list")
    return "\n".join(lines).rstrip() + "\n"


def _items(
    items: Sequence[WorkItem],
    sites: Mapping[str, Site],
    base_url: str | None,
    t: NoticeTranslator,
) -> list[str]:
    lines: list[str] = []
    for item in items[:SHOWN]:
        lines.append(f"- {t.line(item, sites)}")
        if item.cause.look_for is not None:
            lines.append(f"  {one_line(t.describe(item.cause.look_for))}")
        if base_url is not None:
            lines.append(f"  {base_url}/work-list/{item.id}")
    if len(items) > SHOWN:
        lines.append(t("body_more", count=len(items) - SHOWN))
    return lines
