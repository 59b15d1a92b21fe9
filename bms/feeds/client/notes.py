"""What a plan says about the forecasts it rests on, in Danish and English."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bms.model.words import Words

TIMEZONE = "Europe/Copenhagen"


def told(troubles: list[str]) -> str:
    """Troubles in one breath; empty where there are none."""
    return "; ".join(dict.fromkeys(troubles))


def why_nothing(troubles: list[str]) -> str:
    """Why there is nothing, also where nothing went wrong."""
    return told(troubles) or "the provider has none"


def prices_estimated(since: datetime, timezone: str, trouble: str) -> Words:
    """Prices from ``since`` on are those of the usual day."""
    at = _local(since, timezone)
    why = _because(trouble)
    return Words(
        "prices_estimated",
        f"Elprisen fra {at} er ikke kendt{why}; gennemsnittet af de seneste dages samme "
        "kvarterer er brugt",
        f"The electricity price from {at} is not known{why}; the mean of the same quarter-hours of "
        "the last days is used",
    )


def emissions_estimated(since: datetime, timezone: str, trouble: str) -> Words:
    """Emission factors from ``since`` on are those of the usual day."""
    at = _local(since, timezone)
    return Words(
        "emissions_estimated",
        f"CO2-prognosen rækker til {at}{_because(trouble)}; derefter er gennemsnittet af de "
        "seneste dages samme kvarterer brugt",
        f"The CO2 prognosis ends at {at}{_because(trouble)}; after that the mean of the same "
        "quarter-hours of the last days is used",
    )


def emissions_stale(age: timedelta, trouble: str) -> Words:
    """The prognosis of emissions has not been renewed for ``age``."""
    return Words(
        "emissions_stale",
        f"CO2-prognosen er {_hours(age)} timer gammel{_because(trouble)}",
        f"The CO2 prognosis is {_hours(age)} hours old{_because(trouble)}",
    )


def weather_stale(age: timedelta, trouble: str) -> Words:
    """The weather forecast has not been renewed for ``age``."""
    return Words(
        "weather_stale",
        f"Vejrudsigten er {_hours(age)} timer gammel{_because(trouble)}",
        f"The weather forecast is {_hours(age)} hours old{_because(trouble)}",
    )


def weather_fallback(provider: str, trouble: str) -> Words:
    """Another provider than the usual one had to tell the weather."""
    return Words(
        "weather_fallback",
        f"Vejrudsigten er fra {provider}{_because(trouble)}",
        f"The weather forecast is from {provider}{_because(trouble)}",
    )


def weather_tail(provider: str, since: datetime, timezone: str) -> Words:
    """Another provider tells what lies beyond the usual one's forecast."""
    at = _local(since, timezone)
    return Words(
        "weather_tail",
        f"Vejrudsigten fra {at} er fra {provider}",
        f"The weather forecast from {at} is from {provider}",
    )


def sun_estimated(provider: str) -> Words:
    """The radiation was worked out from the clouds."""
    return Words(
        "sun_estimated",
        f"Solindfaldet er skønnet ud fra skydækket hos {provider}",
        f"Solar irradiance is estimated from the cloud cover of {provider}",
    )


def _local(moment: datetime, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def _hours(age: timedelta) -> int:
    return round(age / timedelta(hours=1))


def _because(trouble: str) -> str:
    return f" ({trouble})" if trouble else ""
