"""The ``bms`` command."""

import os

# One thread per matrix product, set before numpy is imported: ours are small, and a pool of
# spinning threads per product makes planning up to forty times slower on a busy machine.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from bms.cli.main import main  # noqa: E402

__all__ = ["main"]
