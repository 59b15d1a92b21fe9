"""What was wrong with a meter's readings, told to people."""

from __future__ import annotations

from collections.abc import Iterable

from bms.metering.flaw import Mark
from bms.metering.step_edges import from_micros
from bms.model.readings.metering import MeterEvent
from bms.model.readings.units import Unit
from bms.model.words import Words

_EXCHANGED_DA = "Er måleren skiftet, så skriv sidste og første stand i bygningens fil."
_EXCHANGED_EN = "If the meter was exchanged, write its final and first register in the site file."

_SENTENCES = (
    Words(
        "gap",
        "Ingen brugbare aflæsninger {span}{sum}.",
        "No usable readings {span}{sum}.",
    ),
    Words("no_readings", "Ingen aflæsninger {span}.", "No readings {span}."),
    Words(
        "reset",
        "Registret begyndte forfra {span}; forbruget hen over det kendes ikke. " + _EXCHANGED_DA,
        "The register started again {span}; the use across it is not known. " + _EXCHANGED_EN,
    ),
    Words(
        "other_register",
        "Registret faldt til en anden stand {span} uden at være nulstillet; forbruget hen over det"
        " kendes ikke. " + _EXCHANGED_DA,
        "The register fell to another level {span} that no restart explains; the use across it is"
        " not known. " + _EXCHANGED_EN,
    ),
    Words(
        "rollover",
        "Registret løb rundt {span}; forbruget er talt med{sum}.",
        "The register rolled over {span}; the use is counted{sum}.",
    ),
    Words(
        "exchange",
        "Måleren blev skiftet {span}; forbruget er talt hen over skiftet{sum}.",
        "The meter was exchanged {span}; the use is counted across{sum}.",
    ),
    Words(
        "exchange_not_seen",
        "Et målerskifte er oplyst {span}, men ingen aflæsninger inden for et døgn passer med dets"
        " sidste og første stand. Ret tidspunkt eller stande i bygningens fil.",
        "A meter exchange was told {span}, but no readings within a day fit its final and first"
        " register. Correct the moment or the registers in the site file.",
    ),
    Words(
        "duplicate",
        "{count} kom mere end én gang {span}; talt én gang.",
        "{count} came more than once {span}; counted once.",
    ),
    Words(
        "two_values",
        "To værdier for samme tidspunkt ({count} {span}); ingen af dem bruges{sum}.",
        "Two values for one moment ({count} {span}); none of them is used{sum}.",
    ),
    Words(
        "out_of_order",
        "{count} kom i forkert rækkefølge {span}; sat på plads.",
        "{count} came out of order {span}; put in place.",
    ),
    Words(
        "flat_line",
        "Registret stod stille {span}, længere end måleren plejer. Se efter, om måleren virker.",
        "The register stood still {span}, longer than this meter does. See whether it works.",
    ),
    Words(
        "caught_up",
        "Registret stod stille {span} og sprang så til det, der var brugt imens{sum}. Hvornår det"
        " blev brugt, vides ikke.",
        "The register stood still {span} and then leapt to what had been used meanwhile{sum}. When"
        " it was used is not known.",
    ),
    Words(
        "spike",
        "{count} sprang op og tilbage {span}; ikke brugt{sum}.",
        "{count} leapt up and back {span}; not used{sum}.",
    ),
    Words(
        "dip",
        "{count} faldt og kom tilbage {span}; ikke brugt{sum}.",
        "{count} fell and came back {span}; not used{sum}.",
    ),
    Words(
        "leap",
        "Registret sprang {span} mere, end måleren kan have talt; forbruget hen over det kendes"
        " ikke. " + _EXCHANGED_DA,
        "The register leapt {span} by more than the meter can have counted; the use across it is"
        " not known. " + _EXCHANGED_EN,
    ),
    Words(
        "beyond_register",
        "Større, end registret kan vise: {count} {span}; ikke brugt{sum}.",
        "Larger than the register can show: {count} {span}; not used{sum}.",
    ),
    Words(
        "absurd_step",
        "Forbruget {span} er større, end måleren kan have talt; det regnes som ukendt.",
        "The use {span} is more than the meter can have counted; it counts as unknown.",
    ),
    Words(
        "unit_slip",
        "I en anden enhed (Wh, kWh, MWh eller GJ): {count} {span}; ikke brugt{sum}.",
        "In another unit (Wh, kWh, MWh or GJ): {count} {span}; not used{sum}.",
    ),
    Words(
        "negative_register",
        "Under nul, hvad et register ikke kan være: {count} {span}; ikke brugt{sum}.",
        "Below zero, which a register cannot be: {count} {span}; not used{sum}.",
    ),
    Words(
        "negative",
        "Under nul: {count} {span}; regnes som ukendt.",
        "Below zero: {count} {span}; counted as unknown.",
    ),
    Words(
        "absurd_amount",
        "Mere, end måleren kan have talt: {count} {span}; regnes som ukendt.",
        "More than the meter can have counted: {count} {span}; counted as unknown.",
    ),
    Words(
        "slipped_amount",
        "Ligner en anden enhed (en faktor 1000): {count} {span}; regnes som ukendt.",
        "Looks like another unit (a factor of 1000): {count} {span}; counted as unknown.",
    ),
    Words(
        "overlap",
        "Intervaller, der overlapper: {count} {span}; regnes som ukendt.",
        "Intervals that overlap: {count} {span}; counted as unknown.",
    ),
    Words(
        "too_coarse",
        "Målerens intervaller {span} er længere end trinene; de kan ikke deles.",
        "The meter's intervals {span} are longer than the steps; they cannot be divided.",
    ),
    Words(
        "below_zero",
        "Delene giver tilsammen mindre end nul {span}{sum}; regnes som ukendt.",
        "The parts add up to less than zero {span}{sum}; counted as unknown.",
    ),
)
"""With places for the period, the count of readings, and the use where it is known."""

_TEXTS = {words.code: words for words in _SENTENCES}


def told(
    marks: Iterable[Mark], unit: Unit, multiplier: float, start: int, end: int
) -> tuple[MeterEvent, ...]:
    """The marks inside the period from ``start`` to ``end`` [us] as events; amounts are the
    register's times ``multiplier``, in ``unit``."""
    return tuple(event(mark, unit, multiplier) for mark in marks if _inside(mark, start, end))


def _inside(mark: Mark, start: int, end: int) -> bool:
    if mark.start == mark.end:
        return start <= mark.start <= end
    return mark.start < end and mark.end > start


def event(mark: Mark, unit: Unit, multiplier: float) -> MeterEvent:
    """A mark in words, its amount in ``unit``."""
    amount = None if mark.amount is None else mark.amount * multiplier
    return MeterEvent(
        flaw=mark.flaw,
        start=from_micros(mark.start),
        end=from_micros(mark.end),
        amount=amount,
        words=_words(mark, amount, unit),
    )


def _words(mark: Mark, amount: float | None, unit: Unit) -> Words:
    text, one = _TEXTS[mark.code], mark.count == 1
    first, last = (f"{from_micros(at):%Y-%m-%d %H:%M}" for at in (mark.start, mark.end))
    moment = first == last
    known = amount is not None
    return Words(
        mark.code,
        text.da.format(
            span=f"den {first} UTC" if moment else f"fra {first} til {last} UTC",
            count=f"{mark.count} {'værdi' if one else 'værdier'}",
            sum=f"; {amount:.6g} {unit} i alt" if known else "",
        ),
        text.en.format(
            span=f"at {first} UTC" if moment else f"from {first} to {last} UTC",
            count=f"{mark.count} {'value' if one else 'values'}",
            sum=f"; {amount:.6g} {unit} in all" if known else "",
        ),
    )
