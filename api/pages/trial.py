"""The switchback trial of a building, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from api.pages.language import Tongue
from bms.model.savings.trial import KeptTrial
from bms.services.control.trial_block import turn_at


def trial_line(kept: Sequence[KeptTrial], now: datetime, t: Tongue) -> str | None:
    """Whose turn it is, or when a trial begins; None where none is open."""
    turn = turn_at(kept, now)
    if turn is not None:
        return turn.words.da if t.language == "da" else turn.words.en
    coming = next((known.trial for known in kept if known.open(now)), None)
    if coming is None:
        return None
    return t("trial_coming", trial=coming.id, time=t.moment(coming.start))
