"""A receipt for each change: what comes of a renewal counts on the receipt that stands.

A renewal has another command, lease, plan and read-back, and the same outcome: kind, point, value,
and who holds the point or why nothing was written. How the last one differs from the first is kept
beside it, outside the evidence.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from bms.model.codec import from_json, to_json
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Clamped,
    Failed,
    Overridden,
    Refused,
    Released,
    StillHeld,
    Waiting,
)

SPELL = timedelta(hours=6)
"""After this long what stands on has a receipt of its own again, so that every day has some."""
OF_RENEWAL = ("id", "issued_at", "lease_end", "plan")
"""Fields of a command in which a renewal differs."""
KINDS: dict[str, type[AnyReceipt]] = {
    kind.__name__.lower(): kind
    for kind in (Accepted, Clamped, Refused, Overridden, Waiting, Failed, Released, StillHeld)
}


def kind_of(receipt: AnyReceipt) -> str:
    """The name of its kind in the database."""
    return type(receipt).__name__.lower()


def point_of(receipt: AnyReceipt) -> str:
    """The point that a receipt is about."""
    if isinstance(receipt, Released | StillHeld):
        return receipt.point
    return receipt.command.point


def likeness(kind: str, body: str) -> str:
    """A digest that receipts of the same outcome share, in hexadecimal digits."""
    fields = json.loads(body)
    fields.pop("read_back", None)
    command = fields.get("command")
    if command is not None:
        if command["plan"] is not None:
            command.pop("reason")  # it names the plan
        for name in OF_RENEWAL:
            command.pop(name)
    text = json.dumps([kind, fields], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def renews(standing: str, since: datetime, last: datetime, like: str, at: datetime) -> bool:
    """Whether an outcome ``like`` this at ``at`` renews the one that stands ``since`` then and was
    seen ``last`` then."""
    return like == standing and last <= at < since + SPELL


def difference(first: str, last: str) -> str:
    """The fields of ``last`` that are not those of ``first``, as JSON."""
    return json.dumps(_differing(json.loads(first), json.loads(last)), separators=(",", ":"))


def renewed_receipt(kind: str, first: str, differing: str) -> AnyReceipt:
    """The last of a row of the same outcomes."""
    return from_json(KINDS[kind], json.dumps(_merged(json.loads(first), json.loads(differing))))


def body_of(receipt: AnyReceipt) -> str:
    """The JSON of a receipt."""
    return to_json(receipt)


def _differing(first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in last.items():
        known = first.get(name)
        if name == "command":
            found[name] = _differing(known or {}, value)
        elif value != known:
            found[name] = value
    return found


def _merged(first: dict[str, Any], differing: dict[str, Any]) -> dict[str, Any]:
    command = {**first.get("command", {}), **differing.get("command", {})}
    return {**first, **differing, **({"command": command} if command else {})}
