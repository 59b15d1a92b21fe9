"""Databases with two workers each, all at the same time, and kills: real processes.

One database in every run; three for ten minutes at length: ``make test-region``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bms.bench.region.real import MUNICIPALITIES, RealRegionOptions, small_region
from tests.rigs.examples import LEVEL
from tests.rigs.storage.postgres_server import PostgresServer

SHORT = LEVEL != "long"
DATABASES = 1 if SHORT else MUNICIPALITIES


@pytest.fixture
def databases(postgres_server: PostgresServer) -> Iterator[tuple[str, ...]]:
    urls = tuple(postgres_server.fresh() for _ in range(DATABASES))
    yield urls
    for url in urls:
        postgres_server.drop(url)


async def test_w02_every_municipality_survives_its_kills(
    tmp_path: Path, databases: tuple[str, ...]
) -> None:
    options = RealRegionOptions(
        databases=databases,
        minutes=0.3 if SHORT else 10.0,
        minute_s=1.0 if SHORT else 2.0,
        seed=1,
    )
    runs = await small_region(tmp_path, options, print)
    assert [run.watch.violations for run in runs] == [[]] * DATABASES
    assert all(sum(row.injected for row in run.outcome.rows.values()) > 0 for run in runs)
