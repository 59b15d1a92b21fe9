"""Rules on subjects of which parts were never read: they answer, and nothing is computed of nothing
(numpy's warnings fail a test)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from bms.bench.detection.planted import OF
from bms.bench.detection.town import second_physics
from bms.faults.codes import CannotCode
from bms.faults.observations import Equipment, Observations
from bms.faults.run import detect
from bms.model.readings.series import Floats
from tests.rigs.buildings.plants import heat_pump, heated_rooms, heating_circuit


def a_meter(equipment: Equipment) -> Observations:
    (building,) = second_physics(1, 200)
    columns = {signal: building.columns[signal] for signal in OF[equipment]}
    return building.subject(equipment, columns)


def without(values: Floats, part: slice) -> Floats:
    left = np.array(values, dtype=np.float64)
    left[part] = np.nan
    return left


def with_holes(seen: Observations) -> Iterator[Observations]:
    """The subject without a part of one signal, of one room, or of everything."""
    n = len(seen)
    for part in (slice(n // 2), slice(n // 2, n), slice(n // 3, 2 * n // 3), slice(n - 30)):
        cut = {signal: without(values, part) for signal, values in seen.signals.items()}
        yield replace(seen, signals=cut)
        for signal, values in cut.items():
            yield replace(seen, signals={**seen.signals, signal: values})
        for signal, rooms in seen.rooms.items():
            silent = {room: without(values, part) for room, values in rooms.items()}
            one = dict(list(silent.items())[:1])
            yield replace(seen, rooms={**seen.rooms, signal: {**rooms, **one}})
            yield replace(seen, rooms={**seen.rooms, signal: silent})


@pytest.mark.parametrize(
    "seen",
    [
        heated_rooms(60, 3600),
        heating_circuit(40, 3600),
        heat_pump(),
        *map(a_meter, (Equipment.HEAT_METER, Equipment.ELECTRICITY_METER, Equipment.WATER_METER)),
    ],
    ids=lambda seen: str(seen.equipment.value),
)
def test_every_rule_answers_where_parts_were_never_read(seen: Observations) -> None:
    for holed in with_holes(seen):
        answers = detect(holed)
        reasons = {row.reason.code for row in answers.cannot}
        assert CannotCode.RULE_FAILED.value not in reasons
