"""A saving in words: the figure, its interval, its verdict and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from api.pages.language import PageTranslator
from bms.model.fact import Fact, Parameter
from bms.model.savings.avoided_use import Savings, SiteSavings, is_lopsided
from bms.services.periods import Periods

MOST_NAMES = 8
"""Buildings that a reason names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Texts of one saving; None where a figure is not known. ``more``: beyond the baseline.

    ``half``: of an interval that lies evenly about the saving. ``spread``: it, or else both ends.
    """

    verdict: str
    verdict_word: str
    verdict_long: str
    more: bool
    kwh: str | None
    half: str | None
    spread: str | None
    interval: str | None
    share: str | None
    dkk: str | None
    co2: str | None
    period: str
    reasons: tuple[str, ...]


def claim_of(
    saving: SiteSavings | Savings,
    periods: Periods,
    names: Mapping[str, str],
    t: PageTranslator,
) -> Claim:
    """The saving of a meter, a building or all of them, over ``periods``.

    ``names`` of sites and meters stand in the reasons in place of their ids."""
    return Claim(
        verdict=saving.verdict.value,
        verdict_word=t(f"verdict_{saving.verdict.value}"),
        verdict_long=t(f"verdict_{saving.verdict.value}_long"),
        more=saving.saving_kwh is not None and saving.saving_kwh < 0,
        kwh=None if saving.saving_kwh is None else t.number(abs(saving.saving_kwh)),
        half=_half(saving, t),
        spread=_spread(saving, t),
        interval=_interval(saving, t),
        share=_share(saving, t),
        dkk=_worth(saving, "cost_dkk", t),
        co2=_worth(saving, "co2_kg", t),
        period=_period(periods, t),
        reasons=tuple(t.describe(_named(words, names, t)) for words in saving.reasons),
    )


def data_findings(saving: Savings, t: PageTranslator) -> tuple[str, ...]:
    """What was found in the data of a meter, or cannot be seen in them; events have a panel of
    their own."""
    facts = (found.fact for found in saving.findings if found.event is None)
    return tuple(dict.fromkeys(map(t.describe, facts)))


def _named(words: Fact, names: Mapping[str, str], t: PageTranslator) -> Fact:
    """The fact with names where it has ids; of a long list of them the first."""
    return replace(
        words, parameters={key: _name(value, names, t) for key, value in words.parameters.items()}
    )


def _name(value: Parameter, names: Mapping[str, str], t: PageTranslator) -> Parameter:
    if isinstance(value, tuple):
        shown = [names.get(each, each) if isinstance(each, str) else each for each in value]
        more = len(shown) - MOST_NAMES
        return tuple(shown) if more < 2 else (*shown[:MOST_NAMES], t("and_others", count=more))
    return names.get(value, value) if isinstance(value, str) else value


def spread_of(saving: float, low: float, high: float, t: PageTranslator) -> str:
    """The interval [kWh] as it stands behind a saving: ± its half, or both ends if lopsided."""
    if is_lopsided(saving, low, high):
        return t("interval_ends", low=low, high=high)
    return f"± {t.number((high - low) / 2)}"


def _half(saving: SiteSavings | Savings, t: PageTranslator) -> str | None:
    kwh, low, high = saving.saving_kwh, saving.saving_low_kwh, saving.saving_high_kwh
    if kwh is None or low is None or high is None or is_lopsided(kwh, low, high):
        return None
    return t.number((high - low) / 2)


def _spread(saving: SiteSavings | Savings, t: PageTranslator) -> str | None:
    kwh, low, high = saving.saving_kwh, saving.saving_low_kwh, saving.saving_high_kwh
    return None if kwh is None or low is None or high is None else spread_of(kwh, low, high, t)


def _interval(saving: SiteSavings | Savings, t: PageTranslator) -> str | None:
    if saving.saving_low_kwh is None or saving.saving_high_kwh is None:
        return None
    return t(
        "interval",
        confidence=saving.confidence,
        low=saving.saving_low_kwh,
        high=saving.saving_high_kwh,
    )


def _share(saving: SiteSavings | Savings, t: PageTranslator) -> str | None:
    if saving.saving_kwh is None or not saving.adjusted_baseline_kwh:
        return None
    return t(
        "saved_share",
        share=abs(saving.saving_kwh) / saving.adjusted_baseline_kwh,
        baseline=saving.adjusted_baseline_kwh,
    )


def _worth(saving: SiteSavings | Savings, name: str, t: PageTranslator) -> str | None:
    value = getattr(saving, name, None)
    return None if value is None else t.number(abs(value))


def _period(periods: Periods, t: PageTranslator) -> str:
    span = periods.reporting
    first, last = t.local(span.start), t.local(span.end - timedelta(hours=1))
    return t(
        "saved_period",
        first=t.day(first, year=first.year != last.year),
        last=t.day(last, year=True),
        count=(t.local(span.end).date() - first.date()).days,
    )
