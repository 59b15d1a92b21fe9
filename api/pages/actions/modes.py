"""How far a building is trusted to us, with the gate before ``auto``."""

from __future__ import annotations

from api.pages.actions.form import FormField
from api.pages.actions.steps import ActionOutcome, ActionPreview, Doing
from api.pages.panels.standing import name_of
from bms.model.assets.site import Mode
from bms.services import operator as people
from bms.services.modes.gate import above_allowed, ask_for_auto, standing_step
from bms.services.site_lookup import mode_in_force


class SetMode:
    """Another mode; ``auto`` only where the gate is met, approved by whoever asks."""

    code = "mode"

    def _choices(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        t = doing.t
        return tuple((mode.value, t(f"mode_{mode.value}")) for mode in Mode)

    def _stepped_back(self, doing: Doing) -> bool:
        return standing_step(doing.site.id, doing.ports.control.trust) is not None

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t = doing.t
        mode = mode_in_force(doing.site, doing.ports.control.decisions)
        now = t("form_mode_now", mode=t(f"mode_{mode.value}"))
        agree = doing.ask.check("agree", t("form_agree"))
        return (
            doing.ask.choice("mode", t("control"), self._choices(doing), mode.value, now),
            *([agree] if self._stepped_back(doing) else []),
            doing.ask_reason(),
        )

    def _read(self, doing: Doing) -> tuple[Mode, str, bool]:
        form, t = doing.form(), doing.t
        chosen = form.choice("mode", self._choices(doing))
        reason, agree = form.reason(), form.checked("agree")
        form.check()
        mode = Mode(chosen)
        if mode is mode_in_force(doing.site, doing.ports.control.decisions):
            form.wrong("mode", t("form_mode_same"))
        form.check()
        for gap in self._gaps(doing, mode, agree=agree):
            form.wrong("mode", gap)
        form.check()
        return mode, reason, agree

    def _gaps(self, doing: Doing, mode: Mode, *, agree: bool) -> list[str]:
        """Why the site may not be put to the mode, in one sentence each."""
        control, t = doing.ports.control, doing.t
        if mode is not Mode.AUTO:
            above = above_allowed(doing.site, mode)
            return [] if above is None else [t.describe(above)]
        gate = ask_for_auto(doing.site, people.gate_ports(control), doing.now, agree=agree)
        return [" ".join(t.describe(gap) for gap in gate.gaps)] if gate.gaps else []

    def preview(self, doing: Doing) -> ActionPreview:
        t = doing.t
        mode, _, _ = self._read(doing)
        if mode is Mode.AUTO:
            lines = (t("preview_auto", name=doing.actor), t("preview_auto_leases"))
        else:
            lines = (t("preview_below_auto"), t(f"mode_{mode.value}_long"))
        warnings = self._uncommissioned(doing) if mode is Mode.AUTO else ()
        return ActionPreview(
            lines=lines,
            warnings=warnings,
            word=name_of(doing.site, t) if mode is Mode.AUTO else None,
        )

    def _uncommissioned(self, doing: Doing) -> tuple[str, ...]:
        ports = people.gate_ports(doing.ports.control)
        gate = ask_for_auto(doing.site, ports, doing.now, agree=True)
        return tuple(doing.t.describe(each) for each in gate.uncommissioned)

    async def perform(self, doing: Doing) -> ActionOutcome:
        mode, reason, agree = self._read(doing)
        done = await people.change_mode(
            doing.site,
            mode,
            now=doing.now,
            ports=doing.ports.control,
            reason=reason,
            actor=doing.actor,
            agree=agree,
        )
        return ActionOutcome(back="/do/mode", waits=not done.recorded)
