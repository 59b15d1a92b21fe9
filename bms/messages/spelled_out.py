"""Nouns as JSON with the sentences of their facts, for those who read an answer without us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from bms.messages.translator import languages, translator
from bms.model.codec import to_dict
from bms.model.fact import Fact


def spelled_out(noun: object, timezone: str | None = None) -> Any:
    """Returns the JSON-ready value of a noun in which every fact has its sentence in each
    language, by the language's code, beside its code and parameters.

    Times in sentences are local to ``timezone``, or in the time zone they carry without one.
    """
    match noun:
        case Fact():
            sentences = {each: translator(each, timezone).describe(noun) for each in languages()}
            return {**to_dict(noun), **sentences}
        case str() | bytes() | None:
            return to_dict(noun)
        case Mapping():
            return {to_dict(key): spelled_out(each, timezone) for key, each in noun.items()}
        case tuple() | list():
            return [spelled_out(each, timezone) for each in noun]
    if is_dataclass(noun):
        parts = {each.name: getattr(noun, each.name) for each in fields(noun)}
        return {name: spelled_out(part, timezone) for name, part in parts.items()}
    return to_dict(noun)
