"""Water at night: a leak that came, one that was always there, and a quiet building."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from bms.metering.night_minimum import night_minimum
from bms.model.readings.series import Floats, Series
from tests.rigs.sentences import danish, english

START = datetime(2026, 9, 1, 22, tzinfo=UTC)
ZONE = "Europe/Copenhagen"
HOURS = 40 * 24


def a_building() -> Floats:
    """Drawn from by day; still at night but for a cistern now and then."""
    hour = np.arange(HOURS) % 24
    use = np.where((hour >= 7) & (hour < 17), 0.4, 0.0)
    use[(hour == 23) | (hour == 2)] = 0.02
    return use


def found(use: Floats, step: timedelta = timedelta(hours=1)):
    return night_minimum(Series(START, step, use), ZONE)


def test_a_building_that_rests_has_no_leak() -> None:
    answer = found(a_building())
    assert answer is not None
    assert (answer.fact.code, answer.since, answer.yearly_m3) == ("water_quiet", None, None)


@pytest.mark.parametrize("per_hour", [1, 4])
def test_a_leak_is_told_with_its_night_and_its_water(per_hour: int) -> None:
    use = np.repeat(a_building() / per_hour, per_hour)
    use[30 * 24 * per_hour :] += 0.05 / per_hour
    answer = found(use, timedelta(hours=1) / per_hour)
    assert answer is not None
    assert answer.fact.code == "water_leak"
    assert answer.since == date(2026, 10, 2)
    assert answer.yearly_m3 == pytest.approx(0.05 * 8760)
    assert "utæthed" in danish(answer.fact)
    assert "438" in english(answer.fact)


def test_two_nights_of_guests_are_no_leak() -> None:
    use = a_building()
    use[-2 * 24 :] += 0.05
    answer = found(use)
    assert answer is not None
    assert answer.since is None


def test_water_that_never_stands_still_is_said() -> None:
    answer = found(a_building() + 0.2)
    assert answer is not None
    assert answer.fact.code == "water_never_still"


def test_nights_with_a_gap_are_not_judged() -> None:
    use = a_building()
    use[np.arange(HOURS) % 24 == 3] = np.nan
    assert found(use) is None
