"""What has to be said beside a forecast: that it is old, from another provider, or an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bms.model.fact import Fact, MessageCode, Moment, Parameter, fact

TIMEZONE = "Europe/Copenhagen"
HOUR = timedelta(hours=1)


class FeedNote(MessageCode):
    """Notes of feeds; a plan repeats them among its reasons."""

    PRICES_ESTIMATED = "prices_estimated"
    PRICES_SECOND = "prices_second"
    EMISSIONS_ESTIMATED = "emissions_estimated"
    EMISSIONS_STALE = "emissions_stale"
    WEATHER_STALE = "weather_stale"
    WEATHER_FALLBACK = "weather_fallback"
    WEATHER_TAIL = "weather_tail"
    WEATHER_GAP = "weather_gap"
    WEATHER_EARLIER_RUN = "weather_earlier_run"
    WEATHER_USUAL = "weather_usual"
    WEATHER_LEADS = "weather_leads"
    WEATHER_BLENDED = "weather_blended"
    SUN_ESTIMATED = "sun_estimated"
    TARIFFS_STALE = "tariffs_stale"
    TARIFFS_OF_BOOK = "tariffs_of_book"
    TARIFFS_AMBIGUOUS = "tariffs_ambiguous"


class FeedPhrase(MessageCode):
    """A phrase inside a note."""

    BECAUSE = "feed_because"


def joined(troubles: Sequence[str]) -> str:
    """Returns what went wrong, each once, as one text; empty where nothing did."""
    return "; ".join(dict.fromkeys(troubles))


def why_nothing(troubles: Sequence[str]) -> str:
    """Returns why there is nothing, also where nothing went wrong."""
    return joined(troubles) or "the provider has none"


def prices_estimated(since: datetime, troubles: Sequence[str]) -> Fact:
    """Returns the note that prices from ``since`` on are those of the usual day."""
    because = _because(troubles)
    return fact(FeedNote.PRICES_ESTIMATED, since=Moment(since), because=because)


def prices_second(provider: str, since: datetime, troubles: Sequence[str]) -> Fact:
    """Returns the note that another provider tells prices from ``since`` on."""
    because = _because(troubles)
    return fact(FeedNote.PRICES_SECOND, provider=provider, since=Moment(since), because=because)


def emissions_estimated(since: datetime, troubles: Sequence[str]) -> Fact:
    """Returns the note that emission factors from ``since`` on are those of the usual day."""
    because = _because(troubles)
    return fact(FeedNote.EMISSIONS_ESTIMATED, since=Moment(since), because=because)


def emissions_stale(age: timedelta, troubles: Sequence[str]) -> Fact:
    """Returns the note that the prognosis of emissions was not renewed for ``age``."""
    return fact(FeedNote.EMISSIONS_STALE, hours=age / HOUR, because=_because(troubles))


def weather_stale(age: timedelta, troubles: Sequence[str]) -> Fact:
    """Returns the note that the weather forecast was not renewed for ``age``."""
    return fact(FeedNote.WEATHER_STALE, hours=age / HOUR, because=_because(troubles))


def weather_fallback(provider: str, troubles: Sequence[str]) -> Fact:
    """Returns the note that the weather is another provider's than the usual one."""
    return fact(FeedNote.WEATHER_FALLBACK, provider=provider, because=_because(troubles))


def weather_tail(provider: str, since: datetime) -> Fact:
    """Returns the note that ``provider`` covers what lies beyond the usual one's forecast."""
    return fact(FeedNote.WEATHER_TAIL, provider=provider, since=Moment(since))


def weather_gap(provider: str, since: datetime, until: datetime) -> Fact:
    """Returns the note that ``provider`` fills hours that the usual one has left out."""
    return fact(FeedNote.WEATHER_GAP, provider=provider, since=Moment(since), until=Moment(until))


def weather_earlier_run(provider: str, since: datetime) -> Fact:
    """Returns the note that the newest run is short, and an earlier one goes on from ``since``."""
    return fact(FeedNote.WEATHER_EARLIER_RUN, provider=provider, since=Moment(since))


def weather_usual(since: datetime) -> Fact:
    """Returns the note that nobody foresees the weather from ``since`` on: it is that of the usual
    day."""
    return fact(FeedNote.WEATHER_USUAL, since=Moment(since))


def weather_leads(leader: str, kelvin: float, usual: str, usual_kelvin: float) -> Fact:
    """Returns the note that ``leader`` comes first here, as its forecasts were less off [K]."""
    code = FeedNote.WEATHER_LEADS
    return fact(code, provider=leader, kelvin=kelvin, usual=usual, usual_kelvin=usual_kelvin)


def weather_blended(leader: str, second: str, share: float) -> Fact:
    """Returns the note that temperatures are a mean of two providers' (``share`` is the second's),
    as it was less off here than each of them."""
    return fact(FeedNote.WEATHER_BLENDED, leader=leader, second=second, share=share)


def tariffs_stale(fetched_at: datetime, troubles: Sequence[str]) -> Fact:
    """Returns the note that the price list could not be renewed."""
    return fact(FeedNote.TARIFFS_STALE, at=Moment(fetched_at), because=_because(troubles))


def tariffs_of_book(trouble: str) -> Fact:
    """Returns the note that there is no price list, and the tariff file holds."""
    return fact(FeedNote.TARIFFS_OF_BOOK, because=_because([trouble]))


def tariffs_ambiguous(codes: Sequence[str]) -> Fact:
    """Returns the note that the list has several prices under one code, so that the file holds."""
    return fact(FeedNote.TARIFFS_AMBIGUOUS, codes=tuple(codes))


def sun_estimated(provider: str) -> Fact:
    """Returns the note that the irradiance was estimated from the provider's cloud cover."""
    return fact(FeedNote.SUN_ESTIMATED, provider=provider)


def _because(troubles: Sequence[str]) -> Parameter:
    why = joined(troubles)
    return fact(FeedPhrase.BECAUSE, reason=why) if why else ""
