"""Texts as devices send them, rightly labelled or not."""

from __future__ import annotations

import pytest

from drivers.bacnet.encoding import primitives
from drivers.bacnet.encoding.tags import Tag


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        ("004bc3b8 6b6b656e", "Køkken"),
        ("004bf8 6b6b656e", "Køkken"),  # Latin-1 labelled UTF-8
        ("05 4bf86b6b656e", "Køkken"),
        ("04 004b00f8006b006b0065006e", "Køkken"),
        ("04 fffe4b00f8006b006b0065006e00", "Køkken"),  # little-endian with its mark
        ("04 feff004b00f8006b006b0065006e", "Køkken"),
        ("04 4b00f8006b006b0065006e00", "Køkken"),  # little-endian without a mark
        ("01 0352 4b9b6b6b656e", "Køkken"),  # DBCS, code page 850
        ("01 04e4 4bf86b6b656e", "Køkken"),  # DBCS, code page 1252
        ("01 ffff 4b9b6b6b656e", "Køkken"),  # a code page that nobody knows
        ("03 0000004b000000f8", "Kø"),
        ("00", ""),
        ("04", ""),
        ("01", ""),
        ("01 03", ""),
    ],
)
def test_a_text_is_read_whatever_its_label_says(octets: str, says: str) -> None:
    data = bytes.fromhex(octets)
    tag = Tag("application", primitives.TEXT, len(data), data)
    assert (primitives.decode_text([tag]) or "").strip("\x03") == says
