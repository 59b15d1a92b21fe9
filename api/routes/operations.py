"""For those who keep the backend running: alive, ready, counters."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse

from api.deps import CityDep
from api.metrics import device_lines, prediction_lines, spool_lines, spool_sentence, spool_state
from api.page_access import PageReader
from api.schemas.operations import Health, Ready
from bms.errors import StoreUnavailable
from bms.services.city import City

router = APIRouter(tags=["operations"])
TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz")
async def healthz() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz")
def readyz(city: CityDep) -> Ready:
    """The database answers, too. What waits for it on disk is counted either way."""
    state = spool_state(city)
    try:
        city.store.keys()
    except StoreUnavailable as error:
        raise StoreUnavailable(". ".join(filter(None, (str(error), spool_sentence(state))))) from (
            error
        )
    return Ready(
        sites=len(city.sites),
        time=city.clock.now(),
        waiting=sum(state.waiting.values()),
        lost=sum(state.lost.values()),
    )


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request, city: CityDep, key: PageReader) -> PlainTextResponse:
    """Counters and ages in the text format of Prometheus. A key, unless the pages are open.

    While the database is away (``bms_database_up`` 0) what it knows is left out. A key cannot be
    looked up then: the answer is 503, and ``/readyz`` says how much waits.
    """
    answers: Counter[tuple[str, int]] = request.app.state.answers
    lines = [
        *_database_lines(city),
        *spool_lines(spool_state(city)),
        *device_lines(city),
        *_answer_lines(answers),
    ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type=TEXT_FORMAT)


def _database_lines(city: City) -> list[str]:
    """Whether the database answers, and what it knows."""
    try:
        sites = [*_site_lines(city), *prediction_lines(city)]
    except StoreUnavailable:
        return ["# TYPE bms_database_up gauge", "bms_database_up 0"]
    return ["# TYPE bms_database_up gauge", "bms_database_up 1", *sites]


def _site_lines(city: City) -> list[str]:
    now = city.clock.now()
    held = Counter(lease.point.site for lease in city.journal.leases().values())
    families: dict[str, list[str]] = {
        "bms_points": [],
        "bms_leases_open": [],
        "bms_overrides": [],
        "bms_reading_age_seconds": [],
        "bms_plan_age_seconds": [],
    }
    for site in city.sites.values():
        label = f'{{site="{site.id}"}}'
        latest = city.store.latest([point.id for point in site.polled]).values()
        plan = city.store.plan_in_force(site.id)
        families["bms_points"].append(f"bms_points{label} {len(site.points)}")
        families["bms_leases_open"].append(f"bms_leases_open{label} {held[site.id]}")
        overrides = len(city.store.overrides(site.id, now))
        families["bms_overrides"].append(f"bms_overrides{label} {overrides}")
        if latest:
            age = (now - max(reading.time for reading in latest)).total_seconds()
            families["bms_reading_age_seconds"].append(f"bms_reading_age_seconds{label} {age:.0f}")
        if plan is not None:
            age = (now - plan.created_at).total_seconds()
            families["bms_plan_age_seconds"].append(f"bms_plan_age_seconds{label} {age:.0f}")
    return [
        line
        for name, samples in families.items()
        if samples
        for line in (f"# TYPE {name} gauge", *samples)
    ]


def _answer_lines(answers: Counter[tuple[str, int]]) -> list[str]:
    samples = [
        f'bms_http_answers_total{{method="{method}",status="{status}"}} {count}'
        for (method, status), count in sorted(answers.items())
    ]
    return ["# TYPE bms_http_answers_total counter", *samples]
