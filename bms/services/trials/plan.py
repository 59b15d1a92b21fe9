"""How long a switchback trial of a site has to run, and what one of a given length shows."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, timedelta

from bms.errors import ConfigError, InsufficientData
from bms.model.assets.site import Site
from bms.model.fact import Fact
from bms.model.savings.trial_result import DetectableEffect, Subject
from bms.savings.trials.carry_over import design_for
from bms.savings.trials.daily_values import DailyRecord, learn_expectation
from bms.savings.trials.outcome import duration_fact, least_effect_fact, unlisted_facts
from bms.savings.trials.power import WEEKS, BlockDesign, detectable_effects, weeks_for
from bms.savings.trials.unlisted_closures import unlisted_closures
from bms.services.periods import local_date
from bms.services.trials.daily_records import COMMODITIES, PAST_DAYS, records
from bms.services.trials.design import confidence_of, time_constant, trial_number, usual_primary
from bms.services.trials.ports import TrialPorts
from bms.services.trials.proof import lost_of_building
from bms.services.trials.same_building import trials_of_building

DAY = timedelta(days=1)
AIM = 0.08
"""Effect that a trial is planned to see, a share of the use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """How long trials would have to run to see an effect of ``aim``, by the site's past."""

    site: str
    block_days: int
    washout_days: int
    aim: float
    rows: tuple[DetectableEffect, ...]
    needs: tuple[Fact, ...]


def plan_trial(
    ports: TrialPorts, site: Site, *, design: BlockDesign | None = None, aim: float = AIM
) -> TrialPlan:
    """The least effects that trials of 3 to 26 weeks would show at this site.

    Raises ``ConfigError`` for blocks of wash-out alone, ``FeedError`` without weather,
    ``InsufficientData`` without any meter or room.
    """
    design = design or design_for(time_constant(ports, site))
    refusal = design.refusal
    if refusal is not None:
        raise ConfigError(refusal)
    found = _past(ports, site)
    if not found:
        raise InsufficientData(f"{site.id} has no billed meter and no room temperature to watch")
    confidence = _next_confidence(ports, site)
    tables = {
        subject: detectable_effects(record, design, len(record), confidence=confidence)
        for subject, record in found.items()
    }
    return TrialPlan(
        site=site.id,
        block_days=design.block_days,
        washout_days=design.washout_days,
        aim=aim,
        rows=tuple(row for table in tables.values() for row in table),
        needs=tuple(
            duration_fact(subject, aim, weeks_for(table, aim), max(WEEKS))
            if any(row.share is not None for row in table)
            else least_effect_fact(table[-1])
            for subject, table in tables.items()
            if subject is not Subject.COMFORT
        )
        + unlisted_facts(_unlisted(found)),
    )


def _unlisted(found: Mapping[Subject, DailyRecord]) -> list[date]:
    """Days of the past that were closed by the use of energy, and are listed nowhere."""
    days = {
        day
        for subject, record in found.items()
        if subject in COMMODITIES
        for day in unlisted_closures(record, learn_expectation(record, len(record)), 0, len(record))
    }
    return sorted(days)


def expected_of(ports: TrialPorts, site: Site, weeks: int) -> tuple[Fact, ...]:
    """The least effect on the usual primary outcome that a trial of ``weeks`` weeks would show, and
    closed days of the past that are listed nowhere: one outcome and one length, as somebody waits.

    Raises ``FeedError`` without weather, ``InsufficientData`` with too short a past.
    """
    primary = usual_primary(site)
    found = _past(ports, site, frozenset({primary}))
    if primary not in found:
        raise InsufficientData(f"{site.id} has no days of {primary.value} yet")
    (row,) = detectable_effects(
        found[primary],
        design_for(time_constant(ports, site)),
        len(found[primary]),
        (weeks,),
        confidence=_next_confidence(ports, site),
    )
    return least_effect_fact(row), *unlisted_facts(_unlisted(found))


def _past(
    ports: TrialPorts, site: Site, only: Set[Subject] = frozenset(Subject)
) -> dict[Subject, DailyRecord]:
    """The days until today."""
    today = local_date(ports.clock.now(), site.timezone)
    first = today - PAST_DAYS * DAY
    return records(site, ports.readings, ports.feed, first, today, only=only)


def _next_confidence(ports: TrialPorts, site: Site) -> float:
    kept = trials_of_building(ports.trials, site)
    lost = lost_of_building(ports, kept, site)
    return confidence_of(trial_number(kept, lost=len(lost)))
