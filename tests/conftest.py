"""Settings of the whole test run."""

import os

# Before numpy is imported: two test processes with a pool of spinning threads each slow each
# other down (see bms.cli).
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
