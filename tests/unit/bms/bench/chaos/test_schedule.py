"""The schedule of the chaos bench is that of its seed, and a run without a strike is vacuous."""

from __future__ import annotations

from collections import Counter

from bms.bench.chaos.run import Outcome, Row
from bms.bench.chaos.schedule import KINDS, PARTS, episodes, short_episodes
from bms.bench.chaos.table import figures
from bms.bench.chaos.town import StrikeMoment


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert episodes(7) == episodes(7)
    assert episodes(7) != episodes(7 + PARTS)
    assert list(short_episodes(7)) == list(short_episodes(7))


def test_parts_in_a_row_have_every_fault_at_each_of_its_moments() -> None:
    met = Counter((e.kind, e.moment) for seed in range(5, 5 + PARTS) for e in episodes(seed))
    assert met == Counter({(kind, moment): 1 for kind in KINDS for moment in kind.moments})


def test_the_short_form_has_every_fault_once_and_every_moment() -> None:
    chosen = list(short_episodes(1))
    assert [each.kind for each in chosen] == list(KINDS)
    assert {each.moment for each in chosen} == set(StrikeMoment)


def struck(*, but: str = "") -> Outcome:
    rows = {}
    for kind in KINDS:
        moments = Counter(dict.fromkeys(kind.moments, 1))
        rows[kind.title()] = Row(kind.title(), len(moments), len(moments), moments)
        if kind.title() == but:
            del rows[but].struck[StrikeMoment.HELD]
    return Outcome(rows)


def test_a_run_in_which_a_fault_missed_a_moment_is_vacuous_and_fails() -> None:
    assert all(figure.ok for figure in figures(struck(), whole=True))
    missed = [f for f in figures(struck(but="hand above"), whole=True) if not f.ok]
    assert len(missed) == 1
    assert "hand above: not lease held" in missed[0].name
