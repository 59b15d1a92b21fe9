"""Files of suppliers as text: encodings, gzip, and what is no such file."""

import gzip
from dataclasses import replace

import pytest

from bms.errors import FeedError
from bms.feeds.suppliers.decoding import decoded_text
from tests.rigs.feeds.supplier_csv import DANISH, DANISH_HEADER, HEADER, PLAIN, read


class TestAFile:
    TEXT = "Måler;Tid;Forbrug\nå1;05-01-2026 01:00;1,5\n"

    @pytest.mark.parametrize(
        ("content", "encoding"),
        [
            (TEXT.encode(), "utf-8"),
            (TEXT.encode("utf-8-sig"), "utf-8"),
            (TEXT.replace("\n", "\r\n").encode(), "utf-8"),
            (TEXT.replace("\n", "\r").encode(), "utf-8"),
            (("sep=;\n" + TEXT).encode(), "utf-8"),
            (("\n\n" + TEXT + "\n\n").encode(), "utf-8"),
            (TEXT.encode("latin-1"), "latin-1"),
            (TEXT.encode("cp1252"), "cp1252"),
            (TEXT.encode("utf-16"), "utf-8"),
            (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-8"),
            (TEXT.encode("utf-16-le"), "utf-16"),
            (gzip.compress(TEXT.encode(), mtime=0), "utf-8"),
            (
                gzip.compress(TEXT[:9].encode(), mtime=0)
                + gzip.compress(TEXT[9:].encode(), mtime=0),
                "utf-8",
            ),
        ],
    )
    def test_may_be_encoded_and_packed_in_many_ways(self, content, encoding):
        found = read(content, replace(DANISH, encoding=encoding))
        assert [(row.number, row.value) for row in found.rows] == [("å1", 1.5)]
        assert found.mistakes == ()

    @pytest.mark.parametrize(
        ("content", "word"),
        [
            (b"", "empty"),
            (b" \n\r\n", "empty"),
            (b"\x00" * 50, "no text"),
            (b"<!DOCTYPE html><html>login</html>", "HTML"),
            (b"\xef\xbb\xbf \n<HTML>", "HTML"),
            (b"<?xml version='1.0'?>", "XML"),
            (b"PK\x03\x04rest", "zip"),
            (b"\xd0\xcf\x11\xe0rest", "Excel"),
            (b"%PDF-1.4", "PDF"),
            (b'{"result": []}', "column 'meter_id' is missing; it looks like JSON"),
            (b"meter_id;timestamp_utc;kwh\n", "separated by semicolons"),
            (
                b"meter_id,kwh\n",
                "column 'timestamp_utc' is missing; the header names meter_id, kwh",
            ),
            (gzip.compress(HEADER.encode(), mtime=0)[:-9], "breaks off"),
            (gzip.compress(HEADER.encode(), mtime=0)[:3], "breaks off"),
            (b"\x1f\x8b\x08\x00garbage that is no gzip", "damaged gzip"),
            (gzip.compress(HEADER.encode(), mtime=0) + b"more", "something else follows"),
        ],
    )
    def test_that_is_something_else_says_what_it_looks_like(self, content, word):
        with pytest.raises(FeedError) as caught:
            read(content, name="night.csv")
        assert word in str(caught.value)
        assert str(caught.value).startswith("night.csv")

    def test_that_unpacks_to_more_than_memory_should_hold_is_refused(self):
        bomb = gzip.compress(b"x\n" * 1_500_000, mtime=0)
        assert len(bomb) < 10_000
        with pytest.raises(FeedError, match="more than 2 MB of text; split it"):
            decoded_text(bomb, "bomb.csv", wanted="CSV", limit=2_000_000)

    def test_with_a_header_and_no_rows_is_empty_and_no_mistake(self):
        found = read(HEADER, replace(PLAIN, interval_s=None))
        assert (found.rows, found.mistakes) == ((), ())

    def test_gives_its_mistakes_by_line(self):
        text = DANISH_HEADER + "a;25-10-2026 02:00;1\na;x;1\n"
        assert [mistake.line for mistake in read(text, DANISH).mistakes] == [2, 3]
