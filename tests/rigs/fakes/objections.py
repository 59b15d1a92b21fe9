"""Objections that leave a saving no more than a given verdict."""

from __future__ import annotations

from bms.model.savings.objection import Objection, ObjectionKind, Verdict, objection
from bms.savings.claims.gates import GateCode

POOR_FIT = objection(
    GateCode.FIT_POOR, ObjectionKind.MODEL, Verdict.INDICATIVE, cv_rmse=0.4, most=0.25
)
NO_SAVING = objection(GateCode.NO_SAVING, ObjectionKind.SIZE, Verdict.NOT_CLAIMABLE)


def reasons_for(verdict: Verdict) -> tuple[Objection, ...]:
    """What a saving of known size and this verdict has against it."""
    return {
        Verdict.VERIFIED: (),
        Verdict.INDICATIVE: (POOR_FIT,),
        Verdict.NOT_CLAIMABLE: (NO_SAVING,),
    }[verdict]
