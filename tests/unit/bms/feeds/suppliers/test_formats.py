"""The formats by name."""

import pytest

from bms.errors import ConfigError
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import formats, reader
from tests.rigs.sentences import danish, english

CSV = b"meter_id,timestamp_utc,kwh\na,2026-01-05T00:00Z,1\na,2026-01-05T01:00Z,2\n"


class TestTheFormats:
    def test_say_which_of_them_were_never_tried_with_a_real_file(self):
        assert {found.name: found.verified for found in formats()} == {
            "csv": True,
            "eloverblik": True,
            "kredsloeb": False,
            "aalborg": False,
        }
        for found in formats():
            assert found.verified or "not tried" in english(found.fact)
            assert danish(found.fact) != english(found.fact)

    def test_each_have_a_reader(self):
        assert all(callable(reader(found.name)) for found in formats())

    def test_read_the_default_table_as_csv(self):
        assert [row.interval_s for row in reader("csv")(CSV, "a.csv").rows] == [3600, 3600]

    @pytest.mark.parametrize("name", ["csv", "kredsloeb"])
    def test_are_read_by_the_mapping_that_is_given(self, name):
        found = reader(name, CsvMapping(interval_s=900))(CSV, "a.csv")
        assert [row.interval_s for row in found.rows] == [900, 900]

    def test_that_do_not_exist_are_answered_with_those_that_do(self):
        with pytest.raises(ConfigError, match="there are aalborg, csv, eloverblik, kredsloeb"):
            reader("excel")

    def test_that_take_no_mapping_say_so(self):
        with pytest.raises(ConfigError, match="eloverblik takes no mapping"):
            reader("eloverblik", CsvMapping())
