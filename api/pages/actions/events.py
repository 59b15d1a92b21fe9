"""What people decide about savings: open events, and baselines that the data have changed."""

from __future__ import annotations

from api.pages.actions.form import FormField
from api.pages.actions.steps import ActionOutcome, ActionPreview, Doing, NothingToDo
from api.pages.panels.points import meter_name
from bms.model.savings.event import Decision
from bms.services.assessment.frozen_baselines import accept_changed
from bms.services.assessment.non_routine_events import AdjustmentQuantity, Ledger, OpenEvent
from bms.services.off_loop import off_loop


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
        """Raises ``NothingToDo`` where nothing waits."""
        t = doing.t
        found = self._ledger(doing).open()
        if not found:
            raise NothingToDo(t("nothing_open"))
        return found

    def _events(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        return tuple((row.id, doing.t.describe(row.finding.fact)) for row in self._open(doing))

    def _decisions(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        t = doing.t
        return tuple((each.value, t(f"decide_{each.value}")) for each in Decision)

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t, ask = doing.t, doing.ask
        return (
            ask.choice("event", t("form_event"), self._events(doing)),
            ask.choice("decision", t("events_decision"), self._decisions(doing)),
            ask.number("kwh", t("form_event_kwh"), about=t("form_event_help")),
            ask.number("kwh_se", t("form_event_se")),
            doing.ask_reason(),
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
        return (doing.ask_reason(),)

    def preview(self, doing: Doing) -> ActionPreview:
        t = doing.t
        doing.reason()
        savings = doing.cache.site(doing.site).savings
        meters = [meter_name(doing.site, m.meter_id.partition("/")[2], t) for m in savings.meters]
        return ActionPreview(
            lines=(t("preview_baseline", meters=", ".join(meters)), t("preview_for_good"))
        )

    async def perform(self, doing: Doing) -> ActionOutcome:
        return await off_loop(self._accept, doing)

    def _accept(self, doing: Doing) -> ActionOutcome:
        made = accept_changed(
            doing.ports.assessment.ledgers,
            doing.cache.site(doing.site).savings,
            author=doing.actor,
            reason=doing.reason(),
            now=doing.now,
        )
        return ActionOutcome(count=len(made))
