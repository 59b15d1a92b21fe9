"""Folders of site files: every mistake of every file is named, and good ones load."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.errors import SiteFileError
from bms.model.assets.address import DataType, ModbusAddress, Table
from bms.model.assets.device import TemplatePoint
from bms.model.assets.site import Site
from bms.model.readings.units import Unit
from sites.loader import load_site_text, load_sites, load_usable_sites
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


class TestUsable:
    """One wrong file spares the others (law 7)."""

    def test_a_wrong_file_is_left_out_with_its_mistakes(
        self, tmp_path: Path, minimal_text: str
    ) -> None:
        (tmp_path / "a.yaml").write_text(minimal_text, "utf-8")
        (tmp_path / "b.yaml").write_text("site: b\nname: [\n", "utf-8")
        (tmp_path / "c.yaml").write_bytes(b"\xff\xfe")
        usable = load_usable_sites(tmp_path)
        assert usable.sites == load_sites_of(tmp_path / "a.yaml")
        assert {Path(m.file).name for m in usable.mistakes} == {"b.yaml", "c.yaml"}

    def test_of_two_that_cannot_stand_together_the_first_by_name_stays(
        self, tmp_path: Path, minimal_text: str
    ) -> None:
        (tmp_path / "a.yaml").write_text(minimal_text, "utf-8")
        (tmp_path / "b.yaml").write_text(minimal_text + "# a copy\n", "utf-8")
        usable = load_usable_sites(tmp_path)
        assert len(usable.sites) == 1
        assert {Path(m.file).name for m in usable.mistakes} == {"b.yaml"}
        assert "stands in" in usable.mistakes[0].message

    def test_or_the_one_that_runs(self, tmp_path: Path, minimal_text: str) -> None:
        (tmp_path / "b.yaml").write_text(minimal_text, "utf-8")
        running = load_usable_sites(tmp_path).sites
        other = minimal_text.replace("area_m2: ", "area_m2: 1", 1)
        (tmp_path / "a.yaml").write_text(other, "utf-8")
        usable = load_usable_sites(tmp_path, running=running)
        assert usable.sites == running
        assert {Path(m.file).name for m in usable.mistakes} == {"a.yaml"}

    def test_a_folder_without_a_right_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text("site: a\n", "utf-8")
        with pytest.raises(SiteFileError, match=r"a\.yaml"):
            load_usable_sites(tmp_path)
        with pytest.raises(SiteFileError, match="cannot be read"):
            load_usable_sites(tmp_path / "nowhere")


def load_sites_of(file: Path) -> tuple[Site, ...]:
    return (load_site_text(file.read_bytes(), str(file)),)
