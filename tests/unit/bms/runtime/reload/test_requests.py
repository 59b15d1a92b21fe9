"""Whoever asks for changed site files to be taken in is answered, whatever came of it."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from bms.config import Settings
from bms.runtime.municipality import EXAMPLES
from bms.runtime.reload.difference import Reloaded
from bms.runtime.reload.requests import ReloadRequest, answers_to, leave_request, reloading
from bms.runtime.reload.take_in import SiteReload
from bms.runtime.wire import read_sites

REQUEST = ReloadRequest("one")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copytree(EXAMPLES, tmp_path / "sites")
    (tmp_path / "tariffs.yaml").write_text("no: [tariffs")
    return Settings(home=tmp_path, sites=tmp_path / "sites")


async def asked(reload: SiteReload) -> dict[str, object]:
    """What is answered."""
    async with reloading(reload, "ALL"), asyncio.timeout(20):
        leave_request(reload.settings.home, REQUEST)
        while not (found := answers_to(reload.settings.home, REQUEST)):
            await asyncio.sleep(0.01)
    (answer,) = found
    return answer


async def test_a_file_beside_the_sites_that_is_wrong_is_named(settings: Settings) -> None:
    sites = read_sites(settings)
    wrong = settings.model_copy(update={"tariffs": settings.home / "tariffs.yaml"})
    answer = await asked(SiteReload(wrong, sites))
    assert answer["taken_in"] is False
    assert "tariffs.yaml" in str(answer["mistakes"])
    assert len(sites) == 3


@dataclass
class Broken(SiteReload):
    """What nobody has foreseen."""

    async def take_in(self, *, strict: bool = False) -> Reloaded:
        raise RuntimeError("unforeseen")


async def test_a_fault_of_ours_is_told_too(settings: Settings) -> None:
    answer = await asked(Broken(settings, read_sites(settings)))
    assert answer["taken_in"] is False
    assert "unforeseen" in str(answer["mistakes"])
