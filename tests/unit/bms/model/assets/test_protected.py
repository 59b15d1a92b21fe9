"""Names that show what is never written."""

from __future__ import annotations

import pytest

from bms.model.assets.protected import Protection, is_hot_water, protected_name

PROTECTED = {
    Protection.FROST: "Frostsikring,FROSTTERMOSTAT,AHU frz stat,Anti Icing,freezestat,frysvakt,"
    "FrostGuardSp,frost1,AHU1FRZ,Vorstbeveiliging,hors gel,LowTempCutout,Isvagt",
    Protection.FIRE: "Røgspjæld,ROEGSPJAELD,FIRE1,Brandventilation,brandklap,røglem,røgudsugning,"
    "ABV2,ABDL1,FSD-1,BRSP01,BSK,SprinklerPump,Rökspjäld,BS01,AHU1.BS01,360BS02,VE01_BS_pos,"
    "BrandSpj1,brandspj\u00e6ld,Brandspja\u0308ll,R\u00c3\u00b8gspj\u00c3\u00a6ld,"
    "R?gspj?ld 2,"
    "Brannspjeld,Brandschutzklappe,Rauchabzug,FD_03,FireDamperCmd,fire damper,gasAlarm,brand",
    Protection.INTERLOCK: "Nødsluk,nødstop,E-Stop,STB1,overkogstermostat,max termostat,"
    "maks.termostat,pressostat,N?dstop,NotAus,NOODSTOP,Säkerhetsbrytare,Sicherheitskette,"
    "förreglad,overheatStat,Trykvagt,HighLimitStat,sikkerhedsventil",
    Protection.ALARM: "alarm_reset,AlmAck,LARM 1,Störung,FejlKvittering",
    Protection.DISINFECTION: "LegioBoost,Termisk kur,hygiejneskyl",
}
HOT_WATER = """VBVsp,DHWSP,DHWTempSetpoint,VBVTemp,VBVsetpunkt,VVBT01,brugs_vand,Brugs-vand,
Domestic HW,vandvarmer,Water heater,calorifier,tank temp,TankTemp2,BufferTankSp,BWW,BWWTemp,bwwSoll,
VVC,VVC01_pumpe,VV01,WW-Soll,TWW1,VBV_T01,Varmtvandsbeholder,varmt brugsvand,Varmvatten,
Tappvarmvatten,Warmwasserspeicher,Trinkwasser,ZirkulationsPumpe,PWH-C,akkumuleringstank,01DHW"""
ORDINARY = """Stue setpunkt,gym.setpoint,Kontor Brandt,fireplace room,drogeri,VAV spjæld,Fremløb,
kurveforskydning,ZoneTempSetpoint,Bogsal,north.setpoint,ahu1.run,Krogsgade skole,Brandstrup,
Brokgade,Verbrauch,Bruserum setpunkt,Bad 1.setpunkt,circ1 return temp,programstyring,rs485_gateway,
Tankevækkeren,VVX retur,Prisvagt,Nordlyset,security_office.setpoint,shower_room.setpoint,
kedel.fremloeb,radiator_setpoint,SupplyAirSp,Vestibule,BSc_room,RS01 setpoint,flow_pct,ventilator"""


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
