"""Files that go where others may write, and texts that other programs read (SECURITY.md)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from bms.model.work.recipient import Subscription
from bms.notices.file import check_target
from bms.notices.subscriptions import calendar, rss
from bms.runtime.reporting.post import put
from tests.rigs.fakes.api import NOW
from tests.rigs.fakes.city import lodge
from tests.rigs.work.rows import a_work_item

NAMES = [".report.pdf.new", ".report.pdf", "report.pdf", "report.pdf.new"]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_that_is_put_into_a_folder_follows_no_link(tmp_path: Path, name: str) -> None:
    ours, made, folder = tmp_path / "release.journal", tmp_path / "report.pdf", tmp_path / "out"
    ours.write_text("leases")
    made.write_text("%PDF")
    folder.mkdir()
    (folder / name).symlink_to(ours)
    put(made, folder)
    put(made, folder)
    assert ours.read_text() == "leases"
    assert (folder / "report.pdf").read_text() == "%PDF"
    assert not (folder / "report.pdf").is_symlink()
    assert {path.name for path in folder.iterdir()} == {name, "report.pdf"}


EVIL = "Skolen\rATTACH:http://evil.example\r\n\u2028BEGIN:VALARM\x1b[2J\x00\u202e=HYPERLINK(1)"


def test_m5_a_name_begins_no_line_of_a_calendar_and_no_tag_of_a_feed() -> None:
    site = replace(lodge(), id="school", name_da=EVIL, name_en=EVIL)
    item = a_work_item()
    asked = Subscription(name="drift", token="0" * 64)
    sites = {item.cause.site: site}
    text = calendar(asked, [item], sites, "https://bms.example", NOW).decode()
    lines = re.split(r"[\r\n\u2028]+", text)
    assert [line for line in lines if line.startswith("BEGIN")] == [
        "BEGIN:VCALENDAR",
        "BEGIN:VEVENT",
    ]
    assert not [line for line in lines if line.startswith("ATTACH")]
    feed = rss(asked, [item], sites, "https://bms.example").decode()
    for sign in "\x00\x1b\r\u2028\u202e":
        assert sign not in text.replace("\r\n", "\n")
        assert sign not in feed
    assert [node.tag for node in Xml.fromstring(feed).iter("item")] == ["item"]


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "[fe80::1]", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376"),
        *("0.0.0.0", "[::]", "[::ffff:169.254.169.254]", "224.0.0.1"),
    ],
)
def test_no_webhook_goes_to_an_address_of_the_link(host: str) -> None:
    """Not even where somebody has put it into the file."""
    named = frozenset({host.strip("[]"), host})
    with pytest.raises(ValueError, match="of the link"):
        check_target(f"https://{host}/latest/meta-data", named)


def test_a_webhook_goes_where_the_file_says() -> None:
    check_target("https://hooks.example.dk/bms", frozenset({"hooks.example.dk"}))
    check_target("https://10.1.2.3/bms", frozenset({"10.1.2.3"}))
    with pytest.raises(ValueError, match="webhook_hosts"):
        check_target("https://127.0.0.1/bms", frozenset({"hooks.example.dk"}))
