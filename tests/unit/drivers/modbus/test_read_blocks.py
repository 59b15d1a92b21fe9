"""How points travel together."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bms.model.assets.address import DataType, ModbusAddress, Table
from bms.model.assets.device import ModbusTraits, ReadableRange
from drivers.modbus.read_blocks import ReadBoundary, ReadItem, plan_blocks


def items(*where: tuple[Table, int, DataType]) -> list[ReadItem]:
    return [
        ReadItem(place, ModbusAddress(table=table, address=address, type=kind))
        for place, (table, address, kind) in enumerate(where)
    ]


def spans(
    wanted: list[ReadItem],
    traits: ModbusTraits = ModbusTraits(),  # noqa: B008 - frozen
    boundaries: Collection[ReadBoundary] = (),
) -> list[tuple[Table, int, int]]:
    blocks = plan_blocks(wanted, traits, boundaries)
    return [(block.table, block.start, block.count) for block in blocks]


def holding(*addresses: int, kind: DataType = DataType.INT16) -> list[ReadItem]:
    return items(*((Table.HOLDING, address, kind) for address in addresses))


def test_neighbours_travel_together_over_the_gap_that_the_device_allows() -> None:
    assert spans(holding(10, 0, 75)) == [(Table.HOLDING, 0, 76)]
    assert spans(holding(0, 66)) == [(Table.HOLDING, 0, 1), (Table.HOLDING, 66, 1)]
    narrow = ModbusTraits(max_gap=16)
    assert spans(holding(10, 0, 27), narrow) == [(Table.HOLDING, 0, 28)]
    assert spans(holding(0, 18), narrow) == [(Table.HOLDING, 0, 1), (Table.HOLDING, 18, 1)]


def test_a_block_ends_at_what_one_request_carries() -> None:
    assert spans(holding(*range(130))) == [(Table.HOLDING, 0, 125), (Table.HOLDING, 125, 5)]
    wide = holding(*range(0, 126, 2), kind=DataType.FLOAT32)
    assert spans(wide) == [(Table.HOLDING, 0, 124), (Table.HOLDING, 124, 2)]
    coils = items(*((Table.COIL, address, DataType.BIT) for address in range(2001)))
    assert spans(coils) == [(Table.COIL, 0, 2000), (Table.COIL, 2000, 1)]


def test_tables_do_not_mix() -> None:
    both = items((Table.INPUT, 0, DataType.INT16), (Table.HOLDING, 1, DataType.INT16))
    assert spans(both) == [(Table.HOLDING, 1, 1), (Table.INPUT, 0, 1)]


def test_values_find_their_places() -> None:
    (block,) = plan_blocks(holding(5, 3, 4))
    assert {place: found.value for place, found in block.decoded(bytes([0, 3, 0, 4, 0, 5]))} == {
        0: 5.0,
        1: 3.0,
        2: 4.0,
    }
    (coils,) = plan_blocks(items((Table.COIL, 3, DataType.BIT), (Table.COIL, 12, DataType.BIT)))
    assert [found.value for _, found in coils.decoded(b"\x01\x02")] == [1.0, 1.0]
    assert [found.value for _, found in coils.decoded(b"\xfe\xfd")] == [0.0, 0.0]


def test_two_points_on_one_register_share_it() -> None:
    (block,) = plan_blocks(holding(7, 7))
    assert [found.value for _, found in block.decoded(b"\x00\x2a")] == [42.0, 42.0]


def test_a_refused_block_is_cut_at_its_widest_gap() -> None:
    (block,) = plan_blocks(holding(0, 1, 5, 6, 20, 21))
    left, right = block.halves()
    assert ((left.start, left.count), (right.start, right.count)) == ((0, 7), (20, 2))
    (block,) = plan_blocks(holding(0, 1, 2, 3))
    left, right = block.halves()
    assert ((left.start, left.count), (right.start, right.count)) == ((0, 2), (2, 2))


def test_a_read_never_reaches_over_a_wall() -> None:
    assert spans(holding(0, 1, 2, 3), boundaries={(Table.HOLDING, 2)}) == [
        (Table.HOLDING, 0, 2),
        (Table.HOLDING, 2, 2),
    ]
    assert spans(holding(0, 9), boundaries={(Table.HOLDING, 5)}) == [
        (Table.HOLDING, 0, 1),
        (Table.HOLDING, 9, 1),
    ]
    assert len(spans(holding(0, 1), boundaries={(Table.INPUT, 1), (Table.HOLDING, 0)})) == 1


def test_a_declared_range_is_read_across_and_not_left() -> None:
    ranges = (
        ReadableRange(table=Table.HOLDING, first=0, last=110),
        ReadableRange(table=Table.INPUT, first=0, last=10),
    )
    traits = ModbusTraits(ranges=ranges)
    assert spans(holding(0, 105), traits) == [(Table.HOLDING, 0, 106)]
    assert spans(holding(105, 112), traits) == [
        (Table.HOLDING, 105, 1),
        (Table.HOLDING, 112, 1),
    ]
    # What is asked for is asked for, wherever it lies.
    assert spans(holding(500, 501), traits) == [(Table.HOLDING, 500, 2)]


@given(
    st.sets(st.integers(0, 60), min_size=1, max_size=12),
    st.integers(1, 20),
    st.integers(0, 20),
    st.sets(st.integers(0, 60), max_size=3),
)
def test_no_plan_has_fewer_requests(
    addresses: set[int], longest: int, max_gap: int, fences: set[int]
) -> None:
    """Against trying every way of cutting the ordered list."""
    ordered = sorted(addresses)
    traits = ModbusTraits(max_registers=longest, max_gap=max_gap)
    found = spans(holding(*ordered), traits, {(Table.HOLDING, fence) for fence in fences})

    def allowed(run: list[int]) -> bool:
        gaps = all(b - a - 1 <= max_gap for a, b in pairwise(run))
        boundaries = any(run[0] < fence <= run[-1] for fence in fences)
        return gaps and not boundaries and run[-1] - run[0] < longest

    fewest = [0]
    for end in range(1, len(ordered) + 1):
        fewest.append(min(fewest[start] + 1 for start in range(end) if allowed(ordered[start:end])))
    assert len(found) == fewest[-1]
    covered = {a for _, start, count in found for a in range(start, start + count)}
    assert covered >= addresses
    assert all(count <= longest for _, _, count in found)
