"""Measures: what was done to a building for energy, and until when it acted."""

from __future__ import annotations

from datetime import datetime

from api.pages.actions.form import FormField
from api.pages.actions.holds import WHOLE
from api.pages.actions.steps import ActionOutcome, ActionPreview, Doing, NothingToDo
from api.pages.panels.points import meter_name
from bms.model.savings.measure import MeasureKind
from bms.services.assessment.measures import (
    CONTROL_ID,
    MeasureRequest,
    end_measure,
    enter_measure,
    site_measures,
)
from bms.services.off_loop import off_loop

ENTERED_KINDS = tuple(kind for kind in MeasureKind if kind is not MeasureKind.CONTROL)


class EnterMeasure:
    """What was done to the building for energy; its baseline is frozen."""

    code = "measure"

    def _kinds(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        t = doing.t
        return tuple((kind.value, t(f"measure_{kind.value}")) for kind in ENTERED_KINDS)

    def _meters(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        t = doing.t
        billed = [meter.id for meter in doing.site.meters if meter.billed]
        named = [(each, meter_name(doing.site, each, t)) for each in billed]
        return ((WHOLE, t("measure_all_meters")), *named)

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t, ask = doing.t, doing.ask
        today = t.local(doing.now).date().isoformat()
        blackout, about = t("measure_blackout"), t("measure_blackout_help")
        return (
            ask.choice("kind", t("measure_kind"), self._kinds(doing), MeasureKind.WINDOWS),
            ask.text("what", t("measure_what")),
            ask.day("start", t("measure_start"), today),
            ask.day("blackout", blackout, about=about, required=False),
            ask.choice("meter", t("meter"), self._meters(doing)),
            ask.number("cost", t("measure_cost")),
            ask.number("expected", t("measure_expected"), about=t("measure_expected_help")),
        )

    def _read(self, doing: Doing) -> MeasureRequest:
        form, t = doing.form(), doing.t
        kind = form.choice("kind", self._kinds(doing))
        what = form.text("what", least=3)
        start, blackout = form.midnight("start"), form.midnight("blackout", required=False)
        meter = form.choice("meter", self._meters(doing))
        cost = form.number("cost", required=False)
        expected = form.number("expected", required=False)
        if start is not None and blackout is not None and blackout < start:
            form.wrong("blackout", t("form_end_first"))
        if expected is not None and not 0 < expected < 100:
            form.wrong("expected", t("measure_expected_wrong"))
        form.check()
        assert start is not None
        return MeasureRequest(
            kind=MeasureKind(kind),
            what=what,
            start=start,
            author=doing.actor,
            meters=() if meter == WHOLE else (meter,),
            blackout_until=blackout,
            cost_dkk=cost,
            expected_share=None if expected is None else expected / 100.0,
        )

    def preview(self, doing: Doing) -> ActionPreview:
        t, asked = doing.t, self._read(doing)
        lines = [t("preview_measure", what=asked.what, start=t.day(asked.start, year=True))]
        if asked.blackout_until is not None:
            lines.append(t("preview_measure_from", day=t.day(asked.blackout_until, year=True)))
        lines.append(t("preview_measure_frozen"))
        return ActionPreview(lines=tuple(lines))

    async def perform(self, doing: Doing) -> ActionOutcome:
        asked = self._read(doing)
        kept = await off_loop(enter_measure, doing.cache, doing.site, asked)
        return ActionOutcome(back=f"/do/end-measure?measure={kept.measure.id}")


class EndMeasure:
    """A measure no longer acts; nothing is measured after it."""

    code = "end-measure"

    def _choices(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        """Raises ``NothingToDo`` where no measure acts."""
        t = doing.t
        rows = site_measures(doing.site, doing.ports.assessment.ledgers)
        acting = [row.measure for row in rows if row.ended is None]
        found = tuple((each.id, each.what) for each in acting if each.id != CONTROL_ID)
        if not found:
            raise NothingToDo(t("nothing_measured"))
        return found

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t, today = doing.t, doing.t.local(doing.now).date().isoformat()
        return (
            doing.ask.choice("measure", t("form_which"), self._choices(doing)),
            doing.ask.day("end", t("measure_end"), today),
            doing.ask_reason(),
        )

    def _read(self, doing: Doing) -> tuple[str, datetime, str]:
        """The measure, its end and why. Raises ``WrongFields``."""
        form = doing.form()
        chosen, end = form.choice("measure", self._choices(doing)), form.midnight("end")
        reason = form.reason()
        form.check()
        assert end is not None
        return chosen, end, reason

    def preview(self, doing: Doing) -> ActionPreview:
        t, (chosen, end, _) = doing.t, self._read(doing)
        what, day = dict(self._choices(doing))[chosen], t.day(end, year=True)
        return ActionPreview(lines=(t("preview_end_measure", what=what, day=day),))

    async def perform(self, doing: Doing) -> ActionOutcome:
        await off_loop(self._end, doing)
        return ActionOutcome()

    def _end(self, doing: Doing) -> None:
        chosen, end, reason = self._read(doing)
        who = doing.actor
        end_measure(doing.cache, doing.site, chosen, end=end, author=who, reason=reason)
