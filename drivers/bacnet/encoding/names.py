"""Names of BACnet's numbers: object types, units, reliability, segmentation."""

from __future__ import annotations

from bacpypes3.basetypes import EngineeringUnits, Reliability, Segmentation
from bacpypes3.primitivedata import ObjectType


def object_type(number: int) -> str:
    """The name of an object type: ``analog-value`` for 2; a number that has none stays a number."""
    return str(ObjectType(number))


def object_type_number(name: str) -> int:
    """The number of an object type: 2 for ``analog-value``. Raises ValueError when unknown."""
    return int(ObjectType(name))


def unit(number: int) -> str:
    """The name of an engineering unit: ``degrees-celsius`` for 62."""
    return str(EngineeringUnits(number))


def segmentation(number: int) -> str:
    """The name of a segmentation support: ``segmented-both`` for 0."""
    return str(Segmentation(number))


def reliability(number: int) -> str:
    """The name of a reliability: ``no-sensor`` for 1."""
    return str(Reliability(number))
