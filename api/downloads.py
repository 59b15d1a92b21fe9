"""TODO"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from api.ports import ApiPorts
from bms.model.savings.savings import SiteSavings

CSV = "text/csv; charset=utf-8"


def csv_answer(
    ports: ApiPorts, rows: Sequence[SiteSavings], name: str, *, decimal_comma: bool
) -> Response:
    """Savings as a file to keep."""
    return Response(
        ports.reporter.savings_csv(rows, decimal_comma),
        media_type=CSV,
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
