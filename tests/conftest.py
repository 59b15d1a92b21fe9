"""Settings of the whole test run."""

import asyncio
import gc
import os
from functools import cache
from pathlib import Path

import pytest

from tests.rigs.examples import LEVEL, set_usual_examples
from tests.rigs.isolation import Watch
from tests.rigs.steady_loop import SteadyLoop
from tests.rigs.storage.postgres_server import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]  # fixtures for every folder

# What is imported and collected stays: looking for garbage among it takes a tenth of the time.
gc.set_threshold(200_000, 20, 100)

# Before numpy is imported: two test processes with a pool of spinning threads each slow each
# other down (see bms.cli).
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

STEADY = {"unit", "contract"}
"""Folders whose tests bring their servers with them; others speak to processes of their own."""

INSIDE = {"unit", "property", "docs"}
"""Folders whose tests stay inside their process, those marked ``system`` aside: no child, no
connection."""

LEFT_TO_LONG = pytest.mark.skip(reason="minutes of real processes: make test-long")

WATCH = Watch()
set_usual_examples()


@cache
def _parts(file: Path, root: Path) -> frozenset[str]:
    return frozenset(file.relative_to(root).parts[:2])


def _folders(item: pytest.Item) -> frozenset[str]:
    return _parts(item.path, item.config.rootpath)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "system" in _folders(item):
            item.add_marker(pytest.mark.system)
        if LEVEL != "long" and item.get_closest_marker("long"):
            item.add_marker(LEFT_TO_LONG)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item):
    if INSIDE & _folders(item) and item.get_closest_marker("system") is None:
        WATCH.begin()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None):
    """The last teardown ends what the whole session has shared, so it is not watched."""
    left = WATCH.end() if nextitem is None else ()
    try:
        return (yield)
    finally:
        left = left or WATCH.end()
        assert not left, f"this test left its process: {left}"


def pytest_asyncio_loop_factories(config, item):
    steady = STEADY & _folders(item)
    return {"loop": SteadyLoop if steady else asyncio.new_event_loop}


def pytest_collection_finish():
    """What is imported and collected by now stays to the end: the collector need not look at it.

    Thousands of tests are looked through again at every pass otherwise, a third of the time of
    tests that make many objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
