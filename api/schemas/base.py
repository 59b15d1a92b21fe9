"""Answers and bodies of the API. Units stand in the name of a field or beside the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    model_validator,
)

from bms.messages import translator
from bms.model.fact import Fact, Parameter
from bms.model.outside_text import obeyed
from bms.model.savings.kept_answer import Freshness

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


TIMEZONE = "Europe/Copenhagen"
"""Of answers about more than one site."""


class Answer(BaseModel):
    """A row of an answer, made from nouns."""

    model_config = ConfigDict(from_attributes=True)


class Body(BaseModel):
    """What a client sends; unknown fields are refused, and texts that hold orders for whoever reads
    them later (U+0000 is no text for a database, either)."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _texts_are_texts(cls, value: Any) -> Any:
        if any(obeyed(sign) for text in _texts(value) for sign in text):
            raise ValueError("a text holds control characters; leave them out")
        return value


def _texts(value: Any) -> Iterator[str]:
    """The texts in a body, in its lists and objects, too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def timezone_of(info: ValidationInfo) -> str:
    """Returns the time zone that was given as ``context={"timezone": …}`` of a validation."""
    return str((info.context or {}).get("timezone", TIMEZONE))


class FactAnswer(Answer):
    """What is the case: a code that programs may rely on, its numbers, and the sentence.

    Numbers are in the units that the sentence names.
    """

    code: str
    parameters: Mapping[str, Parameter]
    da: str
    en: str

    @classmethod
    def of(cls, fact: Fact, timezone: str = TIMEZONE) -> Self:
        """Returns the answer of a fact; times in its sentences are local to ``timezone``."""
        da, en = (translator(language, timezone).describe(fact) for language in ("da", "en"))
        return cls(code=fact.code, parameters=fact.parameters, da=da, en=en)

    @model_validator(mode="before")
    @classmethod
    def _from_fact(cls, value: Any, info: ValidationInfo) -> Any:
        return dict(cls.of(value, timezone_of(info))) if isinstance(value, Fact) else value


class FreshnessAnswer(Answer):
    """How new an answer about many buildings is: a job makes each of them anew where something of
    what it rests on has changed. ``made_at`` is when the oldest of them was made."""

    made_at: datetime | None
    buildings: int
    newer_under_way: int = Field(description="of which something newer is being made")
    not_made_yet: int = Field(description="that are being made for the first time")

    @classmethod
    def of(cls, freshness: Freshness, asked: int) -> Self:
        """Returns the answer where ``asked`` buildings are meant."""
        return cls(
            made_at=freshness.made_at,
            buildings=freshness.answers,
            newer_under_way=freshness.outdated,
            not_made_yet=max(asked - freshness.answers, 0),
        )
