"""Which readings are kept longest where there is too little room for those that wait."""

from __future__ import annotations

from dataclasses import replace

from bms.model.assets.point import Privacy, Role
from bms.model.readings.spool import Importance
from bms.services.collect.importance import importances
from tests.rigs.fakes.city import lodge


class TestImportance:
    def test_registers_first_and_people_last(self) -> None:
        site = lodge()
        heat = next(point for point in site.points if point.role is Role.METER_ENERGY)
        room = next(point for point in site.points if point.role is Role.ZONE_TEMP)
        people = replace(room, id="lodge/hall.co2", privacy=Privacy.PERSONAL)
        power = replace(heat, id="lodge/heat.power", role=Role.METER_POWER)
        found = importances([replace(site, points=(heat, room, people, power))])
        assert found == {
            heat.id: Importance.REGISTER,
            room.id: Importance.OTHER,
            people.id: Importance.PERSONAL,
            power.id: Importance.OTHER,
        }

    def test_the_numbers_are_the_order_in_which_room_is_given(self) -> None:
        assert sorted(Importance) == [
            Importance.REGISTER,
            Importance.OTHER,
            Importance.PERSONAL,
        ]
