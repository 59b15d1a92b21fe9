"""What of the findings of a site is an item of its own, and what explains the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bms.faults.codes import LookFor
from bms.model.fact import fact
from bms.model.work.detection import Detection
from bms.model.work.finding import Finding, Price, RuleId
from bms.model.work.item import WorkKind, cause_key
from bms.services.work.sources.faults import fault_look
from tests.rigs.fakes.city import lodge
from tests.rigs.work.rows import MONDAY, a_finding

DAY = timedelta(days=1)
PRICED, FREE = Price(kwh_year=3000.0, dkk_year=2000.0), Price()


def finding(
    rule: str, look: LookFor, day: int = 0, price: Price = PRICED, subject: str = "heat"
) -> Finding:
    return a_finding(
        rule=RuleId(rule),
        subject=subject,
        look_for=fact(look),
        start=MONDAY + day * DAY,
        end=MONDAY + 20 * DAY,
        price=price,
    )


SUMMER = finding("DH-SUMMER-HEAT", LookFor.SUMMER_STOP, 2)
EARLIER = finding("DH-BALANCE-POINT", LookFor.SUMMER_STOP, 1)
RESIDUAL = finding("RES-HEAT", LookFor.HEAT_LOSS)
STUCK = finding("DH-METER-STUCK", LookFor.METER_ITSELF, 3, FREE)
PROGRAMME = finding("DH-NO-SETBACK", LookFor.TIME_PROGRAMME, 1)
COOLING = finding("DH-COOLING-LIMIT", LookFor.POOR_COOLING, 0, FREE)


def roots(*rows: Finding) -> dict[str, str | None]:
    found = Detection(site="lodge", at=MONDAY + 20 * DAY, findings=rows)
    look = fault_look(lodge(), found, MONDAY + 20 * DAY)
    short = {cause.key: cause.rule for cause in look.causes}
    return {cause.rule: short.get(cause.root or "") for cause in look.causes}


@pytest.mark.parametrize(
    ("rows", "explained"),
    [
        ((SUMMER, EARLIER), {"DH-SUMMER-HEAT": "DH-BALANCE-POINT"}),
        ((RESIDUAL, PROGRAMME), {"RES-HEAT": "DH-NO-SETBACK"}),
        ((RESIDUAL, COOLING), {}),
        ((PROGRAMME, SUMMER), {}),
        (
            (STUCK, PROGRAMME, RESIDUAL),
            {"DH-NO-SETBACK": "DH-METER-STUCK", "RES-HEAT": "DH-METER-STUCK"},
        ),
        ((finding("DH-METER-STUCK", LookFor.METER_ITSELF, 9), PROGRAMME), {}),
        ((SUMMER, finding("RES-ROOM", LookFor.RADIATOR, subject="rooms/hall")), {}),
    ],
    ids=[
        "one repair",
        "a name",
        "no extra use",
        "two repairs",
        "wrong meter",
        "later",
        "elsewhere",
    ],
)
def test_what_explains_what(rows: tuple[Finding, ...], explained: dict[str, str]) -> None:
    none: dict[str, str | None] = {str(row.rule): None for row in rows}
    assert roots(*rows) == none | explained


def test_a_fault_follows_its_silent_device_and_a_silent_meter_its_missing_data() -> None:
    site = lodge()
    points = [point for point in site.points if point.meter == "heat"]
    silent = finding("DH-METER-SILENT", LookFor.METER_LINK, 3, FREE)
    at = MONDAY + 20 * DAY
    for row, kind, subject in (
        (PROGRAMME, WorkKind.DEVICE_SILENT, points[0].device),
        (silent, WorkKind.DATA_MISSING, points[0].id),
    ):
        look = fault_look(site, Detection(site="lodge", at=at, findings=(row,)), at)
        assert look.causes[0].root == cause_key(kind, "lodge", str(subject))
