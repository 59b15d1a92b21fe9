"""The documents are true: their commands exist, and every setting, command and target is there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from starlette.routing import Match
from typer.core import TyperGroup
from typer.testing import CliRunner

from api.app import ROUTERS
from bms.cli.main import app
from bms.config import Settings
from bms.model.readings.measurement import Quality
from tests.rigs.paths import ROOT

OPERATING = ROOT / "docs" / "operating.md"
PAGES = (ROOT / "README.md", OPERATING)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^([ \t]*)```(\w+)\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
SHELLS = ("sh", "bash", "console", "shell")
LINK = re.compile(r"\]\(([^)#:]+?)(?:#[^)]*)?\)")
SPAN = re.compile(r"`(bms [a-z][^`]*|make [a-z][^`]*)`")
ASSIGNMENT = re.compile(r"[A-Z_]+=.*")


def commands(group: TyperGroup, *above: str) -> Iterator[str]:
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperGroup):
            if command.invoke_without_command:
                yield " ".join((*above, name))
            yield from commands(command, *above, name)
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            yield " ".join((*above, name))


GROUP = typer.main.get_command(app)
assert isinstance(GROUP, TyperGroup)
COMMANDS = sorted(commands(GROUP))
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in one of these languages."""
    found = FENCE.findall(page.read_text())
    return [textwrap.dedent(text) for _, language, text in found if language in languages]


def code_lines(page: Path) -> list[str]:
    """The lines to type, those that go on after a backslash joined, without comments alone."""
    whole = "".join(blocks(page, *SHELLS)).replace("\\\n", " ").splitlines()
    return [line.strip() for line in whole if line.strip() and not line.strip().startswith("#")]


def words_of(line: str) -> list[str]:
    """The words of a command line without comment and leading settings."""
    words = shlex.split(line, comments=True)
    while words and ASSIGNMENT.fullmatch(words[0]):
        words.pop(0)
    return words


LINES = sorted({line for page in DOCUMENTS for line in code_lines(page)})


def is_known(*arguments: str) -> bool:
    """Whether the command line takes these arguments: help is shown after they are understood."""
    return CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0


def is_answered(curl: list[str]) -> bool:
    """Whether a call of the API has a route, and its body the fields that this takes."""
    (address,) = (word for word in curl if word.startswith("https://"))
    path = re.sub(r"\$\w+", "x", address.partition("://")[2].partition("/")[2])
    method = curl[curl.index("-sX") + 1] if "-sX" in curl else "GET"
    scope = {"type": "http", "method": method, "path": f"/{path.removeprefix('v1/')}"}
    found = [r for router in ROUTERS for r in router.routes if r.matches(scope)[0] is Match.FULL]
    if found and "-d" in curl:
        (body,) = found[0].dependant.body_params
        body.field_info.annotation.model_validate_json(curl[curl.index("-d") + 1])
    return bool(found)


def test_what_is_not_known_is_seen() -> None:
    """The eye of these tests sees."""
    assert is_known("demo", "--days", "3")
    assert not is_known("demo", "--weeks", "3")
    assert not is_known("dance")
    assert is_answered(["https://x.example/v1/exports/$ID"])
    assert not is_answered(["https://x.example/v1/dances"])


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_the_code_blocks_can_be_typed(line: str) -> None:
    match words_of(line):
        case ["make", target, *more]:
            assert target in TARGETS
            for word in more:
                assert word.startswith("ARGS=")
                assert is_known(target, *shlex.split(word.removeprefix("ARGS=")))
        case ["bms", *arguments]:
            assert is_known(*arguments)
        case ["install", "-d", "-m", mode, *_]:
            assert int(mode, 8) & 0o007 == 0, "folders of ours are not for everybody"
        case ["python3", "-c", program]:
            compile(program, "<docs>", "exec")
        case ["export", setting]:
            assert setting.partition("=")[0].removeprefix("BMS_").lower() in Settings.model_fields
        case ["curl", *arguments]:
            assert is_answered(arguments)
        case other:
            pytest.fail(f"nobody checks {other}")


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_every_block_of_data_can_be_read(page: Path) -> None:
    for text in blocks(page, "yaml"):
        yaml.safe_load(text)
    for text in blocks(page, "json"):
        json.loads(text)
    for text in blocks(page, "python"):
        compile(text, page.name, "exec")


def test_blocks_say_what_they_are() -> None:
    """One without a language would not be looked at."""
    known = {*SHELLS, "yaml", "json", "python", "csv", "sql", "text"}
    for page in DOCUMENTS:
        fences = re.findall(r"^[ \t]*```(.*)$", page.read_text(), re.MULTILINE)
        assert set(fences[::2]) <= known, page.name
        assert set(fences[1::2]) <= {""}, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_within_sentences_exist(page: Path) -> None:
    spans = SPAN.findall(page.read_text())
    assert spans
    for span in spans:
        first, *rest = words_of(span)
        name = " ".join(rest)
        known = TARGETS if first == "make" else COMMANDS
        groups = {k.rpartition(" ")[0] for k in known} - {""}  # `bms work` is one that runs, too
        assert name in groups or any(name == k or name.startswith(f"{k} ") for k in known), span


def test_the_two_commands_of_a_fresh_machine_come_first() -> None:
    lines = code_lines(ROOT / "README.md")
    assert [words_of(line) for line in lines[:2]] == [["make", "demo"], ["make", "test"]]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_heading_and_its_default(name: str) -> None:
    text = OPERATING.read_text()
    heading = f"### BMS_{name.upper()}\n"
    assert heading in text
    section = text.split(heading)[1].split("\n#")[0]
    default = Settings.model_fields[name].default
    if isinstance(default, bool):
        assert f"default `{str(default).lower()}`" in section
    elif default is not None:
        assert re.search(rf"default `?{re.escape(str(default))}\b", section), section


def test_no_heading_promises_a_setting_that_is_not_there() -> None:
    headings = set(re.findall(r"^### (BMS_\w+)", OPERATING.read_text(), re.MULTILINE))
    known = {f"BMS_{name.upper()}" for name in Settings.model_fields}
    assert headings - known == {"BMS_LOG", "BMS_LOG_FORMAT"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_operating_guide(name: str) -> None:
    assert f"`bms {name}`" in OPERATING.read_text()


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_in_the_operating_guide(target: str) -> None:
    assert re.search(rf"\bmake {target}\b", OPERATING.read_text())


def test_every_quality_is_in_the_nomenclature() -> None:
    text = (ROOT / "docs" / "nomenclature.md").read_text()
    assert [q.value for q in Quality if f"`{q.value}`" not in text] == []


TREES = ("api", "bms", "docs", "drivers", "optimizer", "sites", "tests", "tools")


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    files = [f"/{file.relative_to(ROOT)}" for root in TREES for file in (ROOT / root).rglob("*.py")]
    for named in re.findall(r"`([\w/]+\.py)`", page.read_text()):
        assert any(file.endswith(f"/{named}") for file in files), named


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_the_rows_of_a_table_have_the_cells_of_its_head(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [re.sub(r"`[^`]*`|\\\|", "", row) for row in table.splitlines()]
        assert [row for row in rows if row.count("|") != rows[0].count("|")] == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_examples_pass_the_check_that_the_guide_names() -> None:
    done = CliRunner().invoke(app, ["sites", "check", str(ROOT / "sites" / "examples")])
    assert done.exit_code == 0, done.output
    count = len(list((ROOT / "sites" / "examples").glob("*.yaml")))
    assert done.stdout.startswith(f"{count} sites with ")


@pytest.mark.system
def test_the_rooms_keep_their_arrows() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
