"""Charges of district heating for peak power, and the names of tariffs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

VAT = 1.25
"""Price with VAT over price without it; municipalities get theirs back."""


class PeakSpan(StrEnum):
    """Over which stretch of local time the highest power counts."""

    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakCharge:
    """Price [DKK/kW] without VAT of the highest clock-hour mean of the span.

    In force from local day ``first`` until ``end`` (exclusive; None: until the next one). Raises
    ValueError for a negative price.
    """

    first: date
    end: date | None
    dkk_per_kw: float
    span: PeakSpan
    source: str

    def __post_init__(self) -> None:
        if self.dkk_per_kw < 0:
            raise ValueError(f"the peak charge of {self.first} has a negative price")


@dataclass(frozen=True, slots=True)
class TariffNames:
    """Names of electricity and of heat tariffs."""

    electricity: frozenset[str]
    heat: frozenset[str]
