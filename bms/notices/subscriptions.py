"""Feeds that programs read: RSS 2.0 for readers, iCalendar (RFC 5545) for calendars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from xml.etree import ElementTree as Xml
from zoneinfo import ZoneInfo

from bms.model.assets.site import Site
from bms.model.work.item import WorkItem, WorkState
from bms.model.work.recipient import Subscription
from bms.notices.texts import NoticeTranslator, one_line, translator_for


def wanted(subscription: Subscription, items: Iterable[WorkItem], now: datetime) -> list[WorkItem]:
    """The items of a subscription that are not closed, the newest first."""
    mine = [
        item
        for item in items
        if subscription.wants.wants(item.cause) and item.state(now) is not WorkState.CLOSED
    ]
    return sorted(mine, key=lambda item: item.opened_at, reverse=True)


def rss(
    subscription: Subscription, items: Iterable[WorkItem], sites: Mapping[str, Site], base_url: str
) -> bytes:
    """The items as RSS 2.0."""
    t = translator_for(subscription.language, subscription.timezone)
    root = Xml.Element("rss", version="2.0")
    channel = Xml.SubElement(root, "channel")
    for name, value in (
        ("title", t("feed_title")),
        ("link", f"{base_url}/work-list"),
        ("description", t("feed_about")),
        ("language", subscription.language),
    ):
        Xml.SubElement(channel, name).text = value
    for item in items:
        row = Xml.SubElement(channel, "item")
        Xml.SubElement(row, "title").text = t.line(item, sites)
        Xml.SubElement(row, "link").text = f"{base_url}/work-list/{item.id}"
        Xml.SubElement(row, "guid", isPermaLink="false").text = item.id
        Xml.SubElement(row, "pubDate").text = format_datetime(item.opened_at)
        Xml.SubElement(row, "category").text = item.cause.kind.value
        Xml.SubElement(row, "description").text = _about(item, t)
    whole: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole


def calendar(
    subscription: Subscription,
    items: Iterable[WorkItem],
    sites: Mapping[str, Site],
    base_url: str,
    now: datetime,
) -> bytes:
    """The items as days of a calendar: the day on which each was opened, or wakes up."""
    from icalendar import Calendar, Event

    t = translator_for(subscription.language, subscription.timezone)
    zone = ZoneInfo(subscription.timezone)
    made = Calendar()
    made.add("prodid", "-//bms//work list//")
    made.add("version", "2.0")
    made.add("x-wr-calname", t("feed_title"))
    for item in items:
        day = (item.snoozed_until(now) or item.opened_at).astimezone(zone).date()
        event = Event()
        event.add("uid", f"{item.id}@bms")
        event.add("dtstamp", item.opened_at)
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
        event.add("summary", t.line(item, sites))
        event.add("description", _about(item, t))
        event.add("location", t.place(item.cause.site, sites))
        event.add("url", f"{base_url}/work-list/{item.id}")
        event.add("transp", "TRANSPARENT")
        made.add_component(event)
    return bytes(made.to_ical())


def _about(item: WorkItem, t: NoticeTranslator) -> str:
    cause = item.cause
    told = (each for each in (cause.what, cause.look_for) if each is not None)
    return "\n".join(one_line(t.describe(each)) for each in told)
