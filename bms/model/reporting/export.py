"""Files of reports that are made beside the requests and kept for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bms.model.reporting.request import FileForm, ReportRequest


class ExportState(StrEnum):
    """How far a file is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file that ``owner`` asked for. ``share`` is what is done of it, 0..1; ``seen`` is when it
    last went on. ``digest`` is the SHA-256 of the finished file of ``size`` bytes, which is kept
    until ``expires``; ``error`` says why there is none."""

    id: str
    owner: str
    request: ReportRequest
    form: FileForm
    state: ExportState
    created: datetime
    seen: datetime
    expires: datetime
    share: float = 0.0
    size: int | None = None
    digest: str | None = None
    error: str | None = None

    @property
    def file_name(self) -> str:
        """What the file is called."""
        asked = self.request
        parts = (asked.kind, asked.site or asked.group, asked.period, self.form.sheet)
        return f"{'-'.join(filter(None, parts))}.{self.form.format}"

    @property
    def finished(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in (ExportState.DONE, ExportState.FAILED)
