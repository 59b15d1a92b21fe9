"""What the data of a zone lack where no model came out of them: words that say what would help."""

from __future__ import annotations

import numpy as np

from bms.model.words import Words
from optimizer.model.zone_record import Record

STILL_K = 0.4
"""A room whose temperature spreads less than this shows nothing of its capacity [K]."""
STEADY_HEAT = 0.1
FEW_DAYS = 21.0


def what_is_missing(record: Record, called: str, at_bounds: tuple[str, ...]) -> list[Words]:
    """What would help zone ``called``, most important first; may be empty."""
    said = []
    heat = record.heat[np.isfinite(record.heat)]
    if len(heat) and float(np.std(heat)) < STEADY_HEAT * max(1e-9, float(np.mean(heat))):
        said.append(_steady_heat(called, 100.0 * float(np.std(heat)) / float(np.mean(heat))))
    if float(np.nanstd(record.temp)) < STILL_K:
        said.append(_held_still(called, float(np.nanstd(record.temp))))
    days = len(record) * record.step_h / 24.0
    if days < FEW_DAYS:
        said.append(_more_days(called, days))
    if at_bounds:
        said.append(_not_held(called, at_bounds))
    return said


def no_better_than_the_mean(zone: str, model: float, spread: float) -> Words:
    """For a model that beats its rivals, but says no more than what the room is like on average."""
    return Words(
        "no_better_than_mean",
        f"{zone}: modellen rammer et døgn frem {_dk(model)} K forkert; det gør også den, der altid "
        f"siger gennemsnittet ({_dk(spread)} K).",
        f"{zone}: 24 h ahead the model is {model:.2f} K off; so is somebody who always says the "
        f"mean ({spread:.2f} K).",
    )


def heat_no_better_than_the_mean(zone: str, model: float, spread: float) -> Words:
    """The same of the heat of a day."""
    return Words(
        "heat_no_better_than_mean",
        f"{zone}: modellen rammer døgnets varme {_dk(model)} kWh forkert; det gør også den, der "
        f"altid siger gennemsnittet ({_dk(spread)} kWh).",
        f"{zone}: the model is {model:.2f} kWh off for the heat of a day; so is somebody who "
        f"always says the mean ({spread:.2f} kWh).",
    )


def asked_lately(zone: str) -> Words:
    """For a zone that was refused and is not studied every night."""
    return Words(
        "asked_lately",
        f"{zone}: der kom ingen model ud af de samme dage for nylig; zonen undersøges igen om en "
        "dag eller to.",
        f"{zone}: no model came out of the same days lately; the zone is studied again in a day or "
        "two.",
    )


def capacity_by_class(zone: str) -> Words:
    """For a model whose capacities nothing measured."""
    return Words(
        "capacity_by_class",
        f"{zone}: rummet er holdt på én temperatur, så bygningens tunghed er ikke målt; der regnes "
        "forsigtigt med en tung bygning, til natsænkninger viser den.",
        f"{zone}: the room was held at one temperature, so how heavy the building is was not "
        "measured; it is taken for a heavy one, to be careful, until setbacks show it.",
    )


def _dk(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def _steady_heat(zone: str, percent: float) -> Words:
    return Words(
        "steady_heat",
        f"{zone}: varmen ændrer sig kun {percent:.0f} %; lad natsænkning eller en hverdags "
        "forskel vise, hvad den gør ved rummet.",
        f"{zone}: heating varies by only {percent:.0f} %; a night setback would show what it does "
        "to the room.",
    )


def _held_still(zone: str, spread: float) -> Words:
    return Words(
        "held_still",
        f"{zone}: temperaturen holdes inden for {_dk(spread)} K døgnet rundt, så bygningens "
        "tunghed ses ikke; en uge eller to med natsænkning ville vise den.",
        f"{zone}: the temperature is held within {spread:.2f} K around the clock, so how heavy the "
        "building is does not show; a week or two with a night setback would show it.",
    )


def _more_days(zone: str, days: float) -> Words:
    return Words(
        "more_days",
        f"{zone}: der er {days:.0f} dages data; {FEW_DAYS:.0f} dage eller mere ville hjælpe.",
        f"{zone}: there are {days:.0f} days of data; {FEW_DAYS:.0f} days or more would help.",
    )


def _not_held(zone: str, names: tuple[str, ...]) -> Words:
    listed = ", ".join(names)
    return Words(
        "not_held",
        f"{zone}: data bestemmer ikke {listed}.",
        f"{zone}: the data do not determine {listed}.",
    )
