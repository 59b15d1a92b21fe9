"""What a meter has to be: once in its site and city, with quantities it can have, and whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain, pairwise

from bms.model.assets.point import Role
from sites.parts import Draft
from sites.rules.references import reference
from sites.rules.supplier import OFFERS, quantities
from sites.schema.shapes import Record
from sites.schema.yaml_tree import Report, Where, shown

_TRUE = "true"


def check_meters(draft: Draft, report: Report) -> None:
    """Report every mistake in the meters and virtual meters."""
    _ids_of_virtual_meters(draft, report)
    for meter in draft.parts("meters"):
        _exchanges(meter, report)
        if meter.get("supplier") is not None:
            _supplier(draft, meter, meter["supplier"], report)
    for virtual in draft.parts("virtual_meters"):
        _virtual(draft, virtual, report)


def check_numbers(drafts: Iterable[Draft], report: Report) -> None:
    """Report every supplier's number that another meter of the city has already."""
    first: dict[str, Where] = {}
    for meter in chain.from_iterable(draft.parts("meters") for draft in drafts):
        supplier = meter.get("supplier")
        number = supplier.get("number") if supplier is not None else None
        if number is None:
            continue
        where = supplier.at("number")
        known = first.setdefault(number, where)
        if known is not where:
            report.add(
                where,
                f"number {shown(number)} is taken by the meter in {known.file}:{known.line}; "
                "values of a number can go to one meter only",
            )


def _ids_of_virtual_meters(draft: Draft, report: Report) -> None:
    real = draft.named("meters")
    for virtual in draft.parts("virtual_meters"):
        name = virtual.get("id")
        if name in real:
            line = real[name].at("id").line
            report.add(virtual.at("id"), f"{shown(name)} is the meter in line {line} already")


def _exchanges(meter: Record, report: Report) -> None:
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


def _supplier(draft: Draft, meter: Record, supplier: Record, report: Report) -> None:
    wanted = quantities(meter)
    for quantity, count in Counter(wanted).items():
        if count > 1:
            report.add(supplier.at("quantities"), f"quantities: {quantity} stands twice")
    if supplier.get("interval") == _TRUE and meter.get("exchanges"):
        report.add(
            meter.at("exchanges"), "exchanges: amounts per interval have no register to exchange"
        )
    taken_ids = {point.get("id"): point for point in draft.points}
    taken_roles = {
        point.get("role"): point
        for point in draft.points
        if meter.get("id") is not None and point.get("meter") == meter.get("id")
    }
    for quantity in wanted:
        role, name = OFFERS[quantity].role, f"{meter.get('id')}.{quantity}"
        rival = taken_ids.get(name) or (taken_roles.get(role) if role != Role.OTHER else None)
        if rival is not None:
            report.add(
                supplier.at("quantities"),
                f"supplier: {quantity} of meter {meter.get('id')} is already the point "
                f"{rival.get('id')} in line {rival.where.line}; leave it out of quantities, "
                "or drop the point",
            )


def _virtual(draft: Draft, virtual: Record, report: Report) -> None:
    shares = not virtual.lacks("share_of")
    if shares == bool(virtual.get("sum")) and "sum" not in virtual.wrong:
        report.add(virtual.where, "virtual meter: needs either sum or share_of")
    if shares == virtual.lacks("zones"):
        report.add(virtual.where, "virtual meter: share_of and zones go together")
    if shares and virtual.get("minus"):
        report.add(virtual.at("minus"), "minus goes with sum, not with share_of")
    for name in virtual.get("zones") or ():
        _known(virtual, "zones", name, draft.named("zones"), "zone", report)
    reference(virtual, "share_of", draft.named("meters"), "meter", report)
    parts = [("sum", name) for name in virtual.get("sum") or ()]
    parts += [("minus", name) for name in virtual.get("minus") or ()]
    for key, name in parts:
        _known(virtual, key, name, draft.named("meters"), "meter", report)
    if virtual.get("share_of") is not None:
        parts.append(("share_of", virtual["share_of"]))
    _once_and_alike(draft, virtual, parts, report)


def _known(
    virtual: Record, key: str, name: str, there: dict[str, Record], what: str, report: Report
) -> None:
    if name not in there:
        names = ", ".join(there) or "none"
        report.add(virtual.at(key), f"{key}: unknown {what} {shown(name)}; known: {names}")


def _once_and_alike(
    draft: Draft, virtual: Record, parts: list[tuple[str, str]], report: Report
) -> None:
    meters, wanted = draft.named("meters"), virtual.get("commodity")
    seen: set[str] = set()
    for key, name in parts:
        if name in seen:
            report.add(virtual.at(key), f"{key}: meter {name} stands twice")
        seen.add(name)
        has = meters[name].get("commodity") if name in meters else None
        if None not in (has, wanted) and has != wanted:
            report.add(virtual.at(key), f"{key}: meter {name} measures {has}, not {wanted}")
