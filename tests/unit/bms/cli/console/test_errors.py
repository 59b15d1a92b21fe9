"""What a user reads when a command fails, and its exit code."""

from __future__ import annotations

import pytest
import typer
from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner, Result

from bms.cli.console.errors import FAILED, WRONG_CALL, CommandGroup
from bms.errors import BmsError, FeedError, Mistake, NotFound, SiteFileError

TWO = (Mistake("a.yaml", 1, "no id"), Mistake("b.yaml", 2, "no zone"))


class Settings(BaseModel):
    """Bears the name of the settings that come from the environment."""

    port: int


def failing(error: Exception) -> Result:
    app = typer.Typer(cls=CommandGroup)
    app.callback()(lambda: None)

    @app.command()
    def fail() -> None:
        raise error

    return CliRunner().invoke(app, ["fail"])


def invalid() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"port": "many"})
    return caught.value


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (FeedError("no answer"), FAILED, "error: no answer"),
        (NotFound("no site"), WRONG_CALL, "error: no site"),
        (SiteFileError(TWO), FAILED, "error: 2 mistakes in the site files:"),
        (SiteFileError(TWO[:1]), FAILED, "error: 1 mistake in the site files:"),
        (invalid(), WRONG_CALL, "BMS_PORT: Input should be a valid integer"),
        (FileNotFoundError(2, "No such file", "x.csv"), FAILED, "error: No such file (x.csv)"),
    ],
)
def test_it_ends_as_a_sentence_and_an_exit_code(error: BmsError, code: int, text: str) -> None:
    done = failing(error)
    assert done.exit_code == code
    assert text in done.stderr


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyError("a bug")])
def test_a_bug_is_not_hidden(error: Exception) -> None:
    assert failing(error).exception is error
