"""Column and field names of heat suppliers → quantities: Danish and English synonyms.

A name is compared without case, blanks and punctuation (``Målernr.`` and ``maalernr`` are one). A
unit may stand behind it: ``Energi [MWh]``, ``Energi (MWh)``, ``Energi MWh``, ``energi_mwh``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from bms.feeds.suppliers.numbers_and_units import unit_scale
from bms.model.readings.metering import Quantity


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


METER_NUMBER = _word_set(
    "maalernummer maalernr maaler maalerid meterid meternumber meterno meternr meter"
    " serienummer serialnumber serialno"
)
DATE = _word_set("dato date aflaesningsdato readingdate")
CLOCK = _word_set("klokkeslaet klokken kl tid time hour timeslaet")
MOMENT = _word_set(
    "tidspunkt tidsstempel aflaesningstidspunkt aflaesningstid maaletidspunkt datotid timestamp"
    " datetime readingtime dateandtime"
)

_FORWARD = (Quantity.FLOW_TEMP, Quantity.FLOW_ENERGY)
_RETURN = (Quantity.RETURN_TEMP, Quantity.RETURN_ENERGY)
_WORDS: Mapping[tuple[Quantity, ...], str] = MappingProxyType(
    {
        (Quantity.ENERGY,): "energi energy varmeenergi heatenergy energi1varmeenergi e1 energi1",
        (Quantity.VOLUME,): "volumen volume volumen1 v1 volumenv1",
        (Quantity.POWER,): (
            "effekt power output middeleffekt gennemsnitseffekt gnseffekt averageoutput"
            " averagepower averageeffect meanoutput"
        ),
        (Quantity.FLOW,): (
            "flow vandflow middelflow gennemsnitsflow gnsflow averageflow meanflow"
            " gennemstroemning middelgennemstroemning"
        ),
        _FORWARD: "fremloeb frem forwardflow forward",
        _RETURN: "retur returloeb returnflow return",
        (Quantity.FLOW_TEMP,): (
            "fremloebstemperatur fremloebstemp fremtemperatur forwardtemperature flowtemperature"
            " supplytemperature t1 temperaturfrem"
        ),
        (Quantity.RETURN_TEMP,): (
            "returtemperatur returtemp returloebstemperatur returntemperature t2 temperaturretur"
        ),
        (Quantity.FLOW_ENERGY,): "e8 energi8 fremloebsenergi forwardenergy",
        (Quantity.RETURN_ENERGY,): "e9 energi9 returenergi returnenergy",
    }
)
_MEANS: Mapping[str, tuple[Quantity, ...]] = MappingProxyType(
    {word: quantities for quantities, words in _WORDS.items() for word in words.split()}
)
DEFAULT_UNITS: Mapping[Quantity, str] = MappingProxyType(
    {
        Quantity.VOLUME: "m3",
        Quantity.FLOW_TEMP: "degC",
        Quantity.RETURN_TEMP: "degC",
        Quantity.FLOW_ENERGY: "m3*degC",
        Quantity.RETURN_ENERGY: "m3*degC",
    }
)
"""Units that may be omitted because all heat meters use them. There is none for energy (kWh, MWh,
GJ) or flow (l/h, m3/h)."""

MAX_HEADING_LENGTH = 200
"""Characters of a heading that are compared; longer ones match nothing."""

_LETTERS = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "ö": "oe", "ä": "ae"})
_IN_BRACKETS = re.compile(r"(?P<name>.*?)[\s_]*[\[(](?P<unit>[^\])]+)[\])]\s*", re.DOTALL)
_BEHIND = re.compile(r"(?P<name>.*\S)[\s_]+(?P<unit>[^\s_]+)\s*", re.DOTALL)


def normalised_name(name: str) -> str:
    """Returns a name in lower case without blanks and punctuation, Danish letters transcribed."""
    return re.sub(r"[^a-z0-9]", "", name.lower().translate(_LETTERS))


def split_unit(name: str) -> tuple[str, str | None]:
    """Returns the normalised name and the unit of a heading; None without a unit."""
    name = name[:MAX_HEADING_LENGTH]
    brackets = _IN_BRACKETS.fullmatch(name)
    if brackets:
        return normalised_name(brackets["name"]), brackets["unit"].strip()
    behind = _BEHIND.fullmatch(name)
    if behind and normalised_name(behind["name"]) in _MEANS and is_unit(behind["unit"]):
        return normalised_name(behind["name"]), behind["unit"]
    return normalised_name(name), None


def quantity_of(word: str, unit: str | None) -> tuple[Quantity, str] | None:
    """Returns quantity and unit of a normalised name; None for an unknown name.

    "Forward" and "return" are temperatures in degC and registers in m3*degC. Raises ValueError
    when the unit is missing, or measures something else.
    """
    candidates = _MEANS.get(word)
    if candidates is None:
        return None
    if unit is None:
        if len(candidates) == 1 and candidates[0] in DEFAULT_UNITS:
            return candidates[0], DEFAULT_UNITS[candidates[0]]
        raise ValueError("its unit does not stand in the file")
    for quantity in candidates:
        if unit_scale(quantity, unit) is not None:
            return quantity, unit
    raise ValueError(f"{unit[:20]!r} is no unit of {' or '.join(candidates)}")


def is_unit(text: str) -> bool:
    """Whether a text is a known unit of any quantity."""
    return any(unit_scale(quantity, text) is not None for quantity in Quantity)
