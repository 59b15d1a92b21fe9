"""The sites and tariffs that the settings name, without a store or a device behind them."""

from __future__ import annotations

from bms.config import Settings
from bms.feeds.tariffs.book import TariffBook
from bms.model.assets.site import Site
from drivers.templates import load_templates
from sites.loader import load_sites


def sites_of(settings: Settings) -> tuple[Site, ...]:
    """The sites of the settings' folder. Raises ``SiteFileError`` with every mistake."""
    return load_sites(settings.sites, load_templates(), tariff_book(settings).names)


def tariff_book(settings: Settings) -> TariffBook:
    """The tariffs of the settings' file. Raises ``ConfigError`` when it cannot be understood."""
    return TariffBook.load(settings.tariffs) if settings.tariffs else TariffBook.load()
