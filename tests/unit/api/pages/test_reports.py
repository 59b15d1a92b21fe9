"""The page on which a report is chosen, watched and fetched."""

from __future__ import annotations

from pathlib import Path

from bms.services.reporting.exports import Exports
from tests.rigs.fakes.api import HTML, a_world, live_in


async def test_a_report_is_chosen_watched_and_fetched(tmp_path: Path) -> None:
    world = a_world(tmp_path, open_dashboard=True)
    live_in(world)
    exports: Exports = world.app.state.exports
    async with world.browser(**HTML) as browser:
        page = (await browser.get("/reports?lang=da&site=lodge")).text
        assert '<option value="lodge" selected>Hytten</option>' in page
        assert '<option value="2019-01">jan. 2019</option>' in page
        asked = "/reports/file?kind=meters&site=lodge&period=2019-01&format=csv"
        sent = await browser.get(asked)
        assert sent.status_code == 303
        assert (await browser.get(asked)).headers["location"] == sent.headers["location"]
        exports.settle()
        done = await browser.get(sent.headers["location"])
        assert "Rapporten er klar" in done.text
        assert "refresh" not in done.headers
        answer = await browser.get(f"{sent.headers['location']}/file")
        assert answer.content.decode("utf-8-sig").startswith("Bygnings-id;")


async def test_it_looks_again_until_it_is_done_and_says_why_it_is_not(tmp_path: Path) -> None:
    world = a_world(tmp_path, open_dashboard=True)
    exports: Exports = world.app.state.exports
    async with world.browser(**HTML) as browser:
        wrong = await browser.get("/reports/file?period=2019-99")
        assert wrong.status_code == 422
        sent = await browser.get("/reports/file?kind=consumption&period=2077&format=json")
        exports.settle()
        page = await browser.get(sent.headers["location"])
        assert "2077" in page.text
        assert "Rapporten kunne ikke laves" in page.text
        assert (await browser.get(f"{sent.headers['location']}/file")).status_code == 409
