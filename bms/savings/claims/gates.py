"""What stands between a number and a claim. Each gate that fails says so in plain words.

Thresholds: fit and sufficiency as in CalTRACK 2.0 and the acceptance levels of ASHRAE Guideline
14-2014 §4.3.2; docs/savings.md gives the source of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.model.savings.event import EventKind
from bms.model.savings.savings import Finding, Savings, Span, Verdict
from bms.model.words import Words
from bms.savings.models.uncertainty import CONFIDENCE, Z90

YEAR_DAYS = 300
SEASON_DAYS = 60
REPORTING_DAYS = 12
LEAST_REPORTING_DAYS = 7
FULL_COVERAGE = 0.9
LEAST_COVERAGE = 0.5
GOOD_CV_RMSE = 0.25
USABLE_CV_RMSE = 1.0
GOOD_NMBE = 0.005

_ORDER = (Verdict.NOT_CLAIMABLE, Verdict.INDICATIVE, Verdict.VERIFIED)


@dataclass(frozen=True, slots=True)
class Objection:
    """A gate that failed: why, and the best verdict that it leaves open."""

    words: Words
    ceiling: Verdict


def sufficiency(baseline_days: int, reporting_days: int, coverage: float) -> list[Objection]:
    """Objections to the amount of data; ``not_claimable`` ones mean that nothing is computed."""
    found = (
        _baseline_days(baseline_days),
        _reporting_days(reporting_days),
        _coverage(coverage),
    )
    return [objection for objection in found if objection is not None]


def fit(cv_rmse: float | None, nmbe: float | None) -> list[Objection]:
    """Objections to how well the model follows the baseline (fractions of the mean)."""
    return [found for found in (_scatter(cv_rmse), _bias(nmbe)) if found is not None]


def weather(strange_days: int) -> list[Objection]:
    """Objection to reporting days that are colder or warmer than the model has seen."""
    if strange_days == 0:
        return []
    return [
        _object(
            Verdict.INDICATIVE,
            "weather_outside_baseline",
            f"{strange_days} døgn var koldere eller varmere, end basisperioden kan sige noget om.",
            f"{strange_days} days were colder or warmer than the baseline can speak for.",
        )
    ]


EVENT_CODES = frozenset(kind.value for kind in EventKind)
"""Findings that are non-routine events: open until a person has decided about them."""
_SIZE_CODES = frozenset({"no_saving", "saving_within_uncertainty"})


def open_events(findings: Sequence[Finding]) -> list[Objection]:
    """Objections to non-routine events that nobody has confirmed or dismissed yet."""
    return [
        Objection(found.words, Verdict.INDICATIVE)
        for found in findings
        if found.code in EVENT_CODES
    ]


def others(savings: Savings) -> list[Objection]:
    """The objections of ``savings`` that neither its size nor open events raise."""
    return [
        Objection(words, _ceiling(words.code, savings))
        for words in savings.reasons
        if words.code not in EVENT_CODES | _SIZE_CODES
    ]


def _ceiling(code: str, savings: Savings) -> Verdict:
    """The best verdict that a reason leaves open, of a meter whose saving is known: thin data
    that leave no claim have no number, so only a model that does not follow is not claimable."""
    hopeless = savings.cv_rmse is None or savings.cv_rmse > USABLE_CV_RMSE
    if savings.saving_kwh is None or (code in {"fit_poor", "no_use"} and hopeless):
        return Verdict.NOT_CLAIMABLE
    return Verdict.INDICATIVE


def size(saving: float, half_width: float) -> list[Objection]:
    """Objections to a saving [kWh] that is none, or lies within its 90 % half-width [kWh]."""
    if saving > half_width:
        return []
    if saving <= 0:
        return [
            _object(
                Verdict.NOT_CLAIMABLE,
                "no_saving",
                "Der er brugt lige så meget eller mere, end vejret giver grund til.",
                "As much or more was used than the weather gives reason for.",
            )
        ]
    da, en = kwh(saving)
    half_da, half_en = kwh(half_width)
    return [
        _object(
            Verdict.INDICATIVE if saving > half_width / Z90 else Verdict.NOT_CLAIMABLE,
            "saving_within_uncertainty",
            f"Besparelsen ({da}) er mindre end usikkerheden (± {half_da}).",
            f"The saving ({en}) is smaller than its uncertainty (± {half_en}).",
        )
    ]


def verdict(found: Sequence[Objection]) -> Verdict:
    """The best verdict that all objections leave open."""
    return min((o.ceiling for o in found), key=_ORDER.index, default=Verdict.VERIFIED)


def percent(fraction: float) -> tuple[str, str]:
    """Danish and English text of a fraction in percent."""
    text = f"{100 * fraction:.1f}" if abs(fraction) < 0.1 else f"{100 * fraction:.0f}"
    return text.replace(".", ",") + " %", text + " %"


def kwh(value: float) -> tuple[str, str]:
    """Danish and English text of an energy."""
    text = f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}"
    danish = text.replace(",", " ").replace(".", ",").replace(" ", ".")
    return f"{danish} kWh", f"{text} kWh"


def _object(ceiling: Verdict, code: str, da: str, en: str) -> Objection:
    return Objection(Words(code, da, en), ceiling)


def _baseline_days(n: int) -> Objection | None:
    if n < SEASON_DAYS:
        return _object(
            Verdict.NOT_CLAIMABLE,
            "baseline_too_short",
            f"Kun {n} døgn i basisperioden har både forbrug og vejr; der skal mindst"
            f" {SEASON_DAYS} til.",
            f"Only {n} days of the baseline period have both use and weather; at least"
            f" {SEASON_DAYS} are needed.",
        )
    if n < YEAR_DAYS:
        return _object(
            Verdict.INDICATIVE,
            "baseline_part_of_year",
            f"Basisperioden har {n} brugbare døgn; et bevis kræver {YEAR_DAYS}.",
            f"The baseline period has {n} usable days; proof takes {YEAR_DAYS}.",
        )
    return None


def _reporting_days(m: int) -> Objection | None:
    if m < LEAST_REPORTING_DAYS:
        return _object(
            Verdict.NOT_CLAIMABLE,
            "reporting_too_short",
            f"Kun {m} døgn er målt siden tiltaget; der skal mindst {LEAST_REPORTING_DAYS} til.",
            f"Only {m} days have been measured since the change; at least {LEAST_REPORTING_DAYS}"
            " are needed.",
        )
    if m < REPORTING_DAYS:
        return _object(
            Verdict.INDICATIVE,
            "reporting_short",
            f"{m} døgn er målt siden tiltaget; et bevis kræver {REPORTING_DAYS}.",
            f"{m} days have been measured since the change; proof takes {REPORTING_DAYS}.",
        )
    return None


def _coverage(coverage: float) -> Objection | None:
    if coverage >= FULL_COVERAGE:
        return None
    da, en = percent(coverage)
    thin = coverage < LEAST_COVERAGE
    need_da, need_en = percent(LEAST_COVERAGE if thin else FULL_COVERAGE)
    return _object(
        Verdict.NOT_CLAIMABLE if thin else Verdict.INDICATIVE,
        "reporting_gaps",
        f"Kun {da} af døgnene siden tiltaget har både forbrug og vejr; der kræves {need_da}.",
        f"Only {en} of the days since the change have both use and weather; {need_en} are needed.",
    )


def _scatter(cv: float | None) -> Objection | None:
    if cv is None:
        return _object(
            Verdict.NOT_CLAIMABLE,
            "no_use",
            "Måleren viser intet forbrug i basisperioden.",
            "The meter shows no use in the baseline period.",
        )
    if cv <= GOOD_CV_RMSE:
        return None
    da, en = percent(cv)
    limit_da, limit_en = percent(GOOD_CV_RMSE)
    return _object(
        Verdict.INDICATIVE if cv <= USABLE_CV_RMSE else Verdict.NOT_CLAIMABLE,
        "fit_poor",
        f"Forbruget følger vejret for dårligt: modellens daglige fejl er {da} (højst {limit_da}).",
        f"Use follows the weather too loosely: the model's daily error is {en} (at most"
        f" {limit_en}).",
    )


def _bias(nmbe: float | None) -> Objection | None:
    if nmbe is None or abs(nmbe) <= GOOD_NMBE:
        return None
    da, en = percent(nmbe)
    return _object(
        Verdict.INDICATIVE,
        "fit_biased",
        f"Modellen rammer {da} ved siden af i basisperioden (højst 0,5 %).",
        f"The model is {en} off over the baseline period (at most 0.5 %).",
    )


def unanswered(
    *,
    meter_id: str,
    commodity: Commodity,
    baseline: Span,
    reporting: Span,
    before_kwh: Floats,
    after_kwh: Floats,
    coverage: float,
) -> Savings:
    """``before_kwh`` and ``after_kwh`` [kWh] are what both periods' intervals used, shapes (n,)
    and (m,); ``coverage`` 0..1 is that of the reporting period."""
    return Savings(
        meter_id=meter_id,
        commodity=commodity,
        baseline=baseline,
        reporting=reporting,
        model=None,
        n=len(before_kwh),
        coverage=coverage,
        cv_rmse=None,
        nmbe=None,
        r2=None,
        rho=None,
        baseline_kwh=float(before_kwh.sum()) if len(before_kwh) else None,
        adjusted_baseline_kwh=None,
        measured_kwh=float(after_kwh.sum()) if len(after_kwh) else None,
        saving_kwh=None,
        saving_low_kwh=None,
        saving_high_kwh=None,
        confidence=CONFIDENCE,
        verdict=Verdict.NOT_CLAIMABLE,
    )
