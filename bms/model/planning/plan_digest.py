"""The digest of a plan (clause W16): a stored plan that was edited no longer matches its own."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from bms.model.codec import from_json, to_json
from bms.model.planning.plan import Plan


def sealed(plan: Plan) -> Plan:
    """Returns the plan as a store gives it back, with its digest."""
    stored = from_json(Plan, to_json(replace(plan, digest="")))
    return replace(stored, digest=_digest(stored))


def is_sealed(plan: Plan) -> bool:
    """Whether the plan is what it was when its digest was taken."""
    return plan.digest == _digest(replace(plan, digest=""))


def _digest(plan: Plan) -> str:
    """SHA-256 of the JSON of a plan without digest, in hexadecimal digits."""
    return hashlib.sha256(to_json(plan).encode()).hexdigest()
