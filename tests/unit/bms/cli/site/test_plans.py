"""What a plan moves is said in words, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.console.language import CommandTranslator
from bms.cli.main import app
from bms.cli.site.plans import lever_names
from optimizer import read
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
