"""Whoever keeps the mapping sees the sites of the newest files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.runtime.live_sites import LiveSites
from tests.rigs.fakes.safety import hut

A, B, C = (replace(hut(), id=name) for name in "abc")


def test_what_is_kept_follows_and_a_view_taken_before_goes_on() -> None:
    sites = LiveSites([A, B])
    chosen = sites.chosen(lambda site: site != "a")
    seen = iter(sites.values())
    assert next(seen) is A
    sites.exchange([B, C], ())
    assert next(seen) is B
    assert list(sites) == ["b", "c"]
    assert (list(chosen), len(chosen), chosen["c"]) == (["b", "c"], 2, C)
    assert dict(chosen.items()) == {"b": B, "c": C}
    assert list(chosen.values()) == [B, C]


def test_what_is_not_wanted_is_not_there() -> None:
    chosen = LiveSites([A, B]).chosen(lambda site: site == "b")
    assert "a" not in chosen
    with pytest.raises(KeyError):
        chosen["a"]
