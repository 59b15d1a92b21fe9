"""The poll planners of others, by their published rules, to count requests against ours.

- Telegraf, inputs.modbus (README and ``request.go`` of the plugin): fields sorted by address; a
  request goes on while the next field follows without a gap and the count stays within the
  largest. ``shrink`` and ``rearrange`` take away registers that are asked for and not used, or
  move fields between requests; neither changes the number of requests where every field is used.
  ``max_insert`` also bridges gaps of up to ``optimization_max_register_fill`` (50) registers.
- Home Assistant, modbus-connection 4.12: neighbours with up to ``max_gap`` (16) registers between
  them share a request.

Both are given the device's own largest count, which they leave to the user. A plan that reads what
the device does not declare readable would be refused; its user has to forgo bridging gaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import ModbusTraits
from drivers.modbus.read_blocks import ReadItem, plan_blocks
from drivers.modbus.register_codec import width

RIVAL_GAPS: Mapping[str, int] = MappingProxyType(
    {
        "Telegraf none, shrink, rearrange": 0,
        "Telegraf max_insert": 50,
        "Home Assistant max_gap 16": 16,
    }
)


def rival_requests(addresses: Sequence[ModbusAddress], max_gap: int, traits: ModbusTraits) -> int:
    """Requests of a planner that bridges gaps of up to ``max_gap`` registers."""
    spans = _spans(addresses, max_gap, traits.max_registers)
    if max_gap and not all(_readable(*span, addresses, traits) for span in spans):
        spans = _spans(addresses, 0, traits.max_registers)
    return len(spans)


def _spans(
    addresses: Sequence[ModbusAddress], max_gap: int, max_count: int
) -> list[tuple[Table, int, int]]:
    spans: list[tuple[Table, int, int]] = []
    for address in sorted(addresses, key=lambda a: (a.table, a.address)):
        first, last = address.address, address.address + width(address)
        if spans:
            table, start, end = spans[-1]
            near = first - end <= max_gap and max(end, last) - start <= max_count
            if address.table is table and near:
                spans[-1] = table, start, max(end, last)
                continue
        spans.append((address.table, first, last))
    return spans


def _readable(
    table: Table, start: int, end: int, asked: Sequence[ModbusAddress], traits: ModbusTraits
) -> bool:
    """Whether every register of the span was asked for or is declared, where anything is."""
    ranges = [r for r in traits.ranges if r.table is table]
    cells = {a.address + i for a in asked if a.table is table for i in range(width(a))}
    cells.update(cell for r in ranges for cell in range(r.first, r.last + 1))
    return not ranges or cells.issuperset(range(start, end))


def our_requests(addresses: Sequence[ModbusAddress], traits: ModbusTraits) -> int:
    """Requests of our planner, before anything was learned about the device."""
    items = [ReadItem(place, address) for place, address in enumerate(addresses)]
    return len(plan_blocks(items, traits))
