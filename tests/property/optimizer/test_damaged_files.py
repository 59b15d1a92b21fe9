"""A problem damaged anywhere: its mistakes are told, and what can be read is answered."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import BadProblem, check, mistakes, plan, read
from tests.rigs.examples import examples
from tests.rigs.paths import ROOT

CASE = ROOT / "tests" / "cases" / "plans" / "steps_of_hours" / "problem.json"
GOOD = json.loads(CASE.read_text("utf-8"))
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["", "K", "degC", "2026-01-12T20:00:00+01:00", "2026-01-12", "Europe/Rome"]),
    st.lists(st.one_of(st.none(), st.floats(-300.0, 400.0)), max_size=40),
    st.builds(dict),
)


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the document; of a series only its first two values."""
    found = [path] if path else []
    members = part.items() if isinstance(part, dict) else enumerate(part[:2])
    for name, value in members if isinstance(part, dict | list) else ():
        found += places(value, (*path, name)) if isinstance(value, dict | list) else [(*path, name)]
    return found


PLACES = places(GOOD)


def put(part: Any, path: tuple[Any, ...], value: Any) -> None:
    """Where the place is still there after earlier damage."""
    first, *rest = path
    fits = isinstance(part, dict) or (isinstance(part, list) and isinstance(first, int))
    if not fits or (isinstance(part, list) and first >= len(part)):
        return
    if not rest:
        part[first] = value
    elif isinstance(part, list) or first in part:
        put(part[first], tuple(rest), value)


@given(damage=st.lists(st.tuples(st.sampled_from(PLACES), junk), min_size=1, max_size=3))
@settings(max_examples=examples(120), deadline=None)
def test_mistakes_are_told_and_what_can_be_read_is_answered(
    damage: list[tuple[tuple[Any, ...], Any]],
) -> None:
    document = copy.deepcopy(GOOD)
    for path, value in damage:
        put(document, path, value)
    text = json.dumps(document)
    told = mistakes(text)
    assert all(mistake.path and mistake.message for mistake in told)
    try:
        problem = read(text)
    except BadProblem:
        assert told
        return
    schedule = plan(problem)
    assert schedule.reasons
    assert [str(words) for words in check(problem, schedule)] == []
