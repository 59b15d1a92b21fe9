"""Starting and stopping a switchback trial."""

from __future__ import annotations

from api.pages.actions.form import FormField
from api.pages.actions.steps import ActionOutcome, ActionPreview, Doing, NothingToDo
from api.pages.panels.standing import name_of
from bms.errors import InsufficientData
from bms.model.savings.trial import Trial
from bms.services.off_loop import off_loop
from bms.services.trials.plan import expected_of
from bms.services.trials.start import LONGEST_WEEKS, TrialRequest, start_trial, stop_trial

WEEKS = (3, 4, 6, 8, 10, 12, 16, 20, LONGEST_WEEKS)
USUAL_WEEKS = 8


class StartTrial:
    """The building alternates by lot between our control and its own."""

    code = "trial"

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t = doing.t
        weeks = tuple((str(n), t("trial_weeks", count=n)) for n in WEEKS)
        return (
            doing.ask.choice("weeks", t("trial_how_long"), weeks, str(USUAL_WEEKS)),
            doing.ask_reason(),
        )

    def _read(self, doing: Doing) -> TrialRequest:
        form = doing.form()
        weeks = form.choice("weeks", [(str(n), "") for n in WEEKS])
        reason = form.reason()
        form.check()
        return TrialRequest(weeks=int(weeks), by=doing.actor, reason=reason)

    def preview(self, doing: Doing) -> ActionPreview:
        t, asked = doing.t, self._read(doing)
        lines = [t("preview_trial", count=asked.weeks), t("preview_trial_sealed")]
        try:
            expected = expected_of(doing.ports.trials, doing.site, asked.weeks)
            lines += [t.describe(each) for each in expected]
        except InsufficientData:
            lines.append(t("preview_trial_thin"))
        return ActionPreview(lines=tuple(lines), word=name_of(doing.site, t))

    async def perform(self, doing: Doing) -> ActionOutcome:
        asked = self._read(doing)
        await off_loop(start_trial, doing.ports.trials, doing.site, asked)
        return ActionOutcome(back="/do/stop-trial")


class StopTrial:
    """The open trial ends; the plan acts again from the next tick."""

    code = "stop-trial"

    def _open(self, doing: Doing) -> Trial:
        """Raises ``NothingToDo`` where no trial is open."""
        t = doing.t
        kept = doing.ports.trials.trials.trials(doing.site.id)
        found = next((each.trial for each in kept if each.open(doing.now)), None)
        if found is None:
            raise NothingToDo(t("nothing_tried"))
        return found

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        self._open(doing)
        return (doing.ask_reason(),)

    def preview(self, doing: Doing) -> ActionPreview:
        t, trial = doing.t, self._open(doing)
        doing.reason()
        return ActionPreview(
            lines=(t("preview_stop_trial", trial=trial.id, end=t.moment(trial.end, year=True)),),
            warnings=(t("preview_stop_trial_lost"),),
            word=name_of(doing.site, t),
        )

    async def perform(self, doing: Doing) -> ActionOutcome:
        reason = doing.reason()
        await off_loop(stop_trial, doing.ports.trials, doing.site, by=doing.actor, reason=reason)
        return ActionOutcome(back="/do/trial")
