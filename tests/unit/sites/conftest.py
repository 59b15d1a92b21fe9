"""Two site files that load: the smallest one, and one whose points stand in a CSV file."""

from __future__ import annotations

import pytest

from bms.model.assets.site import Site
from sites.loader import load_sites
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "sites"


@pytest.fixture
def library() -> Site:
    return load_sites(CASES / "valid_points_file")[0]


@pytest.fixture
def minimal_text() -> str:
    return (CASES / "valid_minimal" / "site.yaml").read_text("utf-8")
