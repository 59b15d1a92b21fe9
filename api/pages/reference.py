"""The operations of the API as rows of a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One row: ``parameters`` are (name, what it is for)."""

    method: str
    path: str
    about: str
    parameters: tuple[tuple[str, str], ...]


def operations_of(schema: dict[str, Any]) -> list[Operation]:
    """The operations of an OpenAPI document, in its order."""
    return [
        Operation(
            method=method.upper(),
            path=path,
            about=operation.get("description", operation.get("summary", "")),
            parameters=tuple(
                (p["name"], p.get("description", ""))
                for p in operation.get("parameters", ())
                if p["in"] in ("path", "query")
            ),
        )
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]
