"""Folders of site files: every mistake of every file is named, and good ones load."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.errors import SiteFileError
from bms.model.assets.address import DataType, ModbusAddress, Table
from bms.model.assets.device import TemplatePoint
from bms.model.readings.units import Unit
from sites.loader import load_sites
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "sites"


TEMPLATES = {
    "em340": {
        "energy_import": TemplatePoint(
            name="energy_import",
            unit=Unit.KWH,
            address=ModbusAddress(table=Table.INPUT, address=52, type=DataType.INT32, scale=0.1),
            low=0.0,
        )
    }
}


def mistakes_of(folder: Path) -> list[str]:
    try:
        load_sites(folder, TEMPLATES)
    except SiteFileError as error:
        return [str(m).replace(f"{folder}/", "").replace(str(folder), ".") for m in error.mistakes]
    return []


@pytest.mark.parametrize("folder", sorted(CASES.iterdir()), ids=lambda folder: folder.name)
def test_every_case_gives_its_mistakes(folder: Path) -> None:
    assert mistakes_of(folder) == (folder / "expected.txt").read_text("utf-8").splitlines()


def test_the_cases_include_good_and_bad_files() -> None:
    empty = {f.name for f in CASES.iterdir() if not (f / "expected.txt").read_text("utf-8")}
    good = {"valid_air", "valid_minimal", "valid_points_file", "valid_meters"}
    assert empty == {*good, "contract_w01_valid"}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SiteFileError, match="cannot be read: No such file"):
        load_sites(tmp_path / "nowhere")


def test_a_folder_in_place_of_a_file_is_named_and_hidden_files_are_left_out(
    tmp_path: Path, minimal_text: str
) -> None:
    (tmp_path / ".draft.yaml").write_text("junk", "utf-8")
    (tmp_path / "good.yaml").write_text(minimal_text, "utf-8")
    assert len(load_sites(tmp_path)) == 1
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nothing")
    with pytest.raises(SiteFileError) as caught:
        load_sites(tmp_path)
    assert [m.message for m in caught.value.mistakes] == ["is not a file", "there is no such file"]


def test_mistakes_of_all_files_come_together(tmp_path: Path, minimal_text: str) -> None:
    (tmp_path / "a.yaml").write_text(minimal_text.replace("use: culture", "use: cinema"), "utf-8")
    (tmp_path / "b.yaml").write_text("site: [", "utf-8")
    with pytest.raises(SiteFileError) as caught:
        load_sites(tmp_path)
    assert [Path(m.file).name for m in caught.value.mistakes] == ["a.yaml", "b.yaml"]
