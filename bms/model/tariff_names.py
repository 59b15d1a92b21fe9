"""The tariffs that there are, so that a site file can be checked without knowing their prices."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TariffNames:
    """Names of electricity and of heat tariffs."""

    electricity: frozenset[str]
    heat: frozenset[str]
