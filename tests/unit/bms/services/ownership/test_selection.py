"""Which sites a worker wants, and what its fair share is."""

from __future__ import annotations

from collections import Counter

import pytest

from bms.errors import ConfigError
from bms.model.control.ownership import PRESENCE, Ownership
from bms.services.ownership.selection import (
    Selection,
    excess_of,
    fair_share,
    heirs_of,
    living,
    owned_by,
)

SITES = [f"site{i}" for i in range(100)]


def row(site: str, owner: str, *, left_s: float = 60.0, selection: str = "all") -> Ownership:
    return Ownership(
        site=site,
        owner=owner,
        place="",
        token=1,
        left_s=left_s,
        stands_s=1800.0,
        selection=selection,
    )


def presence(worker: str, selection: str = "all", *, left_s: float = 60.0) -> Ownership:
    return row(PRESENCE + worker, worker, left_s=left_s, selection=selection)


@pytest.mark.parametrize("text", ["all", "shard:2/5", "sites:hall,school"])
def test_a_selection_is_read_as_it_was_written(text: str) -> None:
    assert str(Selection.parse(text)) == text


@pytest.mark.parametrize("text", ["5", "0/5", "6/5", "a/b", "1/0"])
def test_what_is_no_shard_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="2/5"):
        Selection.of_shard(text)


def test_the_shards_are_all_sites_once() -> None:
    shards = [Selection.of_shard(f"{i}/5") for i in range(1, 6)]
    assert Counter(sum(shard.covers(site) for shard in shards) for site in SITES) == {1: 100}
    assert all(10 < sum(map(shard.covers, SITES)) < 35 for shard in shards)


def test_a_selection_of_another_version_wants_all() -> None:
    assert Selection.parse("region:north").covers("school")


def test_whose_presence_has_run_out_does_not_live() -> None:
    rows = [presence("anna"), presence("bo", left_s=-1.0), row("school", "cy")]
    assert set(living(rows)) == {"anna"}


class TestShares:
    """Sites are shared among those that want them."""

    def test_three_workers_share_all(self) -> None:
        workers = dict.fromkeys(("anna", "bo", "cy"), Selection())
        assert [fair_share(each, workers, SITES) for each in workers] == [34, 34, 34]

    def test_what_only_one_wants_is_not_shared(self) -> None:
        workers = {"anna": Selection(), "bo": Selection(sites=frozenset(SITES[:2]))}
        assert fair_share("anna", workers, SITES) == 99
        assert fair_share("bo", workers, SITES) == 1

    def test_what_is_too_much_goes_to_who_lacks_it(self) -> None:
        rows = [presence("anna"), presence("bo"), *(row(site, "anna") for site in SITES)]
        given = excess_of("anna", rows, SITES)
        assert {heir: len(sites) for heir, sites in given.items()} == {"bo": 50}
        assert excess_of("bo", rows, SITES) == {}

    def test_shares_that_differ_by_one_are_left_alone(self) -> None:
        rows = [presence("anna"), presence("bo")]
        rows += [row(site, "anna") for site in SITES[:2]] + [row(SITES[2], "bo")]
        assert excess_of("anna", rows, SITES[:3]) == {}

    def test_a_worker_gets_nothing_that_it_does_not_want(self) -> None:
        rows = [presence("anna"), presence("bo", "sites:site7")]
        rows += [row(site, "anna") for site in SITES]
        assert excess_of("anna", rows, SITES) == {"bo": ["site7"]}

    def test_who_ends_leaves_each_site_to_whoever_has_fewest(self) -> None:
        rows = [presence("bo"), presence("cy"), row("site0", "bo")]
        rows += [row(site, "anna") for site in SITES[1:6]]
        given = heirs_of("anna", rows, SITES)
        assert {heir: len(sites) for heir, sites in given.items()} == {"bo": 2, "cy": 3}
        assert heirs_of("anna", [row("site0", "anna")], SITES) == {}

    def test_what_is_being_handed_over_counts_for_the_heir(self) -> None:
        mine = row("site0", "anna")
        moving = Ownership(
            **{name: getattr(mine, name) for name in ("owner", "place", "token", "left_s")},
            stands_s=1.0,
            selection="all",
            site="site1",
            heir="bo",
        )
        assert owned_by("bo", [mine, moving], SITES) == ["site1"]
        assert owned_by("anna", [mine, moving], SITES) == ["site0"]
