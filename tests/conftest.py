"""Settings of the whole test run."""

import asyncio
import gc
import os

from tests.rigs.steady_loop import SteadyLoop
from tests.rigs.storage.postgres_server import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]  # fixtures for every folder

# Before numpy is imported: two test processes with a pool of spinning threads each slow each
# other down (see bms.cli).
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

STEADY = {"unit", "contract"}
"""Folders whose tests bring their servers with them; others speak to processes of their own."""


def pytest_asyncio_loop_factories(config, item):
    steady = STEADY & set(item.path.relative_to(config.rootpath).parts)
    return {"loop": SteadyLoop if steady else asyncio.new_event_loop}


def pytest_collection_finish():
    """What is imported and collected by now stays to the end: the collector need not look at it.

    Thousands of tests are looked through again at every pass otherwise, a third of the time of
    tests that make many objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
