"""The city and the files that the store's benchmark measures with are what they claim to be."""

from __future__ import annotations

from datetime import UTC, datetime

from bms.bench.storage.meter_city import a_city, utility_files
from bms.bench.storage.rivals import bare_sqlite
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import reader
from bms.services.collect.file_ingest import ingest_file
from bms.services.collect.supplier_points import SupplierBook
from bms.store.memory.store import MemoryStore

START = datetime(2025, 1, 1, tzinfo=UTC)


def test_every_row_of_the_files_finds_its_meter():
    store, read = MemoryStore(), reader("csv", CsvMapping())
    book = SupplierBook.of(a_city(1_050))
    done = [
        ingest_file(content, name, read, book=book, now=START, as_declared=True, readings=store)
        for name, content in utility_files(1_050, START, hours=3)
    ]
    assert [report.stored.new for report in done] == [3_000, 150]
    assert [report.refused for report in done] == [(), ()]


def test_the_bare_database_takes_every_row(tmp_path):
    assert bare_sqlite(tmp_path, [[(1, 1, 20.0)], [(1, 2, 20.5)]]) > 0
    assert (tmp_path / "bare.db").stat().st_size > 0
