"""The parts of ``bms bench assess`` that guard the claims: placebo years and planted savings."""

from bms.bench.savings import accuracy as bench
from bms.feeds.archive import DATA
from bms.feeds.suppliers.meter_files import read_meters, read_weather


def test_placebo_years_and_planted_savings() -> None:
    use = read_meters(bench.METERS).use
    table = bench.Meters(use, read_weather(DATA / "weather_hourly.csv.gz").temp_c)
    figures = {f.name.split(",")[0]: f for f in (*bench.placebos(table), *bench.planted(table))}
    assert len(figures) == 6
    assert {f.name: f.value for f in figures.values() if not f.ok} == {}
    assert 80.0 <= figures["placebo years inside the 90 % interval"].value <= 98.0
    assert figures["planted saving recovered: fraction"].value < 1e-6
