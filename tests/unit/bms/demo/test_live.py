"""The demo's buildings as site files: what a command loads is what the demo runs."""

from __future__ import annotations

from pathlib import Path

from bms.demo.live import how_to_call, write_site_files
from bms.runtime.municipality import example_sites, wired
from drivers.templates import load_templates
from sites.loader import load_sites


def test_they_load_as_the_sites_that_the_demo_runs(tmp_path: Path) -> None:
    made = example_sites(4)
    ports = {
        s.id: {"bacnet": 50000 + 2 * i, "modbus": 50001 + 2 * i, "mbus": 50001 + 2 * i}
        for i, s in enumerate(made)
    }
    sites = {site.id: site for site in wired(made, ports)}
    folder = write_site_files(tmp_path, sites.values())
    loaded = {site.id: site for site in load_sites(folder, load_templates())}
    assert set(loaded) == set(sites)
    assert loaded == sites
    assert str(folder) in how_to_call(tmp_path, folder)
