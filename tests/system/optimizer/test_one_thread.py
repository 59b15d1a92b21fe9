"""One thread of BLAS, whoever has loaded numpy before."""

import json
import os
import subprocess
import sys

import pytest

BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
SCRIPT = """
import json, numpy.linalg
import optimizer.planner
from threadpoolctl import threadpool_info
print(json.dumps([each["num_threads"] for each in threadpool_info()]))
"""


@pytest.mark.parametrize(("asked", "threads"), [({}, 1), ({"OPENBLAS_NUM_THREADS": "2"}, 2)])
def test_the_optimiser_alone_has_one_thread_unless_more_are_asked_for(
    asked: dict[str, str], threads: int
) -> None:
    """A fit on two busy cores cost four to ten times the processor."""
    usual = {name: value for name, value in os.environ.items() if name not in BLAS}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**usual, **asked},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    assert found
    assert set(found) == {min(threads, os.cpu_count() or 1)}
