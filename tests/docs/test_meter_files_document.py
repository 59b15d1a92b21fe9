"""The page about meter files is true: its examples are read, its mappings are valid."""

import re

import pytest

from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import formats, reader
from bms.model.readings.measurement import Quality
from bms.model.readings.metering import Quantity
from tests.rigs.paths import ROOT

PAGE = (ROOT / "docs" / "meter-files.md").read_text("utf-8")
EXAMPLES = dict(
    zip(
        ("csv", "eloverblik", "kredsloeb", "aalborg"),
        re.findall(r"```(?:csv|json)\n(.*?)```", PAGE, re.DOTALL),
        strict=True,
    )
)
MAPPINGS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


class TestThePage:
    @pytest.mark.parametrize("name", EXAMPLES)
    def test_has_an_example_of_every_format_that_is_read_whole(self, name):
        found = reader(name)(EXAMPLES[name].encode(), "page")
        assert found.rows
        assert found.mistakes == ()

    def test_names_every_format_and_quantity_and_what_is_unverified(self):
        assert set(EXAMPLES) == {found.name for found in formats()}
        for found in formats():
            assert found.verified or f"## {found.name} (unverified)" in PAGE
        assert all(f"`{quantity}`" in PAGE for quantity in Quantity)

    def test_shows_mappings_that_are_valid(self):
        assert len(MAPPINGS) == 3
        whole, wide, fields = (CsvMapping.from_yaml(text) for text in MAPPINGS)
        assert wide.every is not None
        assert (whole.stamp, whole.interval_s, whole.thousands) == ("end", 3600, ".")
        found = reader("aalborg", fields)(EXAMPLES["aalborg"].encode(), "page")
        assert [row.value for row in found.rows] == [12345.0]

    def test_shows_a_missing_value(self):
        rows = reader("csv")(EXAMPLES["csv"].encode(), "page").rows
        assert [row.quality for row in rows] == [Quality.GOOD, Quality.ABSENT]
