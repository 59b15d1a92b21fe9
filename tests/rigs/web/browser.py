"""A real browser against a real server of a city with a past."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.rigs.fakes.api import World

CHROMIUM = Path("/usr/bin/chromium")
STARTED_S = 20.0


@contextmanager
def served(world: World) -> Iterator[str]:
    """The address of a server of this world on a free port of the loopback."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    config = uvicorn.Config(world.app, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([bound])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(STARTED_S)
        bound.close()


SIGN_IN = "k => { const i = document.querySelector('[name=key]'); i.value = k; i.form.submit(); }"


def signed_in(world: World, address: str, browser: Any) -> dict[str, Any]:
    """What a browser keeps of somebody who may operate and has signed in with a key."""
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.goto("/login")
    page.evaluate(SIGN_IN, world.key("operate")["authorization"].split()[1])
    page.wait_for_url(f"{address}/")
    state = {"base_url": address, "storage_state": context.storage_state()}
    context.close()
    return state


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium; the test is skipped where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing; apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()
