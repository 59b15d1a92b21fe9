"""The file of the ends of the chains: whole, never back, on disk before it counts (W16)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.errors import StoreError, StoreUnavailable
from bms.journal.evidence_heads import FileHeads
from bms.model.control.evidence import ChainHead

TWO, THREE = ChainHead(number=2, hash="ab"), ChainHead(number=3, hash="cd")


def test_w16_what_is_kept_is_known_by_the_next_process(tmp_path: Path) -> None:
    synced: list[int] = []
    kept = FileHeads(tmp_path / "evidence.heads", sync=synced.append)
    assert kept.heads() == {}
    kept.keep({"school": TWO, "": THREE})
    assert FileHeads(kept.path).heads() == {"school": TWO, "": THREE}
    assert len(synced) == 2


def test_w16_an_end_never_goes_back(tmp_path: Path) -> None:
    kept = FileHeads(tmp_path / "evidence.heads")
    kept.keep({"school": THREE})
    kept.keep({"school": TWO, "hall": TWO})
    assert kept.heads() == {"school": THREE, "hall": TWO}


def test_w16_what_is_known_already_is_not_written_again(tmp_path: Path) -> None:
    synced: list[int] = []
    kept = FileHeads(tmp_path / "evidence.heads", sync=synced.append)
    kept.keep({"school": TWO})
    before = len(synced)
    kept.keep({"school": TWO})
    assert len(synced) == before


def test_w16_a_damaged_file_is_no_file_without_ends(tmp_path: Path) -> None:
    kept = FileHeads(tmp_path / "evidence.heads")
    kept.path.write_text('{"school": {"number": 2')
    with pytest.raises(StoreError, match=r"evidence\.heads is damaged"):
        kept.heads()
    with pytest.raises(StoreError):
        kept.keep({"school": THREE})


def test_w16_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be kept"):
        FileHeads(tmp_path / "gone" / "evidence.heads").keep({"school": TWO})
