"""The file of the upstreams' keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.feeds.upstream.keys import Upstream, upstreams_of

A, B = "https://a.example.dk", "https://b.example.dk/energy"


def a_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    file = tmp_path / "keys"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def test_each_has_its_key_and_name(tmp_path: Path) -> None:
    file = a_file(tmp_path, f"# keys\n{A}  key-a  Aarhus Kommune\n\n{B}/ key-b\n")
    found = upstreams_of([B, f"{A}/"], file)
    assert found == (
        Upstream(B, "key-b", "b.example.dk/energy"),
        Upstream(A, "key-a", "Aarhus Kommune"),
    )
    assert "key-a" not in repr(found)


@pytest.mark.parametrize(
    ("urls", "text", "said"),
    [
        ([A], "", "no line for"),
        ([A, A], f"{A} key", "twice"),
        ([A, "https://A.Example.dk:443/"], f"{A} key", "twice"),
        ([A, B], f"{A} key Aarhus\n{B} key Aarhus", "same name"),
        ([A], f"{A} key x{chr(7)}y", "control"),
        ([A], f"{A} key\n{A}/ key", "two lines"),
        ([A], f"{A}", "URL KEY"),
        (["ftp://a.example.dk"], f"{A} key", "no address"),
        (["https://user:secret@a.example.dk"], f"{A} key", "no key in it"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, urls: list[str], text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        upstreams_of(urls, a_file(tmp_path, text))
    assert "secret" not in str(caught.value)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        upstreams_of([A], a_file(tmp_path, f"{A} key", 0o640))


def test_without_a_file_the_way_out_is_named() -> None:
    with pytest.raises(ConfigError, match="--upstream-keys"):
        upstreams_of([A], None)
