"""Tables to keep."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from api.ports import ApiPorts
from bms.model.control.audit import Action
from bms.model.savings.avoided_use import SiteSavings

CSV = "text/csv; charset=utf-8"


def csv_answer(
    ports: ApiPorts,
    rows: Sequence[SiteSavings],
    name: str,
    *,
    by: str,
    decimal_comma: bool,
    language: str | None = None,
) -> Response:
    """Savings as a file to keep: with codes for programs, or in a language for people. That ``by``
    took it stands in the audit of the city."""
    told = f"{len(rows)} buildings"
    ports.control.ledgers.note(
        Action.EXPORT, f"{name}.csv", at=ports.clock.now(), actor=by, site=None, reason=told
    )
    return Response(
        ports.reporter.savings_csv(rows, decimal_comma, language),
        media_type=CSV,
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
