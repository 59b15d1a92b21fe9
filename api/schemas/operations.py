"""Answers for operations: whether the process lives and whether it is ready."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import (
    Field,
)

from api.schemas.base import Answer


class Health(Answer):
    status: Literal["ok"] = "ok"


class Ready(Answer):
    status: Literal["ready"] = "ready"
    sites: int
    time: datetime
    waiting: int = Field(0, description="readings on disk that the database does not have yet")
    lost: int = Field(0, description="readings that waited, or should have, and are gone")
