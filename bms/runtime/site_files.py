"""The sites and tariffs that the settings name, without a store or a device behind them."""

from __future__ import annotations

from pathlib import Path

from bms.config import Settings
from bms.feeds.tariffs.book import TariffBook
from bms.model.assets.site import Site
from drivers.templates import load_templates
from sites.loader import load_sites


def sites_of(settings: Settings) -> tuple[Site, ...]:
    """The sites of the settings' folder. Raises ``SiteFileError`` with every mistake."""
    return load_checked(settings.sites, settings)


def load_checked(folder: Path, settings: Settings) -> tuple[Site, ...]:
    """The sites of a folder, checked against the tariffs and the tick of the settings. Raises
    ``SiteFileError`` with every mistake."""
    names, tick_s = tariff_book(settings).names, 60.0 * settings.poll_minutes
    return load_sites(folder, load_templates(), names, tick_s)


def tariff_book(settings: Settings) -> TariffBook:
    """The tariffs of the settings' file. Raises ``ConfigError`` when it cannot be understood."""
    return TariffBook.load(settings.tariffs) if settings.tariffs else TariffBook.load()
