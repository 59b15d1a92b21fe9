"""Real rooms, as an independent reader would judge: learnt on 60 %, tested a day ahead on 40 %."""

from __future__ import annotations

import pytest

from bms.bench.planning.identification import (
    DWELLING,
    HOUSE,
    TEACHING_ROOM,
    TRAINING_PART,
    Room,
    room_figure,
)
from optimizer.identification.zone_study import ZoneStudy, study_zone

RIVALS = {"house": (0.874, 0.296), "dwelling": (0.697, 0.962), "teaching room": (0.596, 0.702)}


@pytest.fixture(scope="module", params=[HOUSE, DWELLING, TEACHING_ROOM], ids=lambda r: r.name)
def room(request: pytest.FixtureRequest) -> tuple[Room, ZoneStudy]:
    chosen: Room = request.param
    return chosen, study_zone(chosen.record(), chosen.name, training_part=TRAINING_PART)


def test_a_day_ahead_it_is_as_close_as_asked(room: tuple[Room, ZoneStudy]) -> None:
    asked, answer = room
    assert answer.temperature.model <= asked.at_least_k
    assert answer.temperature.beats_both
    assert not answer.refused
    assert room_figure(asked, answer).ok


def test_the_rivals_are_those_that_others_measured(room: tuple[Room, ZoneStudy]) -> None:
    asked, answer = room
    persistence, last_week = RIVALS[asked.name]
    assert answer.temperature.persistence == pytest.approx(persistence, abs=0.01)
    assert answer.temperature.last_week == pytest.approx(last_week, abs=0.01)


def test_the_structure_is_the_best_of_the_training_part_alone(room: tuple[Room, ZoneStudy]) -> None:
    """The test part, turned upside down, changes neither the choice nor the parameters."""
    asked, answer = room
    record = asked.record()
    first = round(len(record) * TRAINING_PART)
    record.temp[first:] = record.temp[first:][::-1].copy()
    again = study_zone(record, asked.name, training_part=TRAINING_PART)
    assert answer.training_fit is not None
    assert again.training_fit is not None
    assert again.training_fit.structure == answer.training_fit.structure
    assert again.training_fit.parameters() == answer.training_fit.parameters()
