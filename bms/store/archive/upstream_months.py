"""The months of the buildings of several backends as one Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bms.errors import StoreError
from bms.model.savings.upstream import ToldMonth, UpstreamLook
from bms.store.archive.parquet_months import parquet_library

NUMBERS = [field.name for field in fields(ToldMonth) if field.name not in ("month", "days")]


def write_upstream_months(file: Path, looks: Sequence[UpstreamLook]) -> int:
    """Write a row for each backend, building and month, with when it was read (``read_at``);
    returns how many [1].

    Raises ``ConfigError`` where pyarrow is not installed, ``StoreError`` where the file cannot be
    written.
    """
    pa, pq = parquet_library()
    schema = pa.schema(
        [
            ("upstream", pa.string()),
            ("site", pa.string()),
            ("month", pa.date32()),
            ("days", pa.int32()),
            *((name, pa.float64()) for name in NUMBERS),
            ("verdict", pa.string()),
            ("read_at", pa.timestamp("us", tz="UTC")),
        ]
    )
    rows = list(_rows(looks))
    fresh = file.with_name(f"{file.name}.new")
    try:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), fresh, compression="zstd")
        fresh.replace(file)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{file} cannot be written: {error}") from error
    return len(rows)


def _rows(looks: Sequence[UpstreamLook]) -> Iterator[dict[str, Any]]:
    for look in looks:
        if look.numbers is None:
            continue
        for site in look.numbers.sites:
            for month in site.months:
                yield {
                    "upstream": look.name,
                    "site": site.id,
                    "month": month.month,
                    "days": month.days,
                    **{name: getattr(month, name) for name in NUMBERS},
                    "verdict": site.verdict.value,
                    "read_at": look.numbers.at,
                }
