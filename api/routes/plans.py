"""Plans: the one in force, one by its id, and plan now."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from api.deps import MADE_ID, Operator, PortsDep, Reader, SiteDep, found_by
from api.pages.language import PageTranslator
from api.pages.panels.plan import known_picture
from api.protocol.repeats import RepeatableRoute
from api.schemas.plans import (
    DayBesideThePlan,
    DaysBesideThePlan,
    DecisionsAnswer,
    PlanAnswer,
    PredictionRow,
    PredictionsAnswer,
    UseForecastRow,
)
from bms.errors import ConfigError, NotFound
from bms.messages import languages
from bms.model.access.grant import Permission
from bms.model.planning.prediction import Foreseen
from bms.services.overview.plan_knowledge import plan_knowledge, plan_to_draw
from bms.services.periods import local_date
from bms.services.planning.decisions.ledger import decision_ledger
from bms.services.planning.model_drift import drift_facts, drifting_zones
from bms.services.planning.plan import plan_site

router = APIRouter(tags=["plans"], route_class=RepeatableRoute)
SVG = "image/svg+xml"
SVG_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {SVG: {}}, "description": "the picture"}
}
PlanOfSite = Annotated[str | None, Query(pattern=MADE_ID, description="a plan of the site")]
Language = Annotated[str, Query(max_length=8, description="language of the picture")]
Days = Annotated[int, Query(ge=1, le=366, description="local days back")]


@router.get("/sites/{site_id}/plan")
def plan_in_force(ports: PortsDep, key: Reader, site: SiteDep) -> PlanAnswer:
    """The newest plan of a site with its reasons. Not found before the first one is made."""
    plan = ports.control.plans.plan_in_force(site.id, ports.clock.now())
    if plan is None:
        raise NotFound(f"there is no plan for {site.id} yet; the next one is made within the hour")
    return PlanAnswer.of(plan)


@router.get("/sites/{site_id}/feeds/picture", response_class=Response, responses=SVG_ANSWER)
def what_the_plan_knew(
    ports: PortsDep, key: Reader, site: SiteDep, plan: PlanOfSite = None, lang: Language = "da"
) -> Response:
    """What a plan knew of weather and prices, and what came, as SVG; without `plan` the one in
    force."""
    if lang not in languages():
        raise ConfigError(f"lang {lang!r}: there are {', '.join(languages())}")
    now = ports.clock.now()
    known = plan_knowledge(
        plan_to_draw(ports.control.plans, site.id, plan, now),
        site,
        now=now,
        readings=ports.planning.readings,
        feed=ports.planning.feed,
        tariffs=ports.planning.tariffs,
    )
    drawn = known_picture(known, PageTranslator(lang, site.timezone))
    return Response(drawn, media_type=SVG, headers={"cache-control": "private, max-age=300"})


@router.post("/sites/{site_id}/plan", status_code=201)
async def plan_now(ports: PortsDep, key: Operator, site: SiteDep, response: Response) -> PlanAnswer:
    """Plan a site now. What the plan asks for is written by the next tick."""
    plan = await plan_site(
        site,
        now=ports.clock.now(),
        ports=ports.planning,
        horizon=timedelta(hours=ports.settings.horizon_hours),
    )
    response.headers["Location"] = f"/v1/plans/{plan.id}"
    return PlanAnswer.of(plan)


@router.get("/sites/{site_id}/predictions")
def predictions(ports: PortsDep, key: Reader, site: SiteDep, days: Days = 14) -> PredictionsAnswer:
    """How far predicted room temperatures were off 1, 6 and 24 h ahead, and other load and use as
    foreseen at midnight, one and two days before; day by day. Use is for keys that may operate."""
    now = ports.clock.now()
    since = local_date(now, site.timezone) - timedelta(days=days)
    return PredictionsAnswer(
        drift=drift_facts(site, drifting_zones(site, ports.planning.plans, now)),
        predictions=[
            PredictionRow.model_validate(row)
            for row in ports.control.plans.predictions(site.id, since)
        ],
        use=[
            UseForecastRow.model_validate(row)
            for row in ports.control.plans.use_forecasts(site.id, since)
            if row.what is Foreseen.LOAD or key.may(Permission.VIEW_PERSONAL, site.id)
        ],
    )


@router.get("/sites/{site_id}/shadow-days")
def shadow_days(ports: PortsDep, key: Reader, site: SiteDep, days: Days = 30) -> DaysBesideThePlan:
    """Days beside the plan: what a site in ``observe`` or ``advise`` was advised, what was expected
    of that and of own control, what happened, and whether people did what was advised."""
    since = local_date(ports.clock.now(), site.timezone) - timedelta(days=days)
    rows = ports.control.trust.shadow_days(site.id, since)
    return DaysBesideThePlan(site=site.id, days=[DayBesideThePlan.of(row) for row in rows])


@router.get("/sites/{site_id}/decisions")
def decisions(ports: PortsDep, key: Reader, site: SiteDep) -> DecisionsAnswer:
    """What each kind of decision of the plans was to bring beside own control over the last 28
    days, and what the heat meter showed of it."""
    return DecisionsAnswer.of(decision_ledger(site, ports.clock.now(), ports.planning))


@router.get("/plans/{plan_id}")
def one_plan(
    ports: PortsDep, key: Reader, plan_id: Annotated[str, Path(pattern=MADE_ID)]
) -> PlanAnswer:
    """One plan with its reasons."""
    kept = ports.control.plans.kept_plan(plan_id)
    found_by(key, kept.schedule.site, f"there is no plan {plan_id}")
    return PlanAnswer.of(kept.whole() or ports.control.plans.plan(plan_id))  # which says why not
