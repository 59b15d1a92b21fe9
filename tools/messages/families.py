"""What fills the gaps of codes, and which codes belong to facts and terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib import import_module
from pkgutil import walk_packages
from typing import get_args

from api.pages.actions import measures
from api.pages.actions.routes import ACTIONS
from api.pages.building.head import Tab
from api.pages.panels import points, receipts
from bms.cli.energy import ingest
from bms.cli.site import plans
from bms.cli.system.status import OwnedState
from bms.metering.quality import MeterState
from bms.model.access.people import SignInWay
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.point import Privacy
from bms.model.assets.site import Mode
from bms.model.control.booking import BookingKind
from bms.model.control.command import Receipt
from bms.model.fact import MessageCode, TermCode
from bms.model.planning.plan import DecisionKind, PlanStatus
from bms.model.planning.prediction import Foreseen
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Commodity
from bms.model.reporting.columns import COLUMNS
from bms.model.reporting.request import ReportFormat, ReportKind
from bms.model.reporting.words import Chart, Sheet
from bms.model.savings.event import Decision
from bms.model.savings.measure import MeasureKind
from bms.model.savings.objection import Verdict
from bms.model.savings.trial_result import Arm, TrialState
from bms.model.work.item import Closing, WorkAct, WorkKind, WorkState
from bms.model.work.notice import Occasion
from bms.savings.portfolio.ranking import Group

ROOTS = ("bms", "drivers", "optimizer", "sites", "api")

DONE_WITH_WORK = (*(act for act in WorkAct if act is not WorkAct.CLOSE), *Closing)
FAMILIES: Mapping[tuple[str, str], Iterable[str]] = {
    ("page", "verdict_{}"): Verdict,
    ("page", "sign_in_way_{}"): SignInWay,
    ("page", "verdict_{}_long"): Verdict,
    ("cli", "privacy_{}"): Privacy,
    ("cli", "foreseen_{}"): Foreseen,
    ("page", "mode_{}"): Mode,
    ("page", "mode_{}_long"): Mode,
    ("page", "plan_{}"): (*PlanStatus, "none", "objected"),
    ("page", "plan_{}_long"): PlanStatus,
    ("page", "meter_{}"): Commodity,
    ("page", "heat_{}"): HeatSourceKind,
    ("page", "role_{}"): points.ROLES_IN_WORDS,
    ("page", "tab_{}"): Tab,
    ("page", "do_{}"): ACTIONS,
    ("page", "do_{}_help"): ACTIONS,
    ("page", "did_{}"): ACTIONS,
    ("page", "booking_{}"): BookingKind,
    ("page", "decide_{}"): Decision,
    ("page", "measure_{}"): measures.ENTERED_KINDS,
    ("page", "outcome_{}"): receipts.KINDS.values(),
    ("page", "event_{}"): Decision,
    ("page", "ranking_{}"): Group,
    ("report", "verdict_{}"): Verdict,
    ("report", "column_{}"): COLUMNS,
    ("page", "report_{}"): ReportKind,
    ("page", "report_as_{}"): ReportFormat,
    ("report", "sheet_{}"): Sheet,
    ("report", "title_{}"): ReportKind,
    ("report", "chart_{}"): Chart,
    ("cli", "owned_state_{}"): OwnedState,
    ("cli", "verdict_{}"): Verdict,
    ("cli", "quality_{}"): Quality,
    ("cli", "outcome_{}"): [kind.__name__.lower() for kind in get_args(Receipt)],
    ("cli", "lever_{}"): plans.LEVERS,
    ("cli", "plan_{}"): PlanStatus,
    ("cli", "decision_{}"): (*DecisionKind, "days", "predicted", "came", "share"),
    ("page", "decision_{}"): DecisionKind,
    ("cli", "arm_{}"): Arm,
    ("cli", "trial_state_{}"): TrialState,
    ("page", "trial_state_{}"): TrialState,
    ("cli", "event_{}"): Decision,
    ("cli", "peers_{}"): Group,
    ("cli", "flaw_{}"): ingest.FLAWS,
    ("cli", "meter_{}"): MeterState,
    ("cli", "booking_{}"): BookingKind,
    ("cli", "measure_{}"): MeasureKind,
    ("cli", "notify_{}"): Occasion,
    ("page", "work_kind_{}"): WorkKind,
    ("page", "work_state_{}"): WorkState,
    ("page", "work_act_{}"): DONE_WITH_WORK,
    ("page", "work_missing_{}"): ("to", "until", "closing", "reason"),
    ("cli", "work_kind_{}"): WorkKind,
    ("cli", "work_state_{}"): WorkState,
    ("cli", "work_act_{}"): DONE_WITH_WORK,
}
"""By context and code with a gap."""


def members(base: type[MessageCode] | type[TermCode]) -> list[str]:
    """Returns the values of every enumeration below ``base``, wherever it stands in the house."""
    _import_everything()
    found: list[str] = []
    waiting: list[type[StrEnum]] = [base]
    while waiting:
        families = waiting.pop().__subclasses__()
        waiting.extend(families)
        found.extend(member.value for family in families for member in family)
    return found


def _import_everything() -> None:
    for root in ROOTS:
        package = import_module(root)
        for module in walk_packages(package.__path__, f"{root}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                import_module(module.name)
