"""Day-ahead prices of Nord Pool's Market Data API (v2), a second source.

Unverified: written from public clients of the interface, never run against it. It needs a
subscription: user name and password on two lines of a file; a third one may hold ``client:secret``
of the client, otherwise the one that Nord Pool's documentation gives to everybody. Prices are asked
for in DKK/MWh. The data portal without a subscription forbids programs, so it is not asked.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

from bms.errors import FeedError
from bms.feeds.client.http_policy import StatusRefused
from bms.feeds.client.payload import Samples, epoch_second, number_within, parsing, samples_of
from bms.feeds.electricity.energidata import AREAS, QUARTER_S
from bms.outgoing.http import HttpResponse, PostingClient

BASE, TOKEN_BASE = "https://data-api.nordpoolgroup.com", "https://sts.nordpoolgroup.com"
CREDIT = "Nord Pool"

_NAME = "Nord Pool"
_MAX_PRICE = 1e5
_LONGEST_S = 3600
_EVERYBODY = "client_marketdata_api:client_marketdata_api"
_UNAUTHORISED = 401
_LEAST_S, _BEFORE_S = 60.0, 300.0
"""Least life of a token, and how long before its end another one is asked for [s]."""


def prices_url(base: str, areas: tuple[str, ...], day: date) -> str:
    """Returns the address of the prices of a delivery day (Central European)."""
    query = {
        "market": "DayAhead",
        "areas": ",".join(areas),
        "currency": "DKK",
        "date": day.isoformat(),
    }
    return f"{base}/api/v2/Auction/Prices/ByAreas?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class MarketDataLogin:
    """Who asks."""

    user: str
    password: str = field(repr=False)
    client: str = field(default=_EVERYBODY, repr=False)


@dataclass(slots=True)
class TokenClient:
    """Implements ``HttpClient``: asks for a token, and sends it with each request while it holds.

    A token that is refused is asked for once more.
    """

    client: PostingClient
    subscription: MarketDataLogin
    token_base: str
    _token: str = field(default="", repr=False)
    _until: float = 0.0

    def get(self, url: str, headers: Mapping[str, str]) -> HttpResponse:
        """The response to a request with a token. Raises ``FeedError``."""
        fresh = self._token and time.monotonic() < self._until
        answer = self._with_token(url, headers, self._token if fresh else self._asked())
        if answer.status == _UNAUTHORISED and fresh:
            answer = self._with_token(url, headers, self._asked())
        return answer

    def _with_token(self, url: str, headers: Mapping[str, str], token: str) -> HttpResponse:
        return self.client.get(url, {**headers, "Authorization": f"Bearer {token}"})

    def _asked(self) -> str:
        """A new token. Raises ``FeedError``."""
        who = self.subscription
        form = {
            "grant_type": "password",
            "scope": "marketdata_api",
            "username": who.user,
            "password": who.password,
        }
        headers = {
            "Authorization": f"Basic {b64encode(who.client.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        answer = self.client.post(
            f"{self.token_base}/connect/token", headers, urlencode(form).encode()
        )
        if answer.status != 200:
            told = f"{_NAME} gives no token (HTTP {answer.status}): is the file right?"
            raise StatusRefused(answer.status, told)
        with parsing(f"{_NAME}, token"):
            told = json.loads(answer.body)
            self._token, lasts = str(told["access_token"]), float(told.get("expires_in", 3600))
            if not self._token.isascii() or not self._token.isprintable():
                raise ValueError("no token")
        self._until = time.monotonic() + max(_LEAST_S, lasts - _BEFORE_S)
        return self._token


def read_prices(body: bytes) -> dict[str, Samples]:
    """Returns prices [DKK/MWh] on quarter-hours by area. Raises ``FeedError``, also for another
    currency or unit."""
    with parsing(_NAME):
        found: dict[str, dict[int, float]] = {}
        for row in json.loads(body):
            area = row["deliveryArea"]
            if area not in AREAS:
                continue
            if row["currency"] != "DKK" or row.get("unit", "MWh") not in ("MWh", "DKK/MWh"):
                raise FeedError(
                    f"{_NAME}: prices in {str(row['currency'])[:10]} per"
                    f" {str(row.get('unit'))[:10]} cannot be read"
                )
            for each in row["prices"]:
                start, end = (epoch_second(each[name]) for name in ("deliveryStart", "deliveryEnd"))
                if not 0 < end - start <= _LONGEST_S:
                    raise ValueError(f"a price of {end - start} s")
                price = number_within(each["price"], -_MAX_PRICE, _MAX_PRICE)
                for at in range(start, end, QUARTER_S):
                    found.setdefault(area, {})[at] = price
        if not found:
            raise FeedError(f"{_NAME}: there are no Danish prices in the answer")
        return {area: samples_of(pairs) for area, pairs in found.items()}
