"""The site files of the demo's buildings, so that every command can be tried at them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bms.model.assets.site import Site
from bms.runtime.municipality import EXAMPLES, archetype_of

FOLDER = "sites"
"""In the home of the demo."""


def write_site_files(home: Path, sites: Iterable[Site]) -> Path:
    """Write the examples that the sites were made of, under their ids and with the ports of the
    simulator; returns their folder."""
    folder = home / FOLDER
    folder.mkdir(exist_ok=True)
    for site in sites:
        text = (EXAMPLES / f"{archetype_of(site.id)}.yaml").read_text("utf-8")
        ports = {device.protocol: device.port for device in site.devices}
        text = re.sub(r"^site: .*$", f"site: {site.id}", text, count=1, flags=re.MULTILINE)
        for protocol, port in ports.items():
            text = re.sub(rf"(protocol: {protocol}, .*?port: )\d+", rf"\g<1>{port}", text)
        (folder / f"{site.id}.yaml").write_text(text, "utf-8")
    return folder


def how_to_call(home: Path, folder: Path) -> str:
    """What goes before a command so that it speaks to the demo's buildings."""
    return f"BMS_HOME={home} BMS_SITES={folder} BMS_CLOCK_FILE={home / 'clock.json'} bms"
