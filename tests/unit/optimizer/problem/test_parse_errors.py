"""A text that is no problem is refused with the place, what belongs there and what was found."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from optimizer import BadProblem, check, mistakes, plan, read
from optimizer.problem.reader import MOST_AHEAD, MOST_PAST
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "plans"


@pytest.fixture
def document() -> dict[str, Any]:
    return json.loads((CASES / "steps_of_half_hours" / "problem.json").read_text("utf-8"))


def put(document: dict[str, Any], path: str, value: Any) -> None:
    """``path`` like zones.0.low_c; ``...`` takes the field away."""
    *above, name = [int(part) if part.isdigit() else part for part in path.split(".")]
    part: Any = document
    for step in above:
        part = part[step]
    if value is ...:
        del part[name]
    else:
        part[name] = value


def refusal(document: dict[str, Any]) -> dict[str, str]:
    text = json.dumps(document)
    with pytest.raises(BadProblem) as refused:
        read(text)
    assert set(refused.value.mistakes) <= set(mistakes(text))
    return {mistake.path: mistake.message for mistake in refused.value.mistakes}


class TestEveryRefusalNamesTheWayOut:
    @pytest.mark.parametrize(
        ("path", "value", "place", "words"),
        [
            ("temperature_unit", "Kelvin", "temperature_unit", "degC or K (given"),
            ("start", "Monday", "start", "2026-01-12T06:00:00+01:00"),
            ("heat_source.kind", "boiler", "heat_source.kind", "a boiler"),
            ("heat_source.cop", 3.5, "heat_source.cop", "one pair holds throughout"),
            ("heat_source.cop", [3.5], "heat_source.cop[0]", "[[-10, 2.2]"),
            ("zones.0.lever.unit", "C", "zones[0].lever.unit", 'degC or K (given: "C")'),
            ("zones.0.lever.role", "setpoint", "zones[0].lever.role", "has to be zone_setpoint"),
            ("zones.0.low_c", "20", "zones[0].low_c", "one value that holds throughout"),
            ("history.heat_kw", "3 kW", "history.heat_kw", "one value that holds throughout"),
            ("zones.0.occupied", ..., "zones[0].occupied", "One value that holds throughout"),
            ("zones.0.own_setpoint_c", ..., "zones[0].own_setpoint_c", "own control would have"),
            ("history.zones.0.temp_c", ..., "history.zones[0].temp_c", "at the start of each"),
            ("heat_source.capacity_kw", ..., "heat_source.capacity_kw", "Most heat"),
            ("heat_source", ..., "heat_source", "is missing: Where the heat comes from."),
        ],
    )
    def test_in_its_own_words(
        self, document: dict[str, Any], path: str, value: Any, place: str, words: str
    ) -> None:
        put(document, path, value)
        found = refusal(document)

        assert set(found) == {place}
        assert words in found[place]

    def test_the_unit_is_that_of_the_lever_where_it_stands(self, document: dict[str, Any]) -> None:
        lever = {"point": "p", "role": "other", "unit": "Kelvin", "minimum": -3, "maximum": 0}
        document["curve"] = {"lever": lever}

        assert refusal(document)["curve.lever.unit"].startswith("has to be K ")

    def test_a_field_unlike_any_other_is_answered_with_all_there_are(
        self, document: dict[str, Any]
    ) -> None:
        document["weights"] = {"discomfort": 60.0}
        found = {mistake.path: mistake.message for mistake in mistakes(json.dumps(document))}

        assert "there are comfort_dkk_per_kh, co2_dkk_per_kg" in found["weights.discomfort"]

    def test_names_stay_in_their_line_whatever_is_in_them(self, document: dict[str, Any]) -> None:
        text = json.dumps(document)[:-1] + ', "\\ud800\\n[red]": 1}'
        done = CliRunner().invoke(app, ["plan", "--problem", "-", "--check"], input=text)

        assert done.exit_code == 1
        assert done.stdout.startswith("\\ud800\\u000a[red]: is not a field")


class TestWhatWouldFillTheMemory:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("path", "most"),
        [("heat_dkk_per_kwh", MOST_AHEAD), ("history.heat_kw", MOST_PAST)],
    )
    def test_a_series_that_is_too_long_is_refused_before_the_others_are_filled(
        self, document: dict[str, Any], path: str, most: int
    ) -> None:
        put(document, path, [1.0] * (most + 1))

        assert refusal(document) == {path: f"has {most + 1} values; at most {most} are read"}

    def test_so_are_too_many_zones_of_long_series(self, document: dict[str, Any]) -> None:
        document["zones"] = [document["zones"][0]] * 1000
        document["weather"]["temp_out_c"] = [1.0] * MOST_AHEAD

        assert "at most 10000000 numbers" in refusal(document)["weather.temp_out_c"]

    def test_brackets_without_end_are_no_json(self) -> None:
        with pytest.raises(BadProblem, match="no JSON"):
            read("[" * 10 * sys.getrecursionlimit())


class TestNumbersBeyondTheCalendarAndTheFloat:
    @pytest.mark.parametrize("start", ["9999-12-31T23:00:00+00:00", "0001-01-01T00:00:00+14:00"])
    def test_a_start_at_the_end_of_the_calendar_is_named_and_nothing_moves(
        self, document: dict[str, Any], start: str
    ) -> None:
        document["start"] = start
        problem = read(json.dumps(document))

        assert any(mistake.path == "start" for mistake in mistakes(json.dumps(document)))
        assert plan(problem).setpoints == ()

    @pytest.mark.parametrize(("field", "value"), [("origin", 1e300), ("resolution", 1e-310)])
    def test_a_lever_without_a_value_that_can_be_told_is_left_alone(
        self, document: dict[str, Any], field: str, value: float
    ) -> None:
        document["zones"][0]["lever"][field] = value
        problem = read(json.dumps(document))
        schedule = plan(problem)

        assert schedule.setpoints == ()
        assert check(problem, schedule) == ()


def test_heat_in_watts_is_named_and_left_out(document: dict[str, Any]) -> None:
    """A model of it would be a thousand times too heavy, and the plan would never let go."""
    heat = document["history"]["heat_kw"]
    row = heat if isinstance(heat, list) else [heat] * 48
    document["history"]["heat_kw"] = [kw * 1000.0 for kw in row]
    problem = read(json.dumps(document))
    schedule = plan(problem)

    assert "looks_like_watts" in [words.code for words in schedule.reasons]
    assert schedule.status == "fallback"
    assert check(problem, schedule) == ()


def test_a_name_in_brackets_is_a_name(document: dict[str, Any]) -> None:
    """Brackets are markup to the program that draws the table."""
    document["site"] = "[/bold]"
    document["zones"][0]["lever"]["point"] = "[/red]"
    done = CliRunner().invoke(app, ["plan", "--problem", "-"], input=json.dumps(document))

    assert done.exit_code == 0
    assert "[/bold]: " in done.stdout
    assert "[/red]" in done.stdout
    assert "own control: " in done.stdout
