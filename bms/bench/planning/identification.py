"""Identification on real rooms: how far off a day ahead, beside rivals that know no physics.

The first 60 % of each record is learnt from and the last 40 % tested, with a restart every hour and
inputs known; the structure is chosen without the test part. The rooms are those of the tests; a
checkout has them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bms.bench.figure import Figure, Progress
from bms.model.planning.problem import ZoneModel
from optimizer.identification.zone_study import ZoneStudy, study_zone
from optimizer.model.zone_record import ZoneRecord
from optimizer.problem.room_table import ColumnSource, RoomLocation, read_room

ROOMS = Path(__file__).parents[1] / "data" / "rooms"
TRAINING_PART = 0.6
TWO_MONTHS_DAYS = 60
FIT_S, REFIT_S = 10.0, 1.0


@dataclass(frozen=True, slots=True)
class Room:
    """A file, how its columns are read, and what is asked for [K]."""

    name: str
    file: str
    columns: Mapping[str, ColumnSource]
    at_least_k: float
    stretch_k: float
    place: RoomLocation = field(default_factory=RoomLocation)

    def record(self) -> ZoneRecord:
        """Raises ``OSError`` where the checkout does not have the file."""
        with (ROOMS / self.file).open(encoding="utf-8") as lines:
            return read_room(lines, self.columns, self.place)


HOUSE = Room(
    "house",
    "house_hourly.csv",
    {
        "timestamp_utc": ColumnSource(""),
        "zone_temp_c": ColumnSource("Ti"),
        "heat_power_kw": ColumnSource("Ph"),
        "outdoor_temp_c": ColumnSource("Ta"),
    },
    at_least_k=0.35,
    stretch_k=0.25,
    place=RoomLocation(timezone="Europe/London"),
)
DWELLING = Room(
    "dwelling",
    "dwelling_15min.csv",
    {
        "timestamp_utc": ColumnSource("t"),
        "zone_temp_c": ColumnSource("yTi"),
        "heat_power_kw": ColumnSource("Thm"),
        "outdoor_temp_c": ColumnSource("Ta"),
        "ghi_wm2": ColumnSource("Ps", 1000.0),
    },
    at_least_k=0.62,
    stretch_k=0.53,
    place=RoomLocation(latitude=52.0, longitude=5.0, timezone="Europe/Amsterdam"),
)
TEACHING_ROOM = Room(
    "teaching room",
    "teaching_room_odense_15min.csv",
    {
        "timestamp_utc": ColumnSource("datetime"),
        "zone_temp_c": ColumnSource("T_room_C"),
        "heat_power_kw": ColumnSource("valve_pct", 0.02689),
        "outdoor_temp_c": ColumnSource("T_amb_C"),
        "ghi_wm2": ColumnSource("solar_Wm2"),
        "occupied": ColumnSource("occ_persons"),
        "ventilation_run": ColumnSource("vav_pct", 0.01),
        "supply_air_temp_c": ColumnSource("T_supply_air_C"),
    },
    at_least_k=0.60,
    stretch_k=0.50,
    place=RoomLocation(latitude=55.37, longitude=10.43, flow_m3_h=4800.0),
)
ROOMS_TO_LEARN = (HOUSE, DWELLING, TEACHING_ROOM)


def identify_figures(report: Progress) -> list[Figure]:
    """Errors of the three rooms, the time of a fit of two months, and of the next day's refit."""
    figures = []
    for i, room in enumerate(ROOMS_TO_LEARN):
        report("models", i / (len(ROOMS_TO_LEARN) + 1))
        figures.append(
            room_figure(room, study_zone(room.record(), room.name, training_part=TRAINING_PART))
        )
    figures += speed_figures(DWELLING.record())
    report("models", 1.0)
    return figures


def room_figure(room: Room, answer: ZoneStudy) -> Figure:
    """The error of a room beside its better rival; a refusal counts where that rival wins."""
    error = answer.temperature.model
    rival = min(answer.temperature.persistence, answer.temperature.last_week)
    fair_refusal = bool(answer.refused) and rival <= error
    label = answer.training_fit.structure.label if answer.training_fit else "none"
    refused = ", refused" if answer.refused else ""
    return Figure(
        name=f"{room.name}: RMSE 24 h ahead ({label}{refused})",
        value=error,
        unit="K",
        at_least=f"<= {room.at_least_k:.2f}",
        stretch=f"{room.stretch_k:.2f}",
        ok=error <= room.at_least_k or fair_refusal,
        rival="better of like now and like last week",
        rival_value=rival,
    )


def speed_figures(record: ZoneRecord) -> list[Figure]:
    """CPU seconds of one core for the last two months of a record."""
    months = record.part(len(record) - round(TWO_MONTHS_DAYS * 24 / record.step_h), len(record))
    began = time.process_time()
    answer = study_zone(months, "zone")
    fitted = time.process_time()
    model = ZoneModel(
        zone="zone",
        order=answer.training_fit.order if answer.training_fit else "",
        parameters=answer.training_fit.parameters() if answer.training_fit else {},
        rmse_24h_k=answer.temperature.model,
        persistence_k=float("nan"),
        last_week_k=float("nan"),
    )
    again = time.process_time()
    refit = study_zone(_a_day_later(months), "zone", previous=model)
    ended = time.process_time()
    took_over = not refit.structures and refit.fit is not None
    return [
        Figure(
            name="fit of one zone, two months of quarter-hours, all structures and starts",
            value=fitted - began,
            unit="s of one core",
            at_least=f"<= {FIT_S:.0f}",
            stretch="2",
            ok=fitted - began <= FIT_S,
        ),
        Figure(
            name="refit from yesterday's parameters",
            value=ended - again,
            unit="s of one core",
            at_least=f"<= {REFIT_S:.0f}",
            stretch="0.2",
            ok=took_over and ended - again <= REFIT_S,
        ),
    ]


def _a_day_later(record: ZoneRecord) -> ZoneRecord:
    """The record one day on: its first day is gone, its last one comes with a little noise."""
    day = round(24.0 / record.step_h)
    noise = np.random.default_rng(1).normal(0.0, 0.02, len(record) - day)
    later = record.part(day, len(record))
    return replace(later, temp=later.temp + noise)
