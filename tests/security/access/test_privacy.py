"""What is kept about people, and who saw it (docs/operate/access.md, GDPR Art. 15 and 30)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.model.assets.point import Privacy, Role
from bms.model.control.audit import Action, AuditSearch
from bms.services.privacy.report import PrivacyPorts, point_kept, privacy_report
from tests.rigs.fakes.api import HTML, NOW, World, a_world
from tests.rigs.fakes.store import a_person, a_session
from tests.rigs.fakes.ventilation import CO2, airy_lodge
from tests.rigs.paths import ROOT

HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    site = airy_lodge()
    points = (replace(p, privacy=Privacy.PERSONAL) if p.id == CO2 else p for p in site.points)
    return a_world(tmp_path, sites=(replace(site, points=tuple(points)),))


async def test_whoever_sees_a_series_about_people_leaves_one_entry_a_day(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        for _ in range(3):
            assert (await browser.get(f"/v1/points/{CO2}/readings")).status_code == 200
        await browser.get("/v1/points/lodge/hall.temp/readings")
        world.clock.advance(timedelta(days=1))
        await browser.get(f"/v1/points/{CO2}/readings")
    async with world.browser(**world.key("read")) as browser:
        assert (await browser.get(f"/v1/points/{CO2}/readings")).status_code == 403
    entries = world.store.audit(AuditSearch(action=Action.SEE_PERSONAL))
    assert [(e.actor, e.subject, e.site) for e in entries] == [
        ("operate of a test", CO2, "lodge")
    ] * 2


async def test_the_report_says_what_why_how_long_and_who_saw_it(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        await browser.get(f"/v1/points/{CO2}/readings")
    world.store.add_person(a_person("u1", name="kari", created=NOW), actor="root")
    world.store.add_session(a_session("s1", "u1", until=NOW + HOUR, seen=NOW), NOW)
    city = world.city
    ports = PrivacyPorts(
        people=world.store, ledgers=world.store, retention=world.store, keys=1, people_now=NOW
    )
    found = privacy_report(city.sites.values(), ports, now=NOW, since=NOW - HOUR)
    assert {each.point for each in found.points} == {p.id for p in city.sites["lodge"].points}
    [co2] = [each for each in found.points if each.privacy is Privacy.PERSONAL]
    assert (co2.point, co2.purpose.value, co2.kept_days) == (CO2, "purpose_ventilation", 90)
    [kari] = found.people
    assert (kari.name, kari.roles, kari.sessions) == ("kari", ("viewer",), 1)
    [entry] = found.seen
    assert (entry.actor, entry.subject) == ("operate of a test", CO2)
    assert all(record.kept_days > 0 for record in found.records)
    elsewhere = privacy_report((), ports, now=NOW, since=NOW - HOUR)
    assert elsewhere.seen == elsewhere.points == ()


@pytest.mark.parametrize("role", list(Role))
def test_every_role_of_a_point_has_a_purpose(role: Role) -> None:
    point = replace(airy_lodge().points[0], role=role)
    assert point_kept(point).purpose.value.startswith("purpose_")


@pytest.mark.parametrize(
    ("language", "word"), [("da", "Punkter om personer"), ("en", "Points about people")]
)
def test_it_is_told_in_danish_and_english_and_as_json(
    tmp_path: Path, language: str, word: str
) -> None:
    env = {"BMS_HOME": str(tmp_path), "BMS_SITES": str(ROOT / "sites" / "examples")}
    told = CliRunner().invoke(app, ["privacy", "report", "--lang", language], env=env)
    assert told.exit_code == 0, told.output
    assert word in told.output
    asked = ["privacy", "report", "--site", "school", "--json"]
    whole = json.loads(CliRunner().invoke(app, asked, env=env).output)
    assert {point["point"].partition("/")[0] for point in whole["points"]} == {"school"}
    assert whole["points"][0]["purpose"]["da"]
    assert whole["records"][0]["what"]["en"]


async def test_whom_a_link_elsewhere_brings_is_asked_again_from_our_own_site(world: World) -> None:
    crossed = {**HTML, "sec-fetch-site": "cross-site"}
    async with world.browser() as browser:
        page = await browser.get("/sites/lodge?lang=en", headers=crossed)
        assert page.status_code == 200
        assert page.headers["refresh"] == "0; url=/sites/lodge?lang=en"
        again = await browser.get("/sites/lodge", headers={**HTML, "sec-fetch-site": "same-origin"})
        assert again.headers["location"].startswith("/login")
