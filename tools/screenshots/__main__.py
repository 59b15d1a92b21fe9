"""Takes the pictures of the documents from a running demo.

Example::

    bms demo --port 8955                       # says its key
    python -m tools.screenshots --key bms_… --url http://127.0.0.1:8955

Needs Chromium at /usr/bin/chromium and Playwright.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
DESK, PHONE = {"width": 1200, "height": 850}, {"width": 390, "height": 844}
SCHEMES = ("light", "dark")
SIGN_IN = "k => { const i = document.querySelector('[name=key]'); i.value = k; i.form.submit(); }"
REASON = "Koncert i aften"


def main() -> int:
    """Returns 0 once every picture is taken."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--url", default="http://127.0.0.1:8000")
    asked.add_argument("--key", required=True, help="a key that may operate; the demo says one")
    asked.add_argument("--site", help="the building; the first of the overview if left out")
    asked.add_argument("--out", type=Path, default=PICTURES)
    options = asked.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        kept = _signed_in(browser, options.url, options.key)
        site = options.site or _first_site(browser, options.url, kept)
        for name, size in (("desk", DESK), ("phone", PHONE)):
            for scheme in SCHEMES:
                context = browser.new_context(
                    base_url=options.url,
                    storage_state=kept,
                    viewport=size,
                    color_scheme=scheme,
                    locale="da-DK",
                )
                _pictures(context.new_page(), site, options.out, f"{name}-{scheme}")
                context.close()
        browser.close()
    return 0


def _signed_in(browser: Browser, url: str, key: str) -> dict[str, object]:
    context = browser.new_context(base_url=url)
    page = context.new_page()
    page.goto("/login?lang=da")
    page.evaluate(SIGN_IN, key)
    page.wait_for_url(f"{url}/")
    state = context.storage_state()
    context.close()
    return dict(state)


def _first_site(browser: Browser, url: str, kept: dict[str, object]) -> str:
    context = browser.new_context(base_url=url, storage_state=kept)
    page = context.new_page()
    page.goto("/")
    link = page.locator(".city-table tbody th a").first.get_attribute("href") or ""
    context.close()
    return link.rpartition("/")[2]


def _pictures(page: Page, site: str, out: Path, suffix: str) -> None:
    def take(name: str) -> None:
        page.screenshot(path=out / f"{name}-{suffix}.png", animations="disabled")

    page.goto("/?lang=da")
    take("overview")
    page.goto(f"/sites/{site}")
    take("building")
    page.goto(f"/sites/{site}/do/override")
    page.fill("#f-reason", REASON)
    page.click("button.strong")
    page.wait_for_selector(".will")
    take("action-before")
    page.click("button.strong")
    page.wait_for_url("**/did/override**")
    take("action-after")
    page.click("a[href*='do/end-override']")
    page.click("button.strong")
    page.wait_for_selector(".will")
    page.click("button.strong")
    page.wait_for_url("**/did/end-override**")


if __name__ == "__main__":
    sys.exit(main())
