"""YAML files of the product mean what YAML 1.2 says."""

from __future__ import annotations

import re
from datetime import date

import pytest

from bms.model.yaml_data import YAMLError, read_yaml
from tests.rigs.paths import ROOT


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("2026-03-01", date(2026, 3, 1)),
    ],
)
def test_a_value_has_the_type_of_its_form(text: str, value: object) -> None:
    read = read_yaml(f"a: {text}")["a"]

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["no", "on", "Yes", "12:30", "1_000", "0b11", "=", "1.2.3", "DK"])
def test_what_earlier_versions_of_yaml_made_values_of_is_text(text: str) -> None:
    assert read_yaml(f"a: {text}") == {"a": text}


@pytest.mark.parametrize("text", ["'12'", '"true"', "'2026-03-01'", '""'])
def test_what_is_quoted_is_text(text: str) -> None:
    assert read_yaml(f"a: {text}") == {"a": text[1:-1]}


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: 1\na: 2",
        "a: {b: 1, b: 1}",
        "a: 2026-13-01",
        "a: !!python/object/apply:os.getcwd []",
        f"a: {'9' * 5000}",
        "a: &x [1]\nb: *x",
        "a: &x [*x]",
        "a: &x 1\nb: *x",
        "[" * 100_000,
        "a: \0",
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_yaml_is_refused(text: str) -> None:
    with pytest.raises(YAMLError):
        read_yaml(text)


def test_a_file_that_unpacks_to_millions_of_values_is_refused_at_once() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(YAMLError, match="alias"):
        read_yaml("\n".join(rows))


def test_every_file_in_yaml_comes_in_by_one_of_three_doors() -> None:
    """Each of them refuses aliases, tags and keys that stand twice."""
    doors = {
        "bms/model/yaml_data.py",
        "bms/feeds/suppliers/csv_mapping.py",
        "sites/schema/yaml_tree.py",
    }
    called = re.compile(r"\byaml\.(safe_load|load|full_load|unsafe_load)\b|\bYAML\(")
    found = {
        str(path.relative_to(ROOT))
        for room in ("api", "bms", "drivers", "optimizer", "sites")
        for path in (ROOT / room).rglob("*.py")
        if called.search(path.read_text("utf-8"))
    }
    assert found <= doors
