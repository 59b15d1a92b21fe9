"""Who owns which site, as ``bms status`` shows it."""

from __future__ import annotations

from dataclasses import replace

from bms.cli.system.status import OwnedState, rows_of
from bms.model.control.ownership import CITY_WIDE, PRESENCE, Ownership

ROW = Ownership(
    site="school",
    owner="anna",
    place="anna.example, process 7",
    token=7,
    left_s=42.04,
    stands_s=1800.0,
    selection="all",
)


def test_every_site_has_a_state_and_workers_are_no_sites() -> None:
    rows = rows_of(
        ["school", "gym", "hall", "pool", "lodge"],
        [
            ROW,
            replace(ROW, site=PRESENCE + "anna"),
            replace(ROW, site="gym", waits=True),
            replace(ROW, site="hall", heir="bo"),
            replace(ROW, site="pool", left_s=-3.0),
            replace(ROW, site="of another folder"),
        ],
    )
    assert {row["site"]: row["state"] for row in rows} == {
        CITY_WIDE: OwnedState.FREE,
        "school": OwnedState.OWNED,
        "gym": OwnedState.WAITS,
        "hall": OwnedState.HANDING_OVER,
        "pool": OwnedState.FREE,
        "lodge": OwnedState.FREE,
        "of another folder": OwnedState.OWNED,
    }
    school = next(row for row in rows if row["site"] == "school")
    assert (school["place"], school["token"], school["left_s"]) == (ROW.place, 7, 42.0)
