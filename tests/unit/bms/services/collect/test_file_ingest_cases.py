"""Every situation in ``tests/cases/ingest`` through the whole path: file, store, use."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bms.errors import FeedError
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import reader
from bms.model.readings.measurement import Ingested
from bms.model.readings.metering import Consumption, FlawKind
from bms.services.collect.file_ingest import IngestReport, ingest_file
from bms.services.collect.supplier_points import SupplierBook
from bms.services.consumption import consumption, days
from bms.store.sql.store import SqlStore
from sites.loader import load_sites
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "ingest"
FOLDERS = sorted(path.parent for path in CASES.glob("*/case.yaml"))
(SITE,) = load_sites(CASES / "sites")
BOOK = SupplierBook.of([SITE])
NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEITHER_HERE_NOR_THERE = {FlawKind.FLAT_LINE}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = SqlStore(f"sqlite:///{tmp_path / 'bms.db'}")
    yield made
    made.close()


def ingest(folder: Path, file: dict[str, Any], store: SqlStore) -> IngestReport:
    declared = file.get("mapping")
    mapping = CsvMapping.from_yaml((folder / declared).read_text()) if declared else None
    read = reader(file.get("format", "csv"), mapping)
    content = (folder / file["name"]).read_bytes()
    return ingest_file(content, file["name"], read, book=BOOK, now=NOW, readings=store)


def check_file(folder: Path, file: dict[str, Any], store: SqlStore) -> None:
    if "fails" in file:
        with pytest.raises(FeedError, match=file["fails"]):
            ingest(folder, file, store)
        return
    report = ingest(folder, file, store)
    refused = file.get("refused", [])
    assert report.stored == Ingested(**file["stored"])
    assert len(report.refused) == len(refused), report.refused
    for mistake, start in zip(report.refused, refused, strict=True):
        assert f"{mistake.line}: {mistake.message}".startswith(start)
    assert report.refused_rows == file.get("refused_rows", len(refused))
    assert report.missing == file.get("missing", 0)
    assert {q.value: n for q, n in report.unasked.items()} == file.get("unasked", {})
    if "day" in file:
        day = date.fromisoformat(str(file["day"]["date"]))
        (use,) = days(SITE, file["day"]["meter"], store, day, day).use.values
        assert (None if math.isnan(use) else use) == file["day"]["value"]


def use_of(wanted: dict[str, Any], store: SqlStore) -> Consumption:
    if "days" in wanted:
        first, last = (date.fromisoformat(text) for text in wanted["days"].split(".."))
        return days(SITE, wanted["meter"], store, first, last)
    start, end = (datetime.fromisoformat(text) for text in wanted["hours"].split(".."))
    return consumption(SITE, wanted["meter"], store, start, end, HOUR)


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_files_of_a_case_become_its_use(folder: Path, store: SqlStore) -> None:
    case = yaml.load((folder / "case.yaml").read_text(), Loader=yaml.CSafeLoader)
    for file in case["files"]:
        check_file(folder, file, store)
    for wanted in case["use"]:
        found = use_of(wanted, store)
        values = [None if math.isnan(v) else v for v in found.use.values.tolist()]
        assert values == [v if v is None else pytest.approx(v) for v in wanted["values"]]
        assert found.total == pytest.approx(wanted["total"])
        flaws = sorted(e.flaw.value for e in found.events if e.flaw not in NEITHER_HERE_NOR_THERE)
        assert flaws == wanted.get("flaws", [])
    for point, pairs in case.get("corrections", {}).items():
        kept = store.corrections(point, datetime(2026, 1, 1, tzinfo=UTC), NOW)
        assert [[c.earlier.value, c.later.value] for c in kept] == pairs


def test_every_folder_with_files_is_a_case() -> None:
    assert {path.name for path in CASES.iterdir()} == {f.name for f in FOLDERS} | {"sites"}
