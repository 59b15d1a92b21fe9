"""The pages as a browser gets them: with and without data, in both languages, well-formed."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bms.model.control.command import Accepted, Overridden, Override, Released
from bms.model.control.local_override import LocalOverride
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, fact
from tests.rigs.fakes.api import HTML, NOW, SETPOINT, a_command, a_lodge_plan, a_world, live_in
from tests.rigs.fakes.city import HOUR, QUARTER, lodge

VOID = {"meta", "link", "img", "input", "br", "hr"}
TABS = ("savings", "use", "work", "history", "trail")
PAGES = (
    "/",
    "/sites/lodge",
    *(f"/sites/lodge/{tab}" for tab in TABS),
    "/sites/lodge/did/override",
    "/ranking",
    "/cooling",
    "/docs",
    "/accessibility",
    "/login",
)
LANGUAGES = ("da", "en")


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order, ids unique, headings in steps."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.headings, self.links = [], [], [], []
        self.labels, self.landmarks, self.unlabelled, self.texts = [], [], [], []
        self.lang = None
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self._note(tag, found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._note(tag, dict(attrs))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    def _note(self, tag, attrs):
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("header", "main", "footer", "nav"):
            self.landmarks.append(tag)
        if tag == "html":
            self.lang = attrs.get("lang")
        if tag == "img" and "alt" not in attrs:
            self.unlabelled.append(attrs)
        if tag == "svg" and not (attrs.get("role") == "img" and attrs.get("aria-labelledby")):
            self.unlabelled.append(attrs)
        for name in ("aria-labelledby", "aria-describedby", "for"):
            self.labels += attrs.get(name, "").split()
        self.links += [attrs[n] for n in ("href", "src", "action") if n in attrs]
        assert not any(name.startswith("on") or name == "style" for name in attrs), attrs

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    made = a_world(tmp_path_factory.mktemp("lived"), open_dashboard=True)
    live_in(made)
    return made


@pytest.fixture
def empty(tmp_path):
    return a_world(tmp_path, open_dashboard=True)


async def read(world, path, **headers):
    async with world.browser(**HTML, **headers) as browser:
        answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def assert_sound(page, language):
    assert page.lang == language
    assert len(page.ids) == len(set(page.ids))
    assert set(page.labels) <= set(page.ids)
    assert page.unlabelled == []
    assert page.headings.count(1) == 1
    assert page.headings[0] == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)
    assert {"header", "main", "footer", "nav"} <= set(page.landmarks)
    assert "#content" in page.links
    for link in page.links:
        assert link.startswith(("/", "#", "?")), f"{link} leads away"
        assert not link.startswith("//"), f"{link} leads away"
    assert "None" not in page.text
    assert "nan" not in page.text.lower().split()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
async def test_pages_with_data_are_sound(lived, path, language):
    assert_sound(await read(lived, f"{path}?lang={language}"), language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
async def test_pages_without_data_are_sound(empty, path, language):
    assert_sound(await read(empty, f"{path}?lang={language}"), language)


async def test_ids_within_the_page_exist(lived):
    page = await read(lived, "/sites/lodge")
    inner = {link[1:] for link in page.links if link.startswith("#")}
    assert inner <= set(page.ids)


@pytest.mark.parametrize(
    ("query", "headers", "language"),
    [
        ("", {}, "da"),
        ("", {"accept-language": "en-GB,en;q=0.9,da;q=0.1"}, "en"),
        ("", {"accept-language": "de,fr;q=0.5"}, "da"),
        ("", {"accept-language": "da;q=0.2, en;q=0.7"}, "en"),
        ("", {"accept-language": "en", "cookie": "bms_lang=da"}, "da"),
        ("?lang=en", {"cookie": "bms_lang=da"}, "en"),
        ("?lang=xx", {"cookie": "bms_lang=<b>"}, "da"),
    ],
)
async def test_the_language_is_the_one_asked_for(empty, query, headers, language):
    assert (await read(empty, f"/{query}", **headers)).lang == language


async def test_a_chosen_language_is_remembered(empty):
    async with empty.browser(**HTML) as browser:
        await browser.get("/?lang=en")
        assert Page((await browser.get("/")).text).lang == "en"


async def test_the_overview_tells_the_saving_with_its_interval(lived):
    page = await read(lived, "/?lang=en")
    assert "Energy saved" in page.text
    assert re.search(r"[\d,]+ kWh ± [\d,]+", page.text)
    assert re.search(r"Worth [\d,]+ DKK", page.text)
    assert re.search("Verified|Indicative", page.text)
    assert "14 whole days" in page.text
    assert "The lodge" in page.text
    assert "Automatic" in page.text
    assert "Optimal" in page.text


async def test_the_building_shows_rooms_plan_use_and_receipts(lived):
    page = await read(lived, "/sites/lodge?lang=da")
    text = page.text
    assert "Temperatur: Hall" in text
    assert "Setpunkt nu 17,5 °C" in text
    assert "Vejrudsigten mangler: <at 8>" in text
    assert "20,5 °C" in text
    assert "Overstyret manuelt" in text
    assert "BACnet-prioritet 8" in text
    assert "80 kr." in text
    assert "2,5 °C" in text
    use = await read(lived, "/sites/lodge/use?lang=da")
    assert "Varme: målt og forventet forbrug" in use.text
    assert "Energisignatur" in use.text


async def test_a_change_to_come_says_why(lived):
    text = (await read(lived, "/sites/lodge?lang=da")).text
    assert "gøres klar til brug" in text or "mens rummet er i brug" in text or "billigst" in text


async def test_every_tab_is_an_address_of_its_own(lived):
    page = await read(lived, "/sites/lodge/use?lang=en")
    assert {f"/sites/lodge/{tab}" for tab in TABS} | {"/sites/lodge"} <= set(page.links)


async def test_charts_have_their_numbers_beside_them(lived):
    async with lived.browser(**HTML) as browser:
        for path in ("/sites/lodge", "/sites/lodge/use", "/sites/lodge/history"):
            text = (await browser.get(path)).text
            assert text.count("<figure") == text.count("</details>\n</figure>") > 0, path


@pytest.mark.parametrize(
    "query",
    [
        "point=lodge/outdoor.temp",
        "point=lodge/heat.energy&compare=year",
        "start=2019-01-27&end=2019-01-27&compare=before",
        "start=2018-01-01&end=2019-01-28",
        "start=2019-01-28&end=2019-01-01",
        "start=0001-01-01&end=9999-12-31",
        "start=x&end=y&compare=z&point=castle/nothing",
    ],
)
async def test_history_at_any_range(lived, query):
    page = await read(lived, f"/sites/lodge/history?{query}")
    assert_sound(page, "da")


async def test_the_way_back_is_for_who_may_operate(lived):
    assert "Log ind" in (await read(lived, "/sites/lodge/trail")).text
    page = await read(lived, f"/sites/lodge/trail?point={SETPOINT}", **lived.key("operate"))
    assert_sound(page, "da")
    assert "Hvad bygningen gjorde" in page.text
    assert "Hvad planen vidste" in page.text


async def test_without_data_pages_say_what_is_missing_and_why(empty):
    overview = await read(empty, "/?lang=en")
    assert "No saving can be told yet" in overview.text
    assert "No readings yet" in overview.text
    assert "No plan" in overview.text
    building = await read(empty, "/sites/lodge?lang=en")
    assert "No readings of Hall in the last 48 hours" in building.text
    assert "There is no plan yet" in building.text
    assert "Nothing was written" in building.text


async def test_without_buildings_the_way_out_is_said(tmp_path):
    page = await read(a_world(tmp_path, sites=(), open_dashboard=True), "/?lang=en")
    assert_sound(page, "en")
    assert "bms sites check" in page.text


async def test_times_are_local(lived):
    page = await read(lived, "/?lang=en")
    assert "Building time: Mon 28 Jan 10:05" in page.text


@pytest.mark.parametrize("simulated", [True, False])
async def test_simulated_data_are_called_simulated(tmp_path, simulated):
    settings = {"clock_file": tmp_path / "clock.json"} if simulated else {}
    page = await read(a_world(tmp_path, open_dashboard=True, **settings), "/")
    assert ("Simuleret kommune" in page.text) == simulated


async def test_what_people_write_is_shown_as_text(empty):
    empty.store.add_override(
        Override(
            id="o1",
            site="lodge",
            point=SETPOINT,
            since=NOW - HOUR,
            until=None,
            reason="<script>alert(1)</script>",
            actor="Ane & Bo",
        )
    )
    async with empty.browser(**HTML) as browser:
        text = (await browser.get("/sites/lodge")).text
    assert "<script>alert" not in text
    assert "<script>alert(1)</script> (Ane & Bo" in Page(text).text


async def test_what_repeats_itself_is_one_row(empty):
    """A hand that stays is met at every tick, and the point given back each time."""
    held = LocalOverride(
        id="o1",
        site="lodge",
        point=SETPOINT,
        since=NOW - HOUR,
        found=22.0,
        ours=18.0,
        by=fact(Holder.OPERATOR),
        priority=8,
        above=True,
    )
    empty.city.journal.note([held])
    for i in range(4, 0, -1):
        at = NOW - i * QUARTER
        met = Overridden(a_command(f"c{i}", at, 18.0), 8, 22.0, fact(Holder.OPERATOR))
        empty.store.add_receipts([met, Released(SETPOINT, 22.0)], at)
    page = await read(empty, "/sites/lodge?lang=en")
    assert page.text.count("BACnet priority 8 · since Mon 28 Jan 09:05") == 1
    assert page.text.count("Given back") == 1
    assert "overridden by people" in page.text


async def test_a_renewal_is_no_new_row_but_another_value_is(empty):
    for i, value in enumerate((18.0, 18.0, 18.0, 20.5)):
        at = NOW - (4 - i) * QUARTER
        empty.store.add_receipts([Accepted(a_command(f"c{i}", at, value), value)], at)
    page = await read(empty, "/sites/lodge?lang=en")
    assert page.text.count("Written") == 2
    assert "renewed since Mon 28 Jan 09:05" in page.text
    assert "overridden by people" not in page.text


async def test_a_hand_that_is_over_is_not_shown_as_there(empty):
    met = Overridden(a_command("c1", NOW - 2 * QUARTER, 18.0), 8, 22.0, fact(Holder.OPERATOR))
    empty.store.add_receipts([met], NOW - 2 * QUARTER)
    written = Accepted(a_command("c2", NOW - QUARTER, 18.0), 18.0)
    empty.store.add_receipts([written], NOW - QUARTER)
    page = await read(empty, "/sites/lodge?lang=en")
    assert "Overridden by a person" in page.text
    assert "overridden by people" not in page.text


async def test_a_rejected_plan_is_not_called_optimal(empty):
    objection = Fact("check_limit", {"point": "Hall <7>"})
    empty.store.add_plan(a_lodge_plan(objections=(objection,)))
    page = await read(empty, "/sites/lodge?lang=en")
    assert "Rejected by the checker" in page.text
    assert "Hall <7> goes beyond its limits" in page.text


async def test_a_building_whose_saving_fails_spares_the_page(tmp_path):
    other = replace(lodge(), id="other", name_en="The other", points=(), meters=())
    world = a_world(tmp_path, sites=(lodge(), other), open_dashboard=True)
    world.feed.away.add("weather")
    page = await read(world, "/?lang=en")
    assert_sound(page, "en")
    assert "weather is away" in page.text
    assert "The other" in page.text
    building = await read(world, "/sites/lodge/savings?lang=en")
    assert "weather is away" in building.text


async def test_old_readings_are_marked(lived):
    async with lived.browser(**HTML) as browser:
        fresh = (await browser.get("/sites/lodge?lang=en")).text
    assert 'class="pill attention">5 min ago' not in fresh
    assert "5 min ago" in fresh


@pytest.mark.parametrize("path", ["/savings.csv", "/sites/lodge/savings.csv"])
async def test_tables_are_there_for_the_reader(lived, path):
    async with lived.browser() as browser:
        assert (await browser.get(path)).text.startswith("building,")
        sheet = await browser.get(f"{path}?excel=true", headers={"accept-language": "da"})
        assert sheet.content.startswith(b"\xef\xbb\xbf")
        assert sheet.content.decode("utf-8-sig").startswith("Bygnings-id;Bygning;Måler;")


async def test_style_script_and_icon_come_from_ourselves(empty):
    page = await read(empty, "/")
    async with empty.browser() as browser:
        for link in (link for link in page.links if link.startswith("/static/")):
            answer = await browser.get(link)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-cache"
            assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|//cdn", answer.text)


async def test_the_charts_style_is_the_one_the_policy_allows(lived):
    async with lived.browser(**HTML) as browser:
        answer = await browser.get("/sites/lodge")
    styles = set(re.findall("<style>(.*?)</style>", answer.text, re.DOTALL))
    assert styles
    for style in styles:
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]
