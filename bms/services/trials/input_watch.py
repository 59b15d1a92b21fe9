"""What the site file said while a trial ran, where it was not what was sealed.

A meter that is read in another way on some days, and as before when the trial ends, would leave no
trace in a comparison at its end. So each such day is noted in the audit, which the evidence proves.
"""

from __future__ import annotations

from datetime import date, timedelta

from bms.model.assets.site import Site
from bms.model.control.audit import Action, AuditSearch
from bms.model.savings.trial import Trial
from bms.services.periods import local_date, midnight
from bms.services.trials.design import DesignChange, changed_inputs
from bms.services.trials.ports import TrialPorts

WATCH_EVERY = timedelta(minutes=15)
"""Less than the step of the hours that are analysed."""
WATCHER = "bms"


def watch_inputs(ports: TrialPorts, site: Site) -> None:
    """Note once a day in which ways a site differs from the sealed design of the trial that runs;
    another version of the analysis is no change of the site."""
    now = ports.clock.now()
    for known in ports.trials.trials(site.id):
        if not known.runs(now):
            continue
        codes = sorted({change.code for change in changed_inputs(site, known.trial)})
        codes = [code for code in codes if code != DesignChange.VERSION]
        today = local_date(now, known.trial.timezone)
        if codes and today not in days_of_other_inputs(ports, known.trial):
            ports.ledgers.note(
                Action.CHANGE_TRIAL_INPUTS,
                known.trial.id,
                at=now,
                actor=WATCHER,
                site=site.id,
                reason=", ".join(codes),
            )


def days_of_other_inputs(ports: TrialPorts, trial: Trial) -> tuple[date, ...]:
    """The local days of a trial on which the site file was noted to say something else."""
    since = midnight(trial.first, trial.timezone)
    search = AuditSearch(site=trial.site, action=Action.CHANGE_TRIAL_INPUTS, since=since)
    entries = (entry for entry in ports.ledgers.audit(search) if entry.subject == trial.id)
    return tuple(sorted({local_date(entry.at, trial.timezone) for entry in entries}))
