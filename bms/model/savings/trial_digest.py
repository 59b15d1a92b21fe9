"""The digests of a trial's design and of its result: what was edited no longer matches its own."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from bms.model.codec import from_json, to_json
from bms.model.savings.trial import Trial
from bms.model.savings.trial_result import SealedResult


def design_digest(trial: Trial) -> str:
    """SHA-256 of the JSON of what was drawn and sealed, in hexadecimal digits. Who started it and
    in which words is left out: names are removed after a year."""
    return _digest(replace(trial, by="", reason=""))


def sealed_result(result: SealedResult) -> SealedResult:
    """Returns the result as a store gives it back, with its digest."""
    stored = from_json(SealedResult, to_json(replace(result, digest="")))
    return replace(stored, digest=_digest(stored))


def is_unchanged(result: SealedResult) -> bool:
    """Whether the result is what it was when it was sealed."""
    return result.digest == _digest(replace(result, digest=""))


def _digest(noun: Trial | SealedResult) -> str:
    return hashlib.sha256(to_json(noun).encode()).hexdigest()
