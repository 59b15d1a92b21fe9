"""Rules for meters: unique ids and suppliers' numbers, possible quantities, meter exchanges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain, pairwise

from bms.model.assets.equipment import MeterDirection
from bms.model.assets.point import Role
from bms.model.readings.metering import Quantity
from bms.model.readings.units import Commodity
from sites.parsed_site import ParsedSite
from sites.rules.references import reference
from sites.rules.supplier import SUPPLIED, counts_use, quantities
from sites.schema.sections import Section
from sites.schema.yaml_tree import Location, MistakeReport, quote

_TRUE = "true"


def check_meters(parsed: ParsedSite, report: MistakeReport) -> None:
    """Report every mistake in the meters and virtual meters."""
    _ids_of_virtual_meters(parsed, report)
    for meter in parsed.sections("meters"):
        _exchanges(meter, report)
        _calorific_value(meter, report)
        _direction(parsed, meter, report)
        if meter.get("supplier") is not None:
            _supplier(parsed, meter, meter["supplier"], report)
    for virtual in parsed.sections("virtual_meters"):
        _virtual(parsed, virtual, report)


def check_numbers(parsed_sites: Iterable[ParsedSite], report: MistakeReport) -> None:
    """Report every supplier's number that another meter of the city has already; one of import and
    one of export may share theirs."""
    first: dict[tuple[str, bool], Location] = {}
    for meter in chain.from_iterable(parsed.sections("meters") for parsed in parsed_sites):
        supplier = meter.get("supplier")
        number = supplier.get("number") if supplier is not None else None
        if number is None:
            continue
        where = supplier.at("number")
        known = first.setdefault((number, counts_use(meter)), where)
        if known is not where:
            report.add(
                where,
                f"number {quote(number)} is taken by the meter in {known.file}:{known.line}; "
                "values of a number can go to one meter only",
            )


def _ids_of_virtual_meters(parsed: ParsedSite, report: MistakeReport) -> None:
    real = parsed.by_id("meters")
    for virtual in parsed.sections("virtual_meters"):
        name = virtual.get("id")
        if name in real:
            line = real[name].at("id").line
            report.add(virtual.at("id"), f"{quote(name)} is the meter in line {line} already")


def _calorific_value(meter: Section, report: MistakeReport) -> None:
    given = meter.get("calorific_value") or ()
    if given and meter.get("commodity") not in (None, Commodity.GAS):
        report.add(meter.at("calorific_value"), "calorific_value: only gas has one")
    for earlier, later in pairwise(each for each in given if each.get("from") is not None):
        if earlier["from"] >= later["from"]:
            report.add(later.at("from"), "calorific_value: the oldest comes first, each once")


def _direction(parsed: ParsedSite, meter: Section, report: MistakeReport) -> None:
    """Report a direction, or the meter beside which it counts, that cannot be."""
    direction = meter.get("direction") or MeterDirection.IMPORT
    if direction != MeterDirection.IMPORT and meter.get("commodity") != Commodity.ELECTRICITY:
        report.add(meter.at("direction"), f"direction: {direction} is of electricity only")
    supplier = meter.get("supplier")
    amounts = supplier is not None and supplier.get("interval") == _TRUE
    if direction == MeterDirection.NET and not amounts:
        report.add(
            meter.at("direction"),
            "direction: net needs a supplier with interval: true; of registers give those of"
            " import and export a meter each",
        )
    if counts_use(meter):
        if not meter.lacks("behind"):
            report.add(meter.at("behind"), "behind: only export and production have it")
        return
    _behind(parsed, meter, report)


def _behind(parsed: ParsedSite, meter: Section, report: MistakeReport) -> None:
    grid = {
        name: other
        for name, other in parsed.by_id("meters").items()
        if other.get("commodity") == Commodity.ELECTRICITY and counts_use(other)
    }
    if meter.lacks("behind"):
        billed = [name for name, other in grid.items() if other.get("billed") != "false"]
        if len(billed) != 1:
            report.add(
                meter.where,
                "behind: name the meter of import beside which it counts; there are: "
                f"{', '.join(grid) or 'none'}",
            )
        return
    _known(meter, "behind", meter.get("behind"), grid, "meter of import", report)


def _exchanges(meter: Section, report: MistakeReport) -> None:
    whole = [e for e in meter.get("exchanges") or () if e.get("at") is not None]
    for earlier, later in pairwise(whole):
        if earlier["at"] >= later["at"]:
            report.add(
                later.at("at"), "exchanges: the oldest comes first, and each at its own time"
            )
    top = meter.get("register_max")
    for exchange in whole:
        for name in ("final", "first"):
            value = exchange.get(name)
            if top is not None and value is not None and value > top:
                report.add(
                    exchange.at(name), f"{name} {value:.12g} is above register_max {top:.12g}"
                )


def _supplier(parsed: ParsedSite, meter: Section, supplier: Section, report: MistakeReport) -> None:
    wanted = quantities(meter)
    if Quantity.EXPORT in wanted and counts_use(meter):
        report.add(
            supplier.at("quantities"),
            "quantities: export has a meter of its own, with direction: export (and the same"
            " number, where the supplier has one for both)",
        )
    if Quantity.EXPORT in wanted and Quantity.ENERGY in wanted:
        report.add(supplier.at("quantities"), "quantities: export and energy exclude each other")
    for quantity, count in Counter(wanted).items():
        if count > 1:
            report.add(supplier.at("quantities"), f"quantities: {quantity} stands twice")
    if supplier.get("interval") == _TRUE and meter.get("exchanges"):
        report.add(
            meter.at("exchanges"), "exchanges: amounts per interval have no register to exchange"
        )
    taken_ids = {point.get("id"): point for point in parsed.points}
    taken_roles = {
        point.get("role"): point
        for point in parsed.points
        if meter.get("id") is not None and point.get("meter") == meter.get("id")
    }
    for quantity in wanted:
        role, name = SUPPLIED[quantity].role, f"{meter.get('id')}.{quantity}"
        rival = taken_ids.get(name) or (taken_roles.get(role) if role != Role.OTHER else None)
        if rival is not None:
            report.add(
                supplier.at("quantities"),
                f"supplier: {quantity} of meter {meter.get('id')} is already the point "
                f"{rival.get('id')} in line {rival.where.line}; leave it out of quantities, "
                "or drop the point",
            )


def _virtual(parsed: ParsedSite, virtual: Section, report: MistakeReport) -> None:
    shares = not virtual.lacks("share_of")
    if shares == bool(virtual.get("sum")) and "sum" not in virtual.wrong:
        report.add(virtual.where, "virtual meter: needs either sum or share_of")
    if shares == virtual.lacks("zones"):
        report.add(virtual.where, "virtual meter: share_of and zones go together")
    if shares and virtual.get("minus"):
        report.add(virtual.at("minus"), "minus goes with sum, not with share_of")
    for name in virtual.get("zones") or ():
        _known(virtual, "zones", name, parsed.by_id("zones"), "zone", report)
    reference(virtual, "share_of", parsed.by_id("meters"), "meter", report)
    parts = [("sum", name) for name in virtual.get("sum") or ()]
    parts += [("minus", name) for name in virtual.get("minus") or ()]
    for key, name in parts:
        _known(virtual, key, name, parsed.by_id("meters"), "meter", report)
    if virtual.get("share_of") is not None:
        parts.append(("share_of", virtual["share_of"]))
    _distinct_and_of_one_commodity(parsed, virtual, parts, report)


def _known(
    virtual: Section,
    key: str,
    name: str,
    there: dict[str, Section],
    what: str,
    report: MistakeReport,
) -> None:
    if name not in there:
        names = ", ".join(there) or "none"
        report.add(virtual.at(key), f"{key}: unknown {what} {quote(name)}; known: {names}")


def _distinct_and_of_one_commodity(
    parsed: ParsedSite, virtual: Section, parts: list[tuple[str, str]], report: MistakeReport
) -> None:
    meters, wanted = parsed.by_id("meters"), virtual.get("commodity")
    seen: set[str] = set()
    for key, name in parts:
        if name in seen:
            report.add(virtual.at(key), f"{key}: meter {name} stands twice")
        seen.add(name)
        has = meters[name].get("commodity") if name in meters else None
        if None not in (has, wanted) and has != wanted:
            report.add(virtual.at(key), f"{key}: meter {name} measures {has}, not {wanted}")
