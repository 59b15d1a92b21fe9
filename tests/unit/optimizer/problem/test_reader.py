"""A problem as a text that people and other programs write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.model.codec import from_json, json_schema, to_json
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import Problem
from optimizer import BadProblem, check, mistakes, plan, read
from optimizer.problem.reader import schema
from tests.rigs.paths import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "problem.json"
AIR = ROOT / "tests" / "cases" / "plans" / "air_few_people_and_much_of_it"
HALF_HOURS = ROOT / "tests" / "cases" / "plans" / "steps_of_half_hours" / "problem.json"
NAN = float("nan")
NAIVE = {"value": 20.0, "by": "x", "until": "2026-01-12T20:00:00"}


@pytest.fixture
def document() -> dict[str, Any]:
    return json.loads(HALF_HOURS.read_text("utf-8"))


def said(document: dict[str, Any]) -> dict[str, str]:
    return {mistake.path: mistake.message for mistake in mistakes(json.dumps(document))}


class TestReading:
    def test_one_number_holds_throughout(self, document: dict[str, Any]) -> None:
        problem = read(json.dumps(document))

        assert problem.steps == 72
        assert problem.heat_dkk_per_kwh == (0.65,) * 72
        assert problem.history is not None
        assert problem.history.zones[0].temp_c == (20.5,) * 48
        assert problem.history.zones[0].valve_pct == (None,) * 48

    def test_what_may_be_unknown_may_be_left_out(self, document: dict[str, Any]) -> None:
        del document["electricity_dkk_per_kwh"], document["weather"]["ghi_wm2"]
        del document["history"]["zones"][0]["valve_pct"]
        problem = read(json.dumps(document))

        assert problem.electricity_dkk_per_kwh == (None,) * 72
        assert problem.weather.ghi_wm2 == (None,) * 72
        assert said(document) == {}

    def test_what_must_be_known_may_not(self, document: dict[str, Any]) -> None:
        del document["zones"][0]["low_c"]
        document["zones"][0]["lever"]["minimum"] = "twelve"
        with pytest.raises(BadProblem) as refused:
            read(json.dumps(document))

        assert {m.path for m in refused.value.mistakes} == {
            "zones[0].low_c",
            "zones[0].lever.minimum",
        }

    @pytest.mark.parametrize("text", ["", "[]", "{", "3", b"\xff\xfe\x00"])
    def test_what_is_no_problem_is_refused_in_words(self, text: str | bytes) -> None:
        with pytest.raises(BadProblem):
            read(text)
        assert mistakes(text)

    def test_a_problem_that_was_written_comes_back(self, document: dict[str, Any]) -> None:
        problem = read(json.dumps(document))

        assert read(to_json(problem)) == problem == from_json(Problem, to_json(problem))


def damaged(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """``path`` like zones.0.low_c."""
    *above, name = [int(part) if part.isdigit() else part for part in path.split(".")]
    part: Any = document
    for step in above:
        part = part[step]
    part[name] = value
    return document


class TestMistakes:
    @pytest.mark.parametrize(
        ("path", "value", "place", "words"),
        [
            ("start", "2026-01-12T20:00:00", "start", "offset"),
            ("step_s", 60, "step_s", "300"),
            ("timezone", "Europe/Atlantis", "timezone", "IANA"),
            ("latitude", 562.0, "latitude", "90"),
            ("temperature_unit", "kWh", "temperature_unit", "degC or K"),
            ("weather.temp_out_c", 273.0, "weather.temp_out_c", "is this K"),
            ("weather.temp_out_c", [0.0], "weather.temp_out_c", "horizon"),
            ("weather.ghi_wm2", [0.0] * 5, "weather.ghi_wm2", "5 values, and 72"),
            ("heat_dkk_per_kwh", [0.7], "heat_dkk_per_kwh", "1 values, and 72"),
            ("heat_source.capacity_kw", 0.0, "heat_source.capacity_kw", "above 0"),
            ("heat_source.kind", "heat_pump", "heat_source.cop", "COP"),
            ("power_limit_kw", 0.0, "power_limit_kw", "above 0"),
            ("zones.0.low_c", 26.0, "zones[0].low_c[24]", "26 is above high_c, 25"),
            ("zones.0.comfort_backoff_k", -1.0, "zones[0].comfort_backoff_k", "0 and 3 K"),
            ("zones.0.area_m2", 0.0, "zones[0].area_m2", "above 0"),
            ("zones.0.own_setpoint_c", 294.0, "zones[0].own_setpoint_c[0]", "is this K"),
            ("zones.0.lever.maximum", 11.0, "zones[0].lever", "may be written"),
            ("zones.0.lever.maximum", 15.0, "zones[0].lever.maximum", "below the band"),
            ("zones.0.lever.unit", "%", "zones[0].lever.unit", "degC or K"),
            ("zones.0.lever.role", "other", "zones[0].lever.role", "zone_setpoint"),
            ("zones.0.lever.held", {"value": 294.0, "by": "x"}, "zones[0].lever.held.value", "70"),
            ("zones.0.lever.held", {"value": NAN, "by": "x"}, "zones[0].lever.held", "finite"),
            ("zones.0.lever.held", {"value": 20.0}, "zones[0].lever.held.by", "Who holds it"),
            ("zones.0.lever.held", NAIVE, "zones[0].lever.held", "offset"),
            ("zones.0.lever", None, "zones", "nothing to plan"),
            ("zones.0.levre", {}, "zones[0].levre", "did you mean lever?"),
            ("heat_dkk_per_kw", 1.0, "heat_dkk_per_kw", "heat_dkk_per_kwh"),
            ("history.start", "2026-01-01T20:00:00", "history.start", "offset"),
            ("history.start", "2026-01-01T20:00:00+01:00", "history", "before the horizon"),
            ("history.start", "2026-01-11T20:00:00+01:00", "history", "beyond the start"),
            ("history.heat_kw", [4000.0] * 48, "history.heat_kw[0]", "is it in W"),
            ("history.zones.0.id", "cellar", "zones[0].id", "no measured past"),
            ("history.zones.0.temp_c", 293.0, "history.zones[0].temp_c[0]", "is this K"),
            ("model", None, "history.heat_kw", "10 days"),
            ("history", None, "history", "is missing"),
        ],
    )
    def test_each_is_named_with_its_place(
        self, document: dict[str, Any], path: str, value: Any, place: str, words: str
    ) -> None:
        found = said(damaged(document, path, value))

        assert place in found or any(each.startswith(place) for each in found), found
        assert any(words in each for p, each in found.items() if p.startswith(place)), found

    def test_many_of_one_kind_are_one_line(self, document: dict[str, Any]) -> None:
        found = said(damaged(document, "history.zones.0.temp_c", 293.0))

        assert len(found) == 1
        assert "47 more" in found["history.zones[0].temp_c[0]"]

    def test_two_of_a_name_are_seen(self, document: dict[str, Any]) -> None:
        document["zones"].append(document["zones"][0])

        assert {"zones", "lever.point"} <= set(said(document))

    def test_a_good_one_has_none(self, document: dict[str, Any]) -> None:
        assert said(document) == {}

    def test_neither_has_one_with_a_lever_that_is_held(self, document: dict[str, Any]) -> None:
        held = {"value": 12.5, "by": "caretaker", "until": "2026-01-12T23:10:00+01:00"}
        document["zones"][0]["lever"]["held"] = held

        assert said(document) == {}
        assert read(json.dumps(document)).held_steps(read(json.dumps(document)).zones[0].lever) == 7


class TestCheckOnTheCommandLine:
    def test_mistakes_are_listed_and_the_exit_says_so(self, document: dict[str, Any]) -> None:
        document["zones"][0]["low_c"] = 26.0
        done = CliRunner().invoke(
            app, ["plan", "--problem", "-", "--check"], input=json.dumps(document)
        )

        assert done.exit_code == 1
        assert done.stdout.startswith("zones[0].low_c[24]: 26 is above high_c, 25")

    def test_as_json(self, document: dict[str, Any]) -> None:
        document["step_s"] = 60
        arguments = ["plan", "--problem", "-", "--check", "--json"]
        done = CliRunner().invoke(app, arguments, input=json.dumps(document))

        assert {each["path"] for each in json.loads(done.stdout)} >= {"step_s"}

    def test_a_good_one_exits_well(self) -> None:
        done = CliRunner().invoke(app, ["plan", "--problem", str(EXAMPLE), "--check"])

        assert (done.exit_code, done.stdout) == (0, "no mistakes found\n")

    def test_it_goes_with_a_file_only(self) -> None:
        assert CliRunner().invoke(app, ["plan", "townhall", "--check"]).exit_code == 2


class TestTheExample:
    def test_is_short_enough_to_edit(self) -> None:
        assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 400

    @pytest.mark.slow
    def test_is_planned_optimally_from_its_own_history(self) -> None:
        problem = read(EXAMPLE.read_text("utf-8"))
        schedule = plan(problem)

        assert [zone.zone for zone in schedule.forecast] == ["office", "hall"]
        assert schedule.status == "optimal"
        assert check(problem, schedule) == ()
        assert schedule.expected.cost_dkk is not None
        assert schedule.own_control.cost_dkk is not None
        assert schedule.expected.cost_dkk < schedule.own_control.cost_dkk


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in (("", schema), *schema.get("$defs", {}).items()):
        for field, told in part.get("properties", {}).items():
            yield f"{name}.{field}", told


def unit_of(field: str) -> str:
    """The unit by the longest ending that is known; nothing where there is none."""
    known = [ending for ending in UNITS if field.endswith(ending)]
    return UNITS[max(known, key=len)] if known else ""


SCHEMAS = {"problem": schema(), "schedule": json_schema(Schedule)}
UNITS = {
    "_c": "[temp]", "_k": "[K]", "_kw": "[kW]", "_kwh": "kWh", "_dkk": "[DKK]", "_kg": "[kg CO2]",
    "dkk_per_kw": "[DKK/kW]", "dkk_per_kwh": "[DKK/kWh]", "kg_per_kwh": "[kg CO2/kWh]",
    "dkk_per_kh": "[DKK/(K h)]", "dkk_per_kg": "[DKK/kg CO2]", "_kh": "[K h]",
    "_s": "[s]", "_m2": "[m2]", "_m3_h": "[m3/h]", "_pct": "[%]", "_wm2": "[W/m2]", "_min": "[min]",
    "_m3": "[m3]", "_ppm": "[ppm]", "gain_per_k": "[1/K]", "kwh_per_k": "[kWh/K]",
    "h_per_k": "[h/K]", "h_per_k2": "[h/K2]", "_h": "[h]",
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
class TestTheSchema:
    def test_says_what_every_field_is(self, name: str) -> None:
        silent = [field for field, told in fields(SCHEMAS[name]) if not told.get("description")]

        assert silent == []

    def test_names_the_unit_that_the_field_is_in(self, name: str) -> None:
        without = [
            field
            for field, told in fields(SCHEMAS[name])
            if unit_of(field) not in told["description"]
        ]

        assert without == []


def test_the_schema_of_a_problem_takes_one_number_for_a_series() -> None:
    known = SCHEMAS["problem"]["$defs"]

    assert {"type": "number"} in SCHEMAS["problem"]["properties"]["heat_dkk_per_kwh"]["anyOf"]
    assert {"type": "boolean"} in known["ZoneTask"]["properties"]["occupied"]["anyOf"]
    assert {"type": "null"} in known["ZoneHistory"]["properties"]["valve_pct"]["anyOf"]
    assert "valve_pct" not in known["ZoneHistory"]["required"]
    assert "temp_c" in known["ZoneHistory"]["required"]


class TestTheAir:
    """Mistakes in flow, supply air, people and COP, each with its place."""

    @pytest.fixture
    def aired(self) -> dict[str, Any]:
        return json.loads((AIR / "problem.json").read_text("utf-8"))

    def told(self, document: dict[str, Any]) -> dict[str, str]:
        return {found.path: found.message for found in mistakes(json.dumps(document))}

    def test_a_good_one_has_no_mistakes(self, aired: dict[str, Any]) -> None:
        assert self.told(aired) == {}

    def test_one_number_stands_for_a_series(self, aired: dict[str, Any]) -> None:
        aired["zones"][0]["people"] = 12
        aired["ventilation"][0] |= {"own_flow_pct": 60, "own_supply_c": 19}
        problem = read(json.dumps(aired))

        assert set(problem.zones[0].people) == {12}
        assert set(problem.ventilation[0].own_flow_pct) == {60}
        assert len(problem.ventilation[0].own_supply_c) == problem.steps

    @pytest.mark.parametrize(
        ("place", "value", "path"),
        [
            (("zones", 0, "people"), [1.0, 2.0], "zones[0].people"),
            (("zones", 0, "people"), -3, "zones[0].people[0]"),
            (("zones", 0, "co2_limit_ppm"), 10, "zones[0].co2_limit_ppm"),
            (("zones", 0, "co2_limit_ppm"), None, "zones[0].co2_limit_ppm"),
            (("zones", 0, "volume_m3"), 0, "zones[0].volume_m3"),
            (("zones", 0, "co2_ppm"), 4, "zones[0].co2_ppm"),
            (("ventilation", 0, "own_flow_pct"), 900, "ventilation[0].own_flow_pct[0]"),
            (("ventilation", 0, "own_supply_c"), 292, "ventilation[0].own_supply_c[0]"),
            (("ventilation", 0, "least_flow_pct"), 130, "ventilation[0].least_flow_pct"),
            (("ventilation", 0, "flow_lever", "unit"), "K", "ventilation[0].flow_lever.unit"),
            (
                ("ventilation", 0, "flow_lever", "role"),
                "ventilation_run",
                "ventilation[0].flow_lever.role",
            ),
            (("ventilation", 0, "flow_lever", "maximum"), 25, "ventilation[0].flow_lever.maximum"),
            (("ventilation", 0, "flow_lever", "point"), "ahu.run", "lever.point"),
            (("heat_source", "cop_gain_per_k"), 0.3, "heat_source.cop_gain_per_k"),
        ],
    )
    def test_names_the_place(
        self, aired: dict[str, Any], place: tuple[Any, ...], value: object, path: str
    ) -> None:
        owner: Any = aired
        for name in place[:-1]:
            owner = owner[name]
        owner[place[-1]] = value

        assert path in self.told(aired)

    def test_a_supply_lever_needs_to_know_its_own_setpoint(self, aired: dict[str, Any]) -> None:
        lever = aired["ventilation"][0]["flow_lever"] | {
            "point": "ahu.supply",
            "role": "supply_air_setpoint",
            "unit": "degC",
            "minimum": 16,
            "maximum": 22,
        }
        aired["ventilation"][0]["supply_lever"] = lever

        assert "ventilation[0].own_supply_c" in self.told(aired)
        aired["ventilation"][0]["own_supply_c"] = 15
        assert "is above own_supply_c" in self.told(aired)["ventilation[0].supply_lever.minimum"]
        aired["ventilation"][0]["own_supply_c"] = 19
        assert self.told(aired) == {}
