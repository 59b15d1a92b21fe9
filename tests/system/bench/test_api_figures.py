"""The benchmark of the API on a small city: every figure is measured."""

from __future__ import annotations

from bms.bench.city.api_figures import COLD, ApiLoad, bench_api
from bms.bench.figure import Figure


def test_every_figure_of_the_api_is_measured() -> None:
    told: list[str] = []
    rows: list[Figure] = []
    load = ApiLoad(sites=6, measured=3, requests=2, look_s=1.0)
    figures = bench_api(lambda what, _: told.append(what), load, rows.append)
    assert rows == figures
    values = {figure.name: figure.value for figure in figures}
    assert all(value >= 0 for value in values.values())
    assert values["schedules while 45 viewers load pages"] > 0
    assert values[COLD] > 0
    for part in ("overview page", "portfolio/savings", "ranking", "a month of quarters"):
        assert sum(name.startswith(part) for name in values) == 5
    assert {"xlsx", "parquet", "pdf"} <= {name.partition(" ")[0] for name in values}
    assert told[0] == "readings of 6 buildings"
