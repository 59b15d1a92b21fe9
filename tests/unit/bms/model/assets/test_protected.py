"""Names that show what is never written."""

from __future__ import annotations

import pytest

from bms.model.assets.protected import Protection, is_hot_water, protected_name

PROTECTED = {
    Protection.FROST: "Frostsikring,FROSTTERMOSTAT,AHU frz stat,Anti Icing,freezestat",
    Protection.FIRE: "Røgspjæld,ROEGSPJAELD,FIRE1,Brandventilation,brandklap,røglem,røgudsugning,"
    "ABV2,ABDL1,FSD-1,BRSP01,BSK,SprinklerPump,Rökspjäld",
    Protection.INTERLOCK: "Nødsluk,nødstop,E-Stop,STB1,overkogstermostat,max termostat,"
    "maks.termostat,pressostat",
    Protection.DISINFECTION: "LegioBoost,Termisk kur,hygiejneskyl",
}
HOT_WATER = """VBVsp,DHWSP,DHWTempSetpoint,VBVTemp,VBVsetpunkt,VVBT01,brugs_vand,Brugs-vand,
Domestic HW,vandvarmer,Water heater,calorifier"""
ORDINARY = """Stue setpunkt,gym.setpoint,Kontor Brandt,fireplace room,drogeri,VAV spjæld,Fremløb,
kurveforskydning,ZoneTempSetpoint,Bogsal,north.setpoint,ahu1.run"""


def each(names: str) -> list[str]:
    return [name.strip() for name in names.split(",")]


@pytest.mark.parametrize("protection", PROTECTED)
def test_w18_names_on_devices_are_short_and_in_two_languages(protection: Protection) -> None:
    for name in each(PROTECTED[protection]):
        found = protected_name(name)
        assert found is not None, name
        assert found.protection is protection, name


@pytest.mark.parametrize("name", each(HOT_WATER))
def test_w18_hot_water_is_known_by_the_names_of_its_points(name: str) -> None:
    assert is_hot_water(name)


@pytest.mark.parametrize("name", each(ORDINARY))
def test_w18_rooms_and_units_are_no_safety_devices(name: str) -> None:
    assert protected_name(name) is None
    assert not is_hot_water(name)
