"""Site files from a table of buildings: what a row makes, and how each wrong one is named."""

from __future__ import annotations

from bms.model.assets.address import SupplierAddress
from sites.buildings_table import is_untouched, read_buildings
from sites.loader import load_site_text

DANISH = (
    "Bygningsid;Navn;Adresse;byg038SamletBygningsareal;byg021BygningensAnvendelse;Varmemåler;"
    "El-måler\n"
    "B-17;Skæring Skole;Skolevej 1;4.250;421;6841234;571313100000000001\n"
)


def test_a_row_of_bbr_becomes_a_site_file() -> None:
    (found,), mistakes = read_buildings(DANISH, "b.csv")
    assert mistakes == []
    site = load_site_text(found.text)
    assert (site.id, site.name_da, site.address) == ("b-17", "Skæring Skole", "Skolevej 1")
    assert (site.area_m2, site.use) == (4250.0, "school")
    assert [(meter.id, meter.number) for meter in site.meters] == [
        ("heat", "6841234"),
        ("electricity", "571313100000000001"),
    ]
    kinds = [p.address.interval for p in site.points if isinstance(p.address, SupplierAddress)]
    assert kinds == [False, True]
    assert (site.zones, site.devices) == ((), ())


def test_a_row_for_each_meter_is_one_building() -> None:
    text = (
        "id,name,area,use,meter,commodity\n"
        "a,Hall,900,533,11,heat\n"
        "a,Hall,900,533,12,electricity\n"
        "a,Hall,900,533,13,electricity\n"
    )
    (found,), mistakes = read_buildings(text, "b.csv")
    assert mistakes == []
    site = load_site_text(found.text)
    assert [meter.id for meter in site.meters] == ["heat", "electricity", "electricity2"]
    assert site.use == "sports_hall"


def test_every_wrong_row_is_named_and_the_others_are_taken() -> None:
    text = (
        "id,name,area,use,heat\n"
        "a,A,100,school,1\n"
        "b,B,many,school,2\n"  # 3
        "c,C,100,castle,3\n"  # 4
        ",,100,school,4\n"  # 5
        "d,D,100,school,\n"  # 6
        "e,E,100,school,1\n"  # 7
        "a,Other,100,school,8\n"  # 8
        "f,F,0,school,9\n"  # 9
        "g,G,100,school,10\n"
    )
    found, mistakes = read_buildings(text, "b.csv")
    assert [each.id for each in found] == ["a", "g"]
    assert [mistake.line for mistake in mistakes] == [3, 4, 5, 6, 7, 8, 9]


def test_without_name_or_area_the_header_is_named() -> None:
    found, (mistake,) = read_buildings("x,y\n1,2\n", "b.csv")
    assert (found, mistake.line) == ([], 1)


def test_what_is_no_table_is_named_in_few_words() -> None:
    rows = "id,name,area,use,heat\na,A,100,school,1\n"
    for text in ('"' * 500_000, f'{rows}b,"' + "x\n" * 200_000, "x," * 500_000):
        found, mistakes = read_buildings(text, "b.csv")
        assert [each.id for each in found] == (["a"] if text.startswith("id") else [])
        assert mistakes
        assert max(len(str(each)) for each in mistakes) < 400


def test_a_file_is_known_to_be_edited() -> None:
    (found,), _ = read_buildings(DANISH, "b.csv")
    assert is_untouched(found.text)
    assert not is_untouched(found.text + "mode: advise\n")
    assert not is_untouched("site: a\n")
