"""What a plan moves is said in words, in both languages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from bms.cli.console.language import CommandTranslator
from bms.cli.main import app
from bms.cli.site.plans import drawn, lever_names
from optimizer import plan, read
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "plans"
FEW = CASES / "air_few_people_and_much_of_it" / "problem.json"
WARM = CASES / "air_supplied_to_warm_rooms" / "problem.json"


def test_every_lever_has_its_words() -> None:
    problem = read(FEW.read_text("utf-8"))
    danish = lever_names(problem, CommandTranslator("da"))
    english = lever_names(problem, CommandTranslator("en"))

    assert set(danish) == set(english) == {"class.setpoint", "ahu.run", "ahu.flow"}
    assert danish["ahu.flow"] == "ahu: luftmængde"
    assert english["class.setpoint"] == "Class 4B: setpoint"


@pytest.mark.parametrize(
    ("file", "locale", "said"),
    [
        (FEW, "en_GB.UTF-8", "ahu: air flow"),
        (FEW, "da_DK.UTF-8", "ahu: luftmængde"),
        (WARM, "en_GB.UTF-8", "ahu: supply air"),
        (WARM, "da_DK.UTF-8", "ahu: indblæsning"),
    ],
)
def test_the_table_says_them_in_the_language_of_the_terminal(
    file: Path, locale: str, said: str
) -> None:
    done = CliRunner().invoke(app, ["plan", "--problem", str(file)], env={"LC_ALL": locale})

    assert done.exit_code == 0
    assert said in done.stdout


def test_a_plan_is_drawn_with_every_zone() -> None:
    words = ["plan", "--problem", str(FEW), "--svg"]
    done = CliRunner().invoke(app, words, env={"LC_ALL": "en_GB.UTF-8"})

    assert done.exit_code == 0
    drawing = ElementTree.fromstring(done.stdout)
    said = {text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Class 4B", "setpoint", "price", "in use", "heat [kW]"} <= {
        each.lower() if each in ("Setpoint",) else each for each in said if each
    }


def test_a_plan_without_a_model_is_drawn_without_a_forecast() -> None:
    problem = read(FEW.read_text("utf-8"))
    schedule = plan(replace(problem, model=None, history=None))

    assert schedule.forecast == ()
    assert drawn(problem, schedule).startswith("<svg")


def test_an_answer_in_kelvin_is_drawn_in_the_unit_of_the_problem() -> None:
    problem = read((CASES / "all_in_kelvin_but_one_lever" / "problem.json").read_text("utf-8"))

    assert drawn(problem, plan(problem)).startswith("<svg")


def test_every_change_of_a_value_has_its_sentence() -> None:
    file = CASES / "cheap_and_dear_days_of_96_hours" / "problem.json"
    words = ["plan", "--problem", str(file)]
    done = CliRunner().invoke(app, words, env={"LC_ALL": "en_GB.UTF-8"})
    assert "Sat 12:00 room.set 22.2 degC: Heat is cheap now" in done.stdout
    drawing = CliRunner().invoke(app, [*words, "--svg"], env={"LC_ALL": "en_GB.UTF-8"}).stdout
    assert "<title>12:00: Heat is cheap now" in drawing
