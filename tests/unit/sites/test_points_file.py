"""A points file: its points follow those of the site file, and it lies beside that."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.errors import SiteFileError
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.site import Site
from sites.loader import load_site_text


def test_points_of_the_csv_file_follow_those_of_the_site_file(library: Site) -> None:
    assert [p.id for p in library.points] == [
        "library/all.temp",
        "library/all.co2",
        "library/all.setpoint",
    ]
    assert library.heat_source.kind is HeatSourceKind.HEAT_PUMP
    assert library.heat_source.cop == ((-10.0, 2.4), (0.0, 3.0))


def test_a_points_file_has_to_lie_beside_the_site_file(tmp_path: Path, minimal_text: str) -> None:
    for name, says in (
        ("points.csv", "there is no file"),
        ("../points.csv", "in the same folder"),
        ("/etc/passwd", "in the same folder"),
    ):
        text = minimal_text.replace("points: []", f"points_file: {name}")
        with pytest.raises(SiteFileError, match=says):
            load_site_text(text, folder=tmp_path)
    with pytest.raises(SiteFileError, match="no files beside it"):
        load_site_text(minimal_text.replace("points: []", "points_file: points.csv"))
