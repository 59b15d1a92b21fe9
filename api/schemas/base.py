"""Answers and bodies of the API. Units stand in the name of a field or beside the value."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    StringConstraints,
)

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class Answer(BaseModel):
    """A row of an answer, made from nouns."""

    model_config = ConfigDict(from_attributes=True)


class Body(BaseModel):
    """What a client sends; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")
