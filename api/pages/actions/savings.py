"""What people decide about savings: events, baselines and measures."""

from __future__ import annotations

from api.pages.actions.form import FieldKind, FormField
from api.pages.actions.holds import reason_field
from api.pages.actions.steps import ActionOutcome, ActionPreview, Doing
from api.pages.panels.points import meter_name
from bms.errors import NotFound
from bms.model.savings.event import Decision
from bms.model.savings.measure import MeasureKind
from bms.services.assessment.frozen_baselines import accept_changed
from bms.services.assessment.measures import (
    CONTROL_ID,
    MeasureRequest,
    end_measure,
    enter_measure,
    site_measures,
)
from bms.services.assessment.non_routine_events import AdjustmentQuantity, Ledger, OpenEvent
from bms.services.off_loop import off_loop

ENTERED_KINDS = tuple(kind for kind in MeasureKind if kind is not MeasureKind.CONTROL)


class DecideEvent:
    """Adjust for an open event, or leave it alone."""

    code = "event"

    def _ledger(self, doing: Doing) -> Ledger:
        return Ledger(
            site=doing.site,
            ledgers=doing.ports.assessment.ledgers,
            savings=doing.cache.site(doing.site).savings,
            author=doing.actor,
            now=doing.now,
        )

    def _open(self, doing: Doing) -> tuple[OpenEvent, ...]:
        """Raises ``NotFound`` where nothing waits."""
        found = self._ledger(doing).open()
        if not found:
            raise NotFound(f"no event is open at {doing.site.id}")
        return found

    def _events(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        return tuple((row.id, doing.t.describe(row.finding.fact)) for row in self._open(doing))

    def _decisions(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        t = doing.t
        return tuple((each.value, t(f"decide_{each.value}")) for each in Decision)

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t, given, events = doing.t, doing.given, self._events(doing)
        return (
            FormField(
                name="event",
                label=t("form_event"),
                kind=FieldKind.CHOICE,
                choices=events,
                value=given.get("event", events[0][0]),
            ),
            FormField(
                name="decision",
                label=t("events_decision"),
                kind=FieldKind.CHOICE,
                choices=self._decisions(doing),
                value=given.get("decision", Decision.CONFIRMED.value),
            ),
            FormField(
                name="kwh",
                label=t("form_event_kwh"),
                kind=FieldKind.NUMBER,
                required=False,
                value=given.get("kwh", ""),
                help=t("form_event_help"),
            ),
            FormField(
                name="kwh_se",
                label=t("form_event_se"),
                kind=FieldKind.NUMBER,
                required=False,
                value=given.get("kwh_se", ""),
            ),
            reason_field(doing),
        )

    def _read(self, doing: Doing) -> tuple[OpenEvent, Decision, AdjustmentQuantity | None, str]:
        form, t = doing.form(), doing.t
        chosen = form.choice("event", self._events(doing))
        decision = form.choice("decision", self._decisions(doing))
        kwh = form.number("kwh", required=False, least=-1e12)
        se = form.number("kwh_se", required=False)
        reason = form.reason()
        form.check()
        event = next(row for row in self._open(doing) if row.id == chosen)
        confirmed = decision == Decision.CONFIRMED.value
        if confirmed and (kwh is None) != (se is None):
            form.wrong("kwh_se", t("form_event_both"))
        if confirmed and kwh is None and event.finding.proposal is None:
            form.wrong("kwh", t("form_event_none"))
        form.check()
        quantity = None if kwh is None or se is None else AdjustmentQuantity(kwh=kwh, kwh_se=se)
        return event, Decision(decision), quantity, reason

    def preview(self, doing: Doing) -> ActionPreview:
        t = doing.t
        event, decision, quantity, _ = self._read(doing)
        said = t.describe(event.finding.fact)
        if decision is Decision.DISMISSED:
            return ActionPreview(lines=(said, t("preview_dismiss"), t("preview_for_good")))
        proposal = event.finding.proposal
        if quantity is None and proposal is not None:
            quantity = AdjustmentQuantity(kwh=proposal.kwh, kwh_se=proposal.kwh_se)
        assert quantity is not None
        adjusted = t("preview_confirm", kwh=quantity.kwh, se=quantity.kwh_se)
        return ActionPreview(lines=(said, adjusted, t("preview_for_good")))

    async def perform(self, doing: Doing) -> ActionOutcome:
        await off_loop(self._decide, doing)
        return ActionOutcome()

    def _decide(self, doing: Doing) -> None:
        event, decision, quantity, reason = self._read(doing)
        ledger = self._ledger(doing)
        if decision is Decision.DISMISSED:
            ledger.dismiss(event.id, reason=reason)
        else:
            ledger.confirm(event.id, reason=reason, quantity=quantity)


class AcceptBaseline:
    """The expectation of the savings as the data make it now, in place of the frozen one."""

    code = "baseline"

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        return (reason_field(doing),)

    def preview(self, doing: Doing) -> ActionPreview:
        t, form = doing.t, doing.form()
        form.reason()
        form.check()
        savings = doing.cache.site(doing.site).savings
        meters = [meter_name(doing.site, m.meter_id.partition("/")[2], t) for m in savings.meters]
        return ActionPreview(
            lines=(t("preview_baseline", meters=", ".join(meters)), t("preview_for_good"))
        )

    async def perform(self, doing: Doing) -> ActionOutcome:
        return await off_loop(self._accept, doing)

    def _accept(self, doing: Doing) -> ActionOutcome:
        form = doing.form()
        reason = form.reason()
        form.check()
        made = accept_changed(
            doing.ports.assessment.ledgers,
            doing.cache.site(doing.site).savings,
            author=doing.actor,
            reason=reason,
            now=doing.now,
        )
        return ActionOutcome(count=len(made))


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
        return (("", t("measure_all_meters")), *named)

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t, given = doing.t, doing.given
        today = t.local(doing.now).date().isoformat()
        return (
            FormField(
                name="kind",
                label=t("measure_kind"),
                kind=FieldKind.CHOICE,
                choices=self._kinds(doing),
                value=given.get("kind", MeasureKind.WINDOWS.value),
            ),
            FormField(name="what", label=t("measure_what"), value=given.get("what", "")),
            FormField(
                name="start",
                label=t("measure_start"),
                kind=FieldKind.DAY,
                value=given.get("start", today),
            ),
            FormField(
                name="blackout",
                label=t("measure_blackout"),
                kind=FieldKind.DAY,
                required=False,
                value=given.get("blackout", ""),
                help=t("measure_blackout_help"),
            ),
            FormField(
                name="meter",
                label=t("meter"),
                kind=FieldKind.CHOICE,
                choices=self._meters(doing),
                value=given.get("meter", ""),
            ),
            FormField(
                name="cost",
                label=t("measure_cost"),
                kind=FieldKind.NUMBER,
                required=False,
                value=given.get("cost", ""),
            ),
            FormField(
                name="expected",
                label=t("measure_expected"),
                kind=FieldKind.NUMBER,
                required=False,
                value=given.get("expected", ""),
                help=t("measure_expected_help"),
            ),
        )

    def _read(self, doing: Doing) -> MeasureRequest:
        form, t = doing.form(), doing.t
        kind = form.choice("kind", self._kinds(doing))
        what = form.text("what", least=3)
        start, blackout = form.midnight("start"), form.midnight("blackout", required=False)
        meter = form.choice("meter", self._meters(doing))
        cost, expected = (
            form.number("cost", required=False),
            form.number("expected", required=False),
        )
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
            meters=(meter,) if meter else (),
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
        """Raises ``NotFound`` where no measure acts."""
        rows = site_measures(doing.site, doing.ports.assessment.ledgers)
        acting = [row.measure for row in rows if row.ended is None]
        found = tuple((each.id, each.what) for each in acting if each.id != CONTROL_ID)
        if not found:
            raise NotFound(f"no measure acts at {doing.site.id}")
        return found

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t, given, choices = doing.t, doing.given, self._choices(doing)
        return (
            FormField(
                name="measure",
                label=t("form_which"),
                kind=FieldKind.CHOICE,
                choices=choices,
                value=given.get("measure", choices[0][0]),
            ),
            FormField(
                name="end",
                label=t("measure_end"),
                kind=FieldKind.DAY,
                value=given.get("end", t.local(doing.now).date().isoformat()),
            ),
            reason_field(doing),
        )

    def preview(self, doing: Doing) -> ActionPreview:
        t, form, choices = doing.t, doing.form(), self._choices(doing)
        chosen, end = form.choice("measure", choices), form.midnight("end")
        form.reason()
        form.check()
        assert end is not None
        what, day = dict(choices)[chosen], t.day(end, year=True)
        return ActionPreview(lines=(t("preview_end_measure", what=what, day=day),))

    async def perform(self, doing: Doing) -> ActionOutcome:
        await off_loop(self._end, doing)
        return ActionOutcome()

    def _end(self, doing: Doing) -> None:
        form = doing.form()
        chosen, end = form.choice("measure", self._choices(doing)), form.midnight("end")
        reason = form.reason()
        form.check()
        assert end is not None
        who = doing.actor
        end_measure(doing.cache, doing.site, chosen, end=end, author=who, reason=reason)
