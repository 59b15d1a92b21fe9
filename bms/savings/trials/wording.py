"""What a trial shows, in sentences that a council can read."""

from __future__ import annotations

from collections.abc import Sequence

from bms.model.savings.trial import AaCheck, Bounds, Effect, Finding, Subject, TrialResult
from bms.model.words import Words
from bms.savings.trials.placebo import failed

MUCH_MISSING = 0.1
"""Share of the days without data from which on it is said."""

NAMES = {
    Subject.ELECTRICITY: ("El", "Electricity"),
    Subject.HEAT: ("Varme", "Heat"),
    Subject.GAS: ("Gas", "Gas"),
    Subject.COMFORT: ("Komfort", "Comfort"),
}
UNITS = {"kWh/day": ("kWh pr. døgn", "kWh a day"), "K·h/day": ("K·h pr. døgn", "K·h a day")}
BY_LOT = (
    "Dagene blev trukket ved lod, så forskellen skyldes styringen.",
    "The days were drawn by lot, so the difference is due to the control.",
)


def finding(effect: Effect | None) -> Finding:
    """What an effect shows."""
    if effect is None:
        return Finding.NO_DATA
    if effect.saving.above_zero:
        return Finding.LESS
    return Finding.MORE if effect.saving.below_zero else Finding.NOT_TOLD


def effect_words(subject: Subject, effect: Effect | None) -> Words:
    """The sentence of one subject."""
    found = finding(effect)
    da, en = NAMES[subject]
    code = f"trial_{subject.value}_{found.value}"
    if effect is None:
        return Words(
            code,
            f"{da}: der er for få dage med data i hver arm til at sige noget.",
            f"{en}: there are too few days with data in each arm to tell anything.",
        )
    if found is Finding.NOT_TOLD:
        return Words(
            code,
            f"{da}: forsøget viser ingen sikker forskel ({_between(effect, 0)}).",
            f"{en}: the trial shows no certain difference ({_between(effect, 1)}).",
        )
    more = ("mere", "more") if found is Finding.MORE else ("mindre", "less")
    what = ("ubehag", " discomfort") if subject is Subject.COMFORT else ("", "")
    verb = ("gav", "gave") if subject is Subject.COMFORT else ("brugte", "used")
    amounts = [_amount(effect, language) for language in (0, 1)]
    return Words(
        code,
        f"{da}: vores styring {verb[0]} {amounts[0]} {more[0]}{' ' + what[0] if what[0] else ''} "
        f"end bygningens egen ({_between(effect, 0)}). {BY_LOT[0]}",
        f"{en}: our control {verb[1]} {amounts[1]} {more[1]}{what[1]} than the building's own "
        f"({_between(effect, 1)}). {BY_LOT[1]}",
    )


def caveats(result: TrialResult, checks: Sequence[AaCheck]) -> tuple[Words, ...]:
    """What a reader has to know beside the numbers."""
    found = [_check_words(check) for check in checks if failed(check)]
    found += [_missing_words(each) for each in result.effects if _gappy(each)]
    if result.days_done < result.days:
        done = f"{result.days_done}/{result.days}"
        found.append(
            Words(
                "trial_part",
                f"Kun {done} døgn er gennemført. Den, der stopper, når tallet ser godt ud, narrer "
                "sig selv: vent til slutningen.",
                f"Only {done} days are over. Whoever stops when the number looks good is fooled by "
                "it: wait for the end.",
            )
        )
    if result.disobeyed:
        days = ", ".join(day.isoformat() for day in result.disobeyed)
        found.append(
            Words(
                "trial_disobeyed",
                f"Planen skrev på døgn, der skulle være bygningens egne: {days}.",
                f"The plan wrote on days that were the building's own: {days}.",
            )
        )
    if result.idle:
        count = len(result.idle)
        found.append(
            Words(
                "trial_idle",
                f"På {count} af vores døgn blev intet skrevet (mennesker eller en manglende plan). "
                "De tæller som trukket, så virkningen vises snarere for lille.",
                f"On {count} of our days nothing was written (people, or a missing plan). They "
                "count as drawn, so the effect is shown too small rather than too large.",
            )
        )
    return tuple(found)


def pooled_words(subject: Subject | None, share: Bounds | None, buildings: int) -> Words:
    """The sentence of all buildings together; ``subject`` None where nothing can be pooled."""
    if subject is None or share is None:
        return Words(
            "trial_pool_few",
            "Der er ikke to bygninger med et forsøg at lægge sammen.",
            "There are no two buildings with a trial to put together.",
        )
    da, en = NAMES[subject]
    ends = [
        f"{_percent(share.low, i)} {('til', 'to')[i]} {_percent(share.high, i)}" for i in (0, 1)
    ]
    value = [_percent(share.value, i) for i in (0, 1)]
    return Words(
        "trial_pool",
        f"{da}, {buildings} bygninger samlet: {value[0]} mindre forbrug (90 %-interval {ends[0]}).",
        f"{en}, {buildings} buildings together: {value[1]} less use (90 % interval {ends[1]}).",
    )


def need_words(subject: Subject, share: float, weeks: int | None, longest: int) -> Words:
    """How long a trial has to run to show an effect of ``share``."""
    da, en = (NAMES[subject][i] for i in (0, 1))
    aim = [_percent(share, i) for i in (0, 1)]
    if weeks is None:
        return Words(
            "trial_too_noisy",
            f"{da}: {longest} uger er ikke nok til at vise {aim[0]}, så uroligt er forbruget. "
            "Læg flere bygninger sammen.",
            f"{en}: with this building's noise {longest} weeks do not show {aim[1]}. "
            "Pool several buildings.",
        )
    return Words(
        "trial_weeks",
        f"{da}: med denne bygnings uro skal der {weeks} uger til at vise {aim[0]}.",
        f"{en}: with this building's noise you need {weeks} weeks to see {aim[1]}.",
    )


def _gappy(effect: Effect) -> bool:
    return effect.missing > MUCH_MISSING * (
        effect.missing + effect.days_own + effect.days_optimised
    )


def _missing_words(effect: Effect) -> Words:
    da, en = NAMES[effect.subject]
    return Words(
        "trial_missing",
        f"{da}: {effect.missing} døgn mangler i data og er ikke talt med.",
        f"{en}: {effect.missing} days have no data and are not counted.",
    )


def _check_words(check: AaCheck) -> Words:
    da, en = NAMES[check.subject]
    return Words(
        "trial_aa_failed",
        f"{da}: A/A-prøven faldt ikke ud som ventet: kun {check.covered} af {check.windows} "
        "stræk uden skift viser ingen virkning. Tallet bør efterses, før det bruges.",
        f"{en}: the A/A check is not as it should be: only {check.covered} of {check.windows} "
        "stretches without a switch hold no effect. Look into it before the number is used.",
    )


def _amount(effect: Effect, language: int) -> str:
    value = f"{_number(abs(effect.saving.value), language)} {UNITS[effect.unit][language]}"
    if effect.share is None:
        return value
    return f"{_percent(abs(effect.share.value), language)} ({value})"


def _between(effect: Effect, language: int) -> str:
    ends = effect.saving if effect.share is None else effect.share
    form = _number if effect.share is None else _percent
    unit = f" {UNITS[effect.unit][language]}" if effect.share is None else ""
    name = ("90 %-interval", "90 % interval")[language]
    to, less = ("til", "to")[language], ("mindre", "less")[language]
    return f"{name} {form(ends.low, language)} {to} {form(ends.high, language)}{unit} {less}"


def _percent(value: float | None, language: int) -> str:
    return _open(language) if value is None else f"{_number(100.0 * value, language)} %"


def _number(value: float | None, language: int) -> str:
    if value is None:
        return _open(language)
    text = f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
    return text.replace(".", ",") if language == 0 else text


def _open(language: int) -> str:
    return ("ubegrænset", "unbounded")[language]
