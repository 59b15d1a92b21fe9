"""Where providers are asked, and with which keys, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bms.config import Settings
from bms.errors import ConfigError
from bms.feeds.client.disk_cache import DiskCache
from bms.feeds.electricity.nordpool import MarketDataLogin
from bms.feeds.live import ADDRESSES, PriceKeys
from bms.feeds.suppliers.eloverblik_api import EloverblikApi
from bms.model.outside_file import MOST_SECRET, read_outside
from bms.outgoing.http import HttpxClient
from bms.ports.clock import Clock


def provider_addresses(settings: Settings) -> Mapping[str, str]:
    """Returns the address of each provider: its own, or that of ``BMS_FEED_URLS``.

    Raises ``ConfigError`` for a name or an address that is none.
    """
    found = dict(ADDRESSES)
    for part in filter(None, (text.strip() for text in settings.feed_urls.split(","))):
        name, _, url = part.partition("=")
        if name.strip() not in ADDRESSES:
            raise ConfigError(
                f"BMS_FEED_URLS: no provider {name!r}; there are: {', '.join(ADDRESSES)}"
            )
        try:
            split = urlsplit(url.strip())
            usable = split.scheme in ("http", "https") and split.hostname and not split.query
            usable = usable and "@" not in split.netloc and not split.fragment
        except ValueError:
            usable = False
        if not usable:
            raise ConfigError(
                f"BMS_FEED_URLS: what stands for {name} is no address like https://host/path,"
                " without a name or a key in it"
            )
        found[name.strip()] = url.strip().rstrip("/")
    return found


def price_keys(settings: Settings) -> PriceKeys:
    """Returns the keys of the second sources of prices. Raises ``ConfigError``."""
    entsoe = nordpool = None
    if settings.entsoe_token_file is not None:
        (entsoe,) = secret_lines("BMS_ENTSOE_TOKEN_FILE", settings.entsoe_token_file, 1, 1)
    if settings.nordpool_file is not None:
        nordpool = MarketDataLogin(*secret_lines("BMS_NORDPOOL_FILE", settings.nordpool_file, 2, 3))
    return PriceKeys(entsoe=entsoe, nordpool=nordpool)


def meter_api(settings: Settings, clock: Clock) -> EloverblikApi | None:
    """Returns Eloverblik's interface; None without a token. Raises ``ConfigError``."""
    if settings.eloverblik_token_file is None:
        return None
    (token,) = secret_lines("BMS_ELOVERBLIK_TOKEN_FILE", settings.eloverblik_token_file, 1, 1)
    return EloverblikApi(
        HttpxClient(user_agent="bms/0.1"),
        DiskCache(settings.feeds),
        clock,
        token,
        settings.eloverblik_access,
        provider_addresses(settings)["eloverblik"],
    )


def secret_lines(setting: str, file: Path, least: int, most: int) -> list[str]:
    """Returns the lines of a file with secrets. Raises ``ConfigError``, without them."""
    try:
        lines = read_outside(file, MOST_SECRET).decode("ascii").split("\n")
    except OSError as error:
        raise ConfigError(f"{setting}: {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{setting}: {file} has characters that are no part of a key") from error
    found = [line.strip() for line in lines if line.strip()]
    if not least <= len(found) <= most or not all(line.isprintable() for line in found):
        expected = f"{least}" if least == most else f"{least} to {most}"
        raise ConfigError(f"{setting}: {file} has {len(found)} lines, and {expected} are due")
    return found
