"""The sites and tariffs that the settings name, without a store or a device behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from bms.config import Settings
from bms.feeds.tariffs.book import TariffBook
from bms.model.assets.site import Mode, Site
from drivers.templates import load_templates
from sites.host_names import NO_ADDRESSES, Addresses, is_name, plain
from sites.loader import UsableSites, load_sites, load_usable_sites


def load_checked(
    folder: Path, settings: Settings, addresses: Addresses = NO_ADDRESSES
) -> tuple[Site, ...]:
    """The sites of a folder, checked against the tariffs and the tick of the settings; two names of
    one host are known for that where ``addresses`` has what they stand for. Raises
    ``SiteFileError`` with every mistake."""
    names, tick_s = tariff_book(settings).names, 60.0 * settings.poll_minutes
    return load_sites(folder, load_templates(), names, tick_s, addresses)


def usable_sites(settings: Settings, running: Collection[Site] = ()) -> UsableSites:
    """The sites of the settings' folder without the files that have a mistake, and those mistakes.
    Of two that cannot stand side by side the one that is among ``running`` stays. Raises
    ``SiteFileError`` where not one file is right."""
    names, tick_s = tariff_book(settings).names, 60.0 * settings.poll_minutes
    return load_usable_sites(settings.sites, load_templates(), names, tick_s, running)


def tariff_book(settings: Settings) -> TariffBook:
    """The tariffs of the settings' file. Raises ``ConfigError`` when it cannot be understood."""
    return TariffBook.load(settings.tariffs) if settings.tariffs else TariffBook.load()


def remarks(sites: Sequence[Site], addresses: Addresses) -> list[str]:
    """What is no mistake in site files, and yet worth to be known before they are run, one sentence
    each; ``addresses`` are those of the names of hosts that could be resolved."""
    return [*_unresolved(sites, addresses), *_unaccepted(sites)]


def _unresolved(sites: Iterable[Site], addresses: Addresses) -> list[str]:
    hosts = {plain(d.host) for site in sites for d in site.devices if is_name(d.host)}
    unknown = sorted(host for host in hosts if host and host not in addresses)
    if not unknown:
        return []
    text = (
        f"host names that are not known here: {', '.join(unknown)}; whether they are devices that "
        "other names or addresses stand for could not be checked"
    )
    return [text]


def _unaccepted(sites: Iterable[Site]) -> list[str]:
    """Devices that mode ``auto`` writes to by their number alone (CONTRACT, W1)."""
    return [
        f"{site.id}: mode auto writes to {', '.join(devices)} by address and number alone: whoever "
        "answers there is taken for it. Where it says what it is (bms read "
        f"{site.id}), accept that as its fingerprint"
        for site in sites
        if site.mode is Mode.AUTO and (devices := _without_fingerprint(site))
    ]


def _without_fingerprint(site: Site) -> list[str]:
    written = {point.device for point in site.points if point.write is not None}
    return sorted(
        device.id.rpartition("/")[2]
        for device in site.devices
        if device.id in written and device.fingerprint is None and not device.fetches
    )
