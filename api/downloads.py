"""Tables to keep."""

from __future__ import annotations

import io
from collections.abc import Sequence

from starlette.responses import Response

from api.ports import ApiPorts
from bms.model.control.audit import Action
from bms.model.reporting.request import FileForm, ReportFormat
from bms.services.assessment.savings_cache import SiteAssessment
from bms.services.reporting.build import savings_alone


def csv_answer(
    ports: ApiPorts,
    rows: Sequence[SiteAssessment],
    name: str,
    *,
    by: str,
    language: str | None = None,
) -> Response:
    """Savings as a file to keep: with codes for programs, or in a language for a spreadsheet. That
    ``by`` took it stands in the audit of the city."""
    told = f"{len(rows)} buildings"
    ports.control.ledgers.note(
        Action.EXPORT, f"{name}.csv", at=ports.clock.now(), actor=by, site=None, reason=told
    )
    form = FileForm(format=ReportFormat.CSV, language=language or "en", plain=language is None)
    out = io.BytesIO()
    ports.reporter.write(savings_alone(ports.sites, rows, ports.clock.now()), form, out)
    return Response(
        out.getvalue(),
        media_type=ReportFormat.CSV.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
