"""The past that the simulator lived through, as readings: the only way in is the store's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from bms.model.assets.site import Role, Site
from bms.model.readings.reading import Reading
from bms.model.readings.series import Floats

METER_ROLES = (Role.METER_ENERGY, Role.METER_VOLUME)
HOUR = timedelta(hours=1)


def past_readings(
    site: Site, times: Floats, signals: dict[str, Floats], detailed_from: datetime
) -> Iterator[Reading]:
    """Hourly meter readings of all the past, and every signal from ``detailed_from`` on.

    ``times`` [s since 1970], shape (n,); ``signals`` by name, each (n,) in the unit of its point.
    """
    moments = [datetime.fromtimestamp(int(t), UTC) for t in times]
    seconds = np.asarray(times, dtype=np.int64)
    late = seconds >= detailed_from.timestamp()
    hourly = late | (seconds % int(HOUR.total_seconds()) == 0)
    for point in site.points:
        values = signals.get(point.id.split("/", 1)[1])
        if values is None:
            continue
        for index in np.flatnonzero(hourly if point.role in METER_ROLES else late):
            yield Reading(point.id, moments[index], float(values[index]))
