"""Forms of our pages, as a browser sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

TOKEN = re.compile(r'<input type="hidden" name="csrf" value="([A-Za-z0-9_-]{86})">')
HTML = {"accept": "text/html"}


async def token_on(browser: httpx.AsyncClient, page: str = "/login") -> str:
    """The token of the forms of a page."""
    found = TOKEN.search((await browser.get(page, headers=HTML)).text)
    assert found is not None
    return found[1]


async def send_form(
    browser: httpx.AsyncClient, path: str, fields: Mapping[str, str], page: str = "/login"
) -> httpx.Response:
    """The answer to a form of ``page`` that goes to ``path``."""
    return await browser.post(path, data={"csrf": await token_on(browser, page), **fields})
