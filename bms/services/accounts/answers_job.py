"""The job that keeps the answers about sites and the city up to date.

An answer is made anew only where its data, the ledger, the tariffs, the site file or the code have
changed, or a day has ended. Before it is computed, those who read the one that stands are told that
something newer is under way.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bms.model.assets.site import Site
from bms.model.savings.kept_answer import AnswerKind
from bms.services.accounts.city_year import consumption_question
from bms.services.accounts.meter_states import states_question
from bms.services.answers.kept import Question
from bms.services.answers.readings_memory import RememberedReadings
from bms.services.assessment.cooling_fees import cooling_question
from bms.services.assessment.measures import measure_savings
from bms.services.assessment.ports import AssessmentPorts
from bms.services.assessment.ranking import figures_question
from bms.services.assessment.savings_cache import SavingsCache, versions_of
from bms.services.cooling import settled_by_cooling
from bms.services.overview.signature import signature_question

KEPT_FOR = timedelta(days=40)
"""How long an answer stays that nobody has made anew."""


def standing_questions(cache: SavingsCache, site: Site) -> list[Question[Any]]:
    """The questions about a site whose answers are kept up to date."""
    found: list[Question[Any]] = [
        cache.savings_question(site),
        cache.days_question(site),
        figures_question(cache, site),
        consumption_question(cache, site),
        states_question(cache, site),
        signature_question(cache, site),
    ]
    return [*found, cooling_question(cache, site)] if settled_by_cooling(site) else found


class AnswersJob:
    """Keeps the answers about the sites of ``ports`` up to date. Thread-safe."""

    def __init__(self, ports: AssessmentPorts) -> None:
        self._ports = ports
        self._versions = versions_of(ports)

    def keep(self, site: Site, now: datetime) -> int:
        """Make the answers about a site anew that have changed. Returns how many they were [1]."""
        readings = RememberedReadings(self._ports.readings)
        ports = replace(self._ports, readings=readings)
        cache = SavingsCache(ports, size=0, versions=self._versions)
        with self._versions.looking(site.id):
            stale = cache.answers.stale(standing_questions(cache, site))
            which = [(question.kind, question.text) for question, _ in stale]
            ports.answers.mark_outdated(site.id, which, now)
            for _, make in stale:
                make()
        if AnswerKind.SAVINGS in {kind for kind, _ in which}:
            measure_savings(cache, site)
        return len(stale)

    def keep_city(self) -> None:
        """Keep the sums of the savings of all sites, and of those of each use."""
        cache = SavingsCache(self._ports, reader=True, versions=self._versions)
        rows = [row for row in cache.sites() if row.made_at is not None]
        cache.keep_sum(rows)
        uses = {site.id: site.use for site in self._ports.sites.values()}
        for use in sorted(set(uses.values())):
            cache.keep_sum([r for r in rows if uses.get(r.savings.id) == use], f"use {use}")

    def forget(self, now: datetime) -> int:
        """Delete the answers to what somebody asked once. Returns how many they were [1]."""
        return self._ports.answers.forget_answers(now - KEPT_FOR)
