"""Whatever stands in a site file: a site or a list of mistakes, never anything else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bms.errors import SiteFileError
from bms.model.assets.site import Site
from sites.loader import load_site_text
from sites.points_file import parse_points
from sites.schema.yaml_tree import MistakeReport
from tests.rigs.examples import examples
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "sites"
TEXTS = [path.read_text("utf-8") for path in sorted(CASES.rglob("*.yaml"))]
PIECES = [
    *(line + "\n" for text in TEXTS for line in text.splitlines()),
    *"{}[]:,-?!&*#|>@%'\"\\\n\t ~",
    *("\x85", "\u2028", "\ud800", '"\\UFFFFFFFF"', "%TAG ! x\n", "<<: ", "1e400", "? ", "|2\n"),
]


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A site file with a few stretches cut out or replaced."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(text)))
        last = first + draw(st.sampled_from((0, 1, 7, 60)))
        text = text[:first] + draw(st.sampled_from(PIECES)) + text[last:]
    return text


def outcome(raw: str | bytes) -> Site | SiteFileError:
    try:
        return load_site_text(raw)
    except SiteFileError as error:
        return error


@settings(max_examples=examples(120), deadline=None, derandomize=True)
@given(st.binary(max_size=80) | spoilt() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_a_site_or_its_mistakes(raw: str | bytes) -> None:
    result = outcome(raw)
    assert isinstance(result, Site) or result.mistakes


@settings(max_examples=examples(120), deadline=None, derandomize=True)
@given(st.text(alphabet='ab.;,"[]{}\n\r\x00 id:1', max_size=80))
def test_rows_or_mistakes(text: str) -> None:
    report = MistakeReport()
    rows = parse_points(text, "points.csv", report)
    lines = len(text.splitlines()) + 1
    assert all(row.where.line <= lines for row in rows)
    assert all(mistake.line <= lines for mistake in report.mistakes)
