"""Pages of rows that have an order of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bms.errors import ConfigError

T = TypeVar("T")


def page_of(
    rows: Sequence[T], id_of: Callable[[T], str], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """Rows after the one whose id is ``cursor``, in their order, and the cursor of the next page.

    Raises ``ConfigError`` for a cursor that none of the rows has.
    """
    first = 0
    if cursor is not None:
        ids = [id_of(row) for row in rows]
        if cursor not in ids:
            raise ConfigError(f"there is no row {cursor!r}; begin without a cursor")
        first = ids.index(cursor) + 1
    after = rows[first : first + limit]
    return list(after), id_of(after[-1]) if first + limit < len(rows) else None
