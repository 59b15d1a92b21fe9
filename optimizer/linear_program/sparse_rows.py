"""Rows of a sparse linear program, put together part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from optimizer.linear_program.time_blocks import Places
from optimizer.model.rc_network import Floats


@dataclass(frozen=True, slots=True)
class Rows:
    """Entries of some rows, counted from 0, and the rows' limits."""

    row: Places
    column: Places
    value: Floats
    lower: Floats
    upper: Floats


class Matrix:
    """Collects entries of a sparse matrix."""

    def __init__(self) -> None:
        self._rows: list[Places] = []
        self._columns: list[Places] = []
        self._values: list[Floats] = []

    def add(self, row: Places, column: Places, value: Floats | float) -> None:
        """Entries of broadcast shapes; none twice."""
        row, column, filled = np.broadcast_arrays(row, column, np.asarray(value, dtype=np.float64))
        self._rows.append(row.ravel())
        self._columns.append(column.ravel())
        self._values.append(filled.ravel())

    def part(self, lower: Floats, upper: Floats) -> Rows:
        """What was collected, as rows with their limits."""
        if not self._rows:
            nothing = np.empty(0, dtype=np.intp)
            return Rows(nothing, nothing, np.empty(0), lower, upper)
        return Rows(
            np.concatenate(self._rows),
            np.concatenate(self._columns),
            np.concatenate(self._values),
            lower,
            upper,
        )

    def build(self, shape: tuple[int, int]) -> Any:
        """Compressed by columns."""
        places = (np.concatenate(self._rows), np.concatenate(self._columns))
        return coo_array((np.concatenate(self._values), places), shape=shape).tocsc()
