"""Day-ahead prices of ENTSO-E's Transparency Platform (document type A44), a second source.

Unverified: written from the descriptions of its REST interface and samples in public clients
(Publication_MarketDocument 7.3, IEC 62325-451-3), never run against the platform. A token is asked
for by e-mail there; it goes into each request as ``securityToken`` and is kept out of files and
messages. Prices are in EUR/MWh.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode
from xml.etree import ElementTree

from bms.errors import FeedError
from bms.feeds.client.payload import Samples, epoch_second, number_within, parsing, samples_of
from bms.feeds.electricity.energidata import QUARTER_S
from bms.outgoing.http import HttpClient, HttpResponse

BASE = "https://web-api.tp.entsoe.eu"
CREDIT = "ENTSO-E Transparency Platform"
EIC: Mapping[str, str] = {"DK1": "10YDK-1--------W", "DK2": "10YDK-2--------M"}

_NAME = "ENTSO-E"
_STEPS_S = {"PT15M": QUARTER_S, "PT30M": 2 * QUARTER_S, "PT60M": 4 * QUARTER_S}
_MAX_PRICE = 1e5
_MAX_POSITIONS = 3000
_REPEATED = "A03"
"""The curve type in which a position that is left out has the value of the one before it."""


def prices_url(base: str, area: str, start: datetime, end: datetime) -> str:
    """Returns the address of the prices of an area, without the token."""
    query = {
        "documentType": "A44",
        "in_Domain": EIC[area],
        "out_Domain": EIC[area],
        "periodStart": f"{start.astimezone(UTC):%Y%m%d%H%M}",
        "periodEnd": f"{end.astimezone(UTC):%Y%m%d%H%M}",
    }
    return f"{base}/api?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class KeyedClient:
    """Implements ``HttpClient``: adds the token to each request."""

    client: HttpClient
    token: str

    def get(self, url: str, headers: Mapping[str, str]) -> HttpResponse:
        """The response to the address with the token. Raises ``FeedError``."""
        keyed = f"{url}&{urlencode({'securityToken': self.token})}"
        return self.client.get(keyed, {**headers, "Accept": "application/xml"})


def read_prices(body: bytes) -> dict[str, Samples]:
    """Returns prices [EUR/MWh] on quarter-hours by area. Raises ``FeedError``, also for an answer
    that acknowledges without data, another currency or unit, and a step that is not known."""
    if b"<!" in body.replace(b"<!--", b"") or b"\0" in body:
        raise FeedError(f"{_NAME}: the answer is no plain document")
    with parsing(_NAME):
        try:
            utf_8 = ElementTree.XMLParser(encoding="utf-8")  # noqa: S314 (nothing is declared)
            root = ElementTree.fromstring(body, utf_8)  # noqa: S314
        except ElementTree.ParseError as error:
            raise FeedError(f"{_NAME}: the answer cannot be read ({error})") from error
        if _tag(root) == "Acknowledgement_MarketDocument":
            raise FeedError(f"{_NAME}: {_text(root, 'text', 'no reason given')[:200]}")
        found: dict[str, dict[int, float]] = {}
        for series in _all(root, "TimeSeries"):
            area = _area(series)
            for at, price in _prices(series) if area else ():
                found.setdefault(area, {})[at] = price
        if not found:
            raise FeedError(f"{_NAME}: there are no Danish prices in the answer")
        return {area: samples_of(pairs) for area, pairs in found.items()}


def _area(series: ElementTree.Element) -> str:
    told = _text(series, "in_Domain.mRID")
    return next((area for area, eic in EIC.items() if eic == told), "")


def _prices(series: ElementTree.Element) -> Iterator[tuple[int, float]]:
    """Prices by quarter-hour. Raises ``FeedError``."""
    currency, unit = (
        _text(series, name, expected)
        for name, expected in (("currency_Unit.name", "EUR"), ("price_Measure_Unit.name", "MWH"))
    )
    if (currency, unit) != ("EUR", "MWH"):
        raise FeedError(f"{_NAME}: prices in {currency[:10]}/{unit[:10]} cannot be read")
    repeats = _text(series, "curveType", "A01") == _REPEATED
    for period in _all(series, "Period"):
        step = _STEPS_S.get(_text(period, "resolution"))
        if step is None:
            raise FeedError(f"{_NAME}: prices by {_text(period, 'resolution')[:10]!r}")
        start, end = (epoch_second(_text(period, name)) for name in ("start", "end"))
        n = (end - start) // step
        if not 0 < n <= _MAX_POSITIONS:
            raise FeedError(f"{_NAME}: a period of {n} prices")
        yield from _of_period(period, start, step, n, repeats=repeats)


def _of_period(
    period: ElementTree.Element, start: int, step: int, n: int, *, repeats: bool
) -> Iterator[tuple[int, float]]:
    told = {
        int(_text(point, "position")): number_within(
            float(_text(point, "price.amount")), -_MAX_PRICE, _MAX_PRICE
        )
        for point in _all(period, "Point")
    }
    price = float("nan")
    for position in range(1, n + 1):
        price = told.get(position, price if repeats else float("nan"))
        for quarter in range(step // QUARTER_S):
            yield start + (position - 1) * step + quarter * QUARTER_S, price


def _tag(element: ElementTree.Element) -> str:
    """The name without its namespace, which changes with each version."""
    return element.tag.rpartition("}")[2]


def _all(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (each for each in element.iter() if _tag(each) == name)


def _text(element: ElementTree.Element, name: str, default: str = "") -> str:
    found = next(_all(element, name), None)
    return default if found is None or found.text is None else found.text.strip()
