"""The protocol of a commissioning, for a person to read and to file: plain text and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from bms.messages import Translator
from bms.messages.spelled_out import spelled_out
from bms.model.assets.address import Address, BacnetAddress, MbusAddress, ModbusAddress, MqttAddress
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.trust.commissioning import Commissioning, TestedFunction
from bms.reports.text import ReportText

NAME_WIDTH, OUTCOME_WIDTH = 22, 15


def protocol_text(site: Site, records: Sequence[Commissioning], translated: Translator) -> str:
    """The protocol of these records of a site, oldest first, in the language and local time of the
    translator."""
    text = ReportText(translator=translated)
    name = site.name_da if translated.language == "da" else site.name_en
    passed = sum(each.passed for each in records)
    lines = [
        text.word("commissioning_title", site=site.id, name=name),
        "",
        text.word("commissioning_count", passed=passed, points=len(records)),
    ]
    if any(each.simulated for each in records):
        lines.append(text.word("commissioning_simulated"))
    for each in records:
        lines += ["", *_point(site, each, text)]
    for by in dict.fromkeys(each.by for each in records):
        at = max(each.at for each in records if each.by == by)
        lines += ["", text.word("commissioning_signed", by=by, at=at)]
    return "\n".join(lines) + "\n"


def _point(site: Site, record: Commissioning, text: ReportText) -> Iterator[str]:
    outcome = text.word("commissioning_ok" if record.passed else "commissioning_not_ok")
    yield f"{record.point}: {outcome}"
    known = next((point for point in site.points if point.id == record.point), None)
    if known is not None:
        yield f"  {_where(site, known)}"
        yield f"  {_limits(known, text)}"
    for line in record.tests:
        yield _line(line, text.translator)
    yield f"  {text.word('commissioning_declared', digest=record.declared)}"


def _where(site: Site, point: Point) -> str:
    device = site.device(point.device)
    place = f"{device.host}:{device.port}" if device.serial is None else device.serial.path
    number = device.unit if device.protocol == "modbus" else device.instance
    return f"{device.id} · {device.protocol} {place} · {number} · {_shown(point.address)}"


def _shown(address: Address) -> str:
    match address:
        case BacnetAddress():
            return f"{address.object_type},{address.instance} {address.property}"
        case ModbusAddress():
            return f"{address.table} {address.address} ({address.type})"
        case MbusAddress() | MqttAddress():
            return str(address)
        case _:
            return address.number


def _limits(point: Point, text: ReportText) -> str:
    rule = point.write
    assert rule is not None
    return text.word(
        "commissioning_limits",
        low=rule.minimum,
        high=rule.maximum,
        unit=point.unit.value,
        resolution=rule.resolution,
        release=rule.release.kind.value,
    )


def _line(line: TestedFunction, translated: Translator) -> str:
    name, outcome = translated.term(line.test.value), translated.term(line.outcome.value)
    return f"  {name:{NAME_WIDTH}}{outcome:{OUTCOME_WIDTH}}{translated.describe(line.found)}"


def protocol_dict(site: Site, records: Sequence[Commissioning]) -> dict[str, Any]:
    """The same for programs, with every finding as a fact and in each language."""
    return {
        "site": site.id,
        "passed": bool(records) and all(each.passed for each in records),
        "points": [record_dict(each, site.timezone) for each in records],
    }


def record_dict(record: Commissioning, timezone: str) -> dict[str, Any]:
    """One record for programs."""
    return {**spelled_out(record, timezone), "passed": record.passed}


def protocol_json(site: Site, records: Sequence[Commissioning]) -> str:
    """``protocol_dict`` as a file."""
    return json.dumps(protocol_dict(site, records), ensure_ascii=False, indent=2) + "\n"
