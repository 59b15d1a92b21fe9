"""``python tools/estate``: makes bms/savings/models/estate.yaml from untreated meters."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path[0] = str(Path(__file__).parents[2])

from bms.bench.savings.estate import (  # noqa: E402
    conformal_factor,
    kept,
    learn,
    left_out,
    scaled,
    teachers,
)
from bms.bench.savings.placebo_years import many_years  # noqa: E402
from bms.savings.models.restlessness import ESTATE  # noqa: E402


def main() -> int:
    taught = teachers(many_years())
    factor = conformal_factor(taught, left_out(taught))
    text = kept(scaled(learn(taught), factor), len(taught.rows), len(np.unique(taught.building)))
    ESTATE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"wider by {factor:.3f} for nine of ten years of buildings left out\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
