"""HiGHS with a starting basis; the only module that knows its interface.

Huangfu and Hall (2018), doi:10.1007/s12532-017-0130-5. Limits count iterations, so the same
program has the same answer on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from optimizer.model.rc_network import Floats

ITERATIONS = 50_000
PRIMAL_SIMPLEX = 4
BASIC, AT_LOWER, AT_UPPER = 1, 0, 2
_STATUS = {
    AT_LOWER: highspy.HighsBasisStatus.kLower,
    BASIC: highspy.HighsBasisStatus.kBasic,
    AT_UPPER: highspy.HighsBasisStatus.kUpper,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearProgram:
    """Minimise ``cost x`` with ``row_lower <= matrix x <= row_upper`` and bounds on ``x``.

    ``matrix`` is compressed by columns (scipy ``csc_array``).
    """

    cost: Floats
    lower: Floats
    upper: Floats
    matrix: Any
    row_lower: Floats
    row_upper: Floats


@dataclass(frozen=True, slots=True)
class Basis:
    """A basis of the program: ``BASIC``, ``AT_LOWER`` or ``AT_UPPER`` per column and row."""

    columns: NDArray[np.int64]
    rows: NDArray[np.int64]


def minimise(program: LinearProgram, basis: Basis | None = None) -> Floats | str:
    """Returns the optimal ``x``, or the solver's status where there is none."""
    if not _finite(program):
        return "not a number"
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("simplex_iteration_limit", ITERATIONS)
    if solver.passModel(_highs_model(program)) == highspy.HighsStatus.kError:
        return "kError"
    if basis is not None and _solved_from(solver, basis):
        return np.array(solver.getSolution().col_value)
    solver.clearSolver()
    solver.setOptionValue("presolve", "choose")
    solver.setOptionValue("simplex_strategy", 1)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return str(solver.getModelStatus()).rsplit(".", maxsplit=1)[-1]
    return np.array(solver.getSolution().col_value)


def _solved_from(solver: Any, basis: Basis) -> bool:
    """Whether the optimum was reached from ``basis``."""
    start = highspy.HighsBasis()
    start.col_status = [_STATUS[i] for i in basis.columns.tolist()]
    start.row_status = [_STATUS[i] for i in basis.rows.tolist()]
    start.valid = start.alien = True
    solver.setOptionValue("presolve", "off")
    solver.setOptionValue("simplex_strategy", PRIMAL_SIMPLEX)
    if solver.setBasis(start) == highspy.HighsStatus.kError:
        return False
    solver.run()
    return bool(solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)


def _finite(program: LinearProgram) -> bool:
    return all(np.isfinite(part).all() for part in (program.cost, program.matrix.data)) and not any(
        np.isnan(part).any()
        for part in (program.lower, program.upper, program.row_lower, program.row_upper)
    )


def _highs_model(program: LinearProgram) -> Any:
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = program.matrix.shape
    model.col_cost_ = program.cost
    model.col_lower_, model.col_upper_ = program.lower, program.upper
    model.row_lower_, model.row_upper_ = program.row_lower, program.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = program.matrix.indptr
    model.a_matrix_.index_ = program.matrix.indices
    model.a_matrix_.value_ = program.matrix.data
    return model
