"""Exports: what is asked for, and how far it is."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field

from api.schemas.base import Answer, Body
from bms.model.reporting.export import Export, ExportState
from bms.model.reporting.request import FileForm, ReportFormat, ReportKind, ReportRequest

GROUP, SITE = "group:", "site:"


class ExportBody(Body):
    """A report as a file."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "savings",
                    "scope": "all",
                    "period": "2019-01",
                    "format": "xlsx",
                    "lang": "da",
                }
            ]
        },
    )

    kind: ReportKind
    scope: str = Field(
        "all",
        pattern=r"^(all|site:[a-z0-9][a-z0-9_-]{0,63}|group:[a-z0-9_-]{1,64})$",
        description="`all`, `site:ID`, or `group:USE`, e.g. `group:school`",
    )
    period: str | None = Field(
        None,
        pattern=r"^\d{4}(-(0[1-9]|1[0-2]))?$",
        description="a month or a year, e.g. 2026-10 or 2026; default: as the pages show",
    )
    format: ReportFormat = ReportFormat.XLSX
    lang: str = Field("da", pattern=r"^[a-z]{2}$")
    sheet: str | None = Field(
        None, pattern=r"^[a-z0-9_]{1,64}$", description="this table alone, e.g. days"
    )
    plain: bool = Field(default=False, description="CSV for programs, without a language")

    def request(self, only: frozenset[str] | None = None) -> ReportRequest:
        """The report, of the buildings that may be seen."""
        return ReportRequest(
            kind=self.kind,
            site=self.scope.removeprefix(SITE) if self.scope.startswith(SITE) else None,
            group=self.scope.removeprefix(GROUP) if self.scope.startswith(GROUP) else None,
            period=self.period,
            only=only,
        )

    def form(self) -> FileForm:
        """The form of the file."""
        return FileForm(format=self.format, language=self.lang, sheet=self.sheet, plain=self.plain)


class ExportAnswer(Answer):
    """How far an export is; ``file`` is where it can be fetched once it is done."""

    id: str
    state: ExportState
    progress: float = Field(description="share that is done, 0..1")
    kind: ReportKind
    format: ReportFormat
    created: datetime
    expires: datetime
    file: str | None
    file_name: str
    size_bytes: int | None
    sha256: str | None
    error: str | None

    @classmethod
    def of(cls, export: Export) -> ExportAnswer:
        """The answer about an export."""
        done = export.state is ExportState.DONE
        return cls(
            id=export.id,
            state=export.state,
            progress=round(export.share, 3),
            kind=export.request.kind,
            format=export.form.format,
            created=export.created,
            expires=export.expires,
            file=f"/v1/exports/{export.id}/file" if done else None,
            file_name=export.file_name,
            size_bytes=export.size,
            sha256=export.digest,
            error=export.error,
        )
