"""The switchback trials of a building: sealed design, compliance, result, and who ended them."""

from __future__ import annotations

from dataclasses import dataclass

from api.pages.language import PageTranslator
from bms.model.assets.site import Site
from bms.model.savings.trial_result import TrialState
from bms.savings.trials.outcome import subject_term
from bms.services.trials.ports import TrialPorts
from bms.services.trials.report import TrialReport, site_trials

SHOWN_DIGITS = 12
"""Digits of a digest that are shown; the API has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """A trial in words."""

    id: str
    state: TrialState
    state_word: str
    title: str
    lines: tuple[str, ...]
    facts: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether somebody may stop it."""
        return self.state in (TrialState.COMING, TrialState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialsView:
    """Every trial of a site, the newest first, and what has to be known beside them."""

    rows: tuple[TrialRow, ...]
    notes: tuple[str, ...]


def trials_view(ports: TrialPorts, site: Site, t: PageTranslator) -> TrialsView:
    found = site_trials(ports, site)
    return TrialsView(
        rows=tuple(_row(report, t) for report in reversed(found.reports)),
        notes=tuple(t.describe(each) for each in found.notes),
    )


def _row(report: TrialReport, t: PageTranslator) -> TrialRow:
    trial, result = report.trial, report.result
    return TrialRow(
        id=trial.id,
        state=result.state,
        state_word=t(f"trial_state_{result.state.value}"),
        title=t(
            "trial_row",
            trial=trial.id,
            start=t.moment(trial.start, year=True),
            end=t.moment(trial.end, year=True),
            done=result.days_done,
            days=result.days,
        ),
        lines=tuple(_lines(report, t)),
        facts=tuple(t.describe(each) for each in (*result.reasons, *report.changes)),
    )


def _lines(report: TrialReport, t: PageTranslator) -> list[str]:
    trial, design, ended = report.trial, report.trial.sealed, report.ended
    lines = [
        t("trial_started_by", by=trial.by, reason=trial.reason),
        t(
            "trial_sealed_design",
            primary=subject_term(design.primary),
            confidence=design.confidence,
            block=trial.block_days,
            washout=trial.washout_days,
            meters=", ".join(meter.id for meter in design.meters),
            levers=len(design.levers),
            margin=design.comfort_margin_kh,
            version=design.version,
            digest=report.digest[:SHOWN_DIGITS],
        ),
    ]
    if ended is not None:
        at = t.moment(ended.at, year=True)
        lines.append(t("trial_ended_by", by=ended.by, reason=ended.reason, at=at))
    if report.sealed_at is not None and report.result_digest is not None:
        at, digest = t.moment(report.sealed_at, year=True), report.result_digest[:SHOWN_DIGITS]
        lines.append(t("trial_sealed_at", at=at, digest=digest))
    if report.compared_at is not None:
        lines.append(t("trial_compared_at", at=t.moment(report.compared_at, year=True)))
    return lines
