"""The benchmark of the API on a small city: every figure is measured."""

from __future__ import annotations

from bms.bench.city.api_figures import ApiLoad, bench_api


def test_every_figure_of_the_api_is_measured() -> None:
    told: list[str] = []
    figures = bench_api(lambda what, _: told.append(what), ApiLoad(sites=3, requests=2, look_s=1.0))
    values = {figure.name: figure.value for figure in figures}
    assert all(value >= 0 for value in values.values())
    assert values["schedules while 45 viewers load pages"] > 0
    for part in ("overview page", "portfolio/savings", "ranking", "a month of quarters"):
        assert sum(name.startswith(part) for name in values) == 4
    assert {"xlsx", "parquet", "pdf"} <= {name.partition(" ")[0] for name in values}
    assert told[0] == "readings of 3 buildings"
