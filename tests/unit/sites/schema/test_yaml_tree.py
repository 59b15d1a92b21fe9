"""Text that is no site file at all: named with its line, and never too many mistakes."""

from __future__ import annotations

import pytest

from bms.errors import SiteFileError
from sites.loader import MAX_BYTES, load_site_text


@pytest.mark.parametrize(
    ("raw", "line", "says"),
    [
        (b"", 0, "empty"),
        (b"# nothing\n", 0, "empty"),
        (b"site: a\nname: \xff\n", 2, "UTF-8"),
        (b"\x00\x01\x02", 0, "not YAML"),
        (b"just words", 1, "expects a mapping"),
        (b"[" * 100, 1, "nested deeper"),
        (b"site: a\n---\nsite: b\n", 2, "second document"),
        (b"%YAML 1.1\n---\nsite: a\n", 2, "YAML 1.2"),
        (b"#" * (MAX_BYTES + 1), 0, "larger than"),
        (b"a: &x [1, 2]\nb: [*x, *x]\n", 2, "alias"),
        ("site: a\n# pasted \u2028 from the web\n".encode(), 2, "U+2028"),
    ],
)
def test_junk_is_named_with_its_line(raw: bytes, line: int, says: str) -> None:
    with pytest.raises(SiteFileError) as caught:
        load_site_text(raw, "junk.yaml")
    assert any(m.line == line and says in m.message for m in caught.value.mistakes)


def test_a_flood_of_mistakes_is_cut_and_counted() -> None:
    with pytest.raises(SiteFileError) as caught:
        load_site_text("".join(f"key{i}: 1\n" for i in range(1500)))
    assert len(caught.value.mistakes) == 1001
    assert "more mistakes" in caught.value.mistakes[-1].message
