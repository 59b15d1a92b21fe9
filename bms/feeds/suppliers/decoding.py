"""Decoding of a supplier's file: gzip, character encoding, JSON; refused where it is something
else."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from bms.errors import FeedError
from bms.model.outside_file import opened_outside

MAX_BYTES = 200_000_000
"""Largest file after unpacking [bytes]: about four million rows."""
MAX_LINES = 4_000_000
"""Most lines of a text [1]: two days of quarter-hours of 20 000 meters."""
MAX_LINE = 1_000_000
"""Longest line [characters]."""
MAX_JSON_VALUES = 6_000_000
"""Most values of a JSON document [1], told from its commas and brackets before it is parsed."""
MAX_MEMBERS = 10_000
"""Most members of a gzip [1]: a file of ``MAX_BYTES`` in blocks of 64 kB (bgzip) has 3 000."""
_CHUNK = 1 << 20
_PACKED = 1 << 16
"""Bytes [1] that are unpacked and handed to the unpacker at a time."""
ENCODINGS = ("utf-8", "utf-16", "latin-1", "cp1252")
"""Encodings that a mapping may declare; a byte order mark takes precedence."""

_SOMETHING = re.compile(r"[^\x00 \t\r\n]")
_WIDE = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")
"""A sign for which Python keeps all signs of a text in four bytes."""
_GZIP = b"\x1f\x8b"
_PADDING = re.compile(rb"\x00*")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LOOKS = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook; unpack it, or save it as text"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save it as CSV"),
    (b"%PDF", "a PDF; ask the supplier for the data themselves"),
    (b"<!doctype html", "an HTML page, such as an error or login page; fetch the file again"),
    (b"<html", "an HTML page, such as an error or login page; fetch the file again"),
    (b"<", "XML; ask the supplier for CSV or JSON"),
    (b"BZh", "a bzip2 archive; unpack it"),
    (b"\xfd7zXZ", "an xz archive; unpack it"),
    (b"7z\xbc\xaf", "a 7-zip archive; unpack it"),
    (b"SQLite format 3", "a database"),
)


def decoded_text(
    content: bytes, name: str, *, wanted: str, encoding: str = "utf-8", limit: int = MAX_BYTES
) -> str:
    """Returns the text of a file, plain or gzipped, without its byte order mark.

    ``wanted``: the expected format (``CSV``), for messages. ``limit`` [bytes] applies after
    unpacking, and no more than that is ever unpacked. Bytes outside the encoding become surrogates
    (U+DC80 to U+DCFF), or U+FFFD in UTF-16, so that they affect only their own field. Raises
    ``FeedError`` when the file is empty, too large, truncated or of another format.
    """
    plain = _unpacked(content, name, limit)
    seen = _looks_like(plain)
    if seen is not None:
        raise FeedError(f"{name}: not {wanted}: it looks like {seen}")
    if len(plain) > limit // 4 and _WIDE.search(plain) is not None:
        raise _too_much(name, f"{limit / 4e6:g} MB of text with signs outside the usual alphabets")
    text = _decoded(plain, encoding)
    if _SOMETHING.search(text) is None:
        raise FeedError(f"{name}: not {wanted}: the file holds no text")
    return text


@contextmanager
def opened_text(path: Path, *, wanted: str) -> Iterator[Iterator[str]]:
    """The lines of a text file of any size, plain or gzipped, in UTF-8 or by its byte order mark;
    decoded as ``decoded_text`` does, but never whole in memory.

    Raises ``FeedError`` when the file is empty, truncated or of another format, ``OSError`` when it
    cannot be opened.
    """
    try:
        with opened_table(path) as file:
            start = file.read(200)
            seen = _looks_like(start)
            if seen is not None:
                raise FeedError(f"{path}: not {wanted}: it looks like {seen}")
            mark, encoding = next(
                (known for known in _MARKS if start.startswith(known[0])), (b"", "utf-8")
            )
            file.seek(len(mark))
            with io.TextIOWrapper(file, encoding, _errors(encoding)) as text:
                yield (line.rstrip("\n") for line in bounded_lines(text, path))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FeedError(f"{path}: damaged gzip ({error}); fetch it again") from error


@contextmanager
def opened_table(path: Path) -> Iterator[IO[bytes]]:
    """A regular file of any size, unpacked where it is gzipped. Raises OSError."""
    with opened_outside(path) as raw:
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        if not zipped:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as file:
            yield cast("IO[bytes]", file)


def bounded_lines(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    """The lines of a text. Raises ``FeedError`` for one without an end."""
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise FeedError(f"{path}: a line has more than {MAX_LINE} characters")
        yield line


def _errors(encoding: str) -> str:
    return "replace" if encoding.startswith("utf-16") else "surrogateescape"


def _unpacked(content: bytes, name: str, limit: int) -> bytes:
    plain = _gunzipped(content, name, limit) if content.startswith(_GZIP) else content
    _refuse_blank(plain, name)
    if len(plain) > limit:
        raise _too_much(name, f"{limit / 1e6:g} MB of text")
    if _lines(plain) > MAX_LINES:
        raise _too_much(name, f"{MAX_LINES} lines")
    return plain


def _refuse_blank(plain: bytes | bytearray, name: str) -> None:
    """Raises ``FeedError`` for what begins with so much of nothing that no table follows: nobody
    looks further into it."""
    if len(plain) >= _CHUNK and not plain[:_CHUNK].strip(b"\x00 \t\r\n"):
        raise FeedError(f"{name}: the file holds no text: its first {_CHUNK} bytes are empty")


def _lines(plain: bytes | bytearray) -> int:
    """Ends of lines of any kind [1]."""
    return max(plain.count(b"\n"), plain.count(b"\r"))


def _too_much(name: str, what: str) -> FeedError:
    return FeedError(f"{name}: more than {what}; split it into several files")


def _gunzipped(content: bytes, name: str, limit: int) -> bytes:
    """Unpacks the members of a gzip file, a little beyond the limits at most.

    What is packed is handed on in portions, so that a member costs no copy of all that follows it.
    Raises ``FeedError``.
    """
    plain, lines, at, members = bytearray(), 0, 0, 0
    while content.startswith(_GZIP, at) and len(plain) <= limit:
        members += 1
        if members > MAX_MEMBERS:
            raise _too_much(name, f"{MAX_MEMBERS} parts of a gzip")
        member = zlib.decompressobj(wbits=31)
        while not member.eof and len(plain) <= limit:
            packed = content[at : at + _PACKED]
            part = _piece(member, packed, name)
            begun = len(plain) >= _CHUNK
            plain += part
            if not begun:
                _refuse_blank(plain, name)
            lines += _lines(part)
            if lines > MAX_LINES:
                raise _too_much(name, f"{MAX_LINES} lines")
            rest = member.unused_data if member.eof else member.unconsumed_tail
            at += len(packed) - len(rest)
            if not (packed or part or member.eof):
                raise FeedError(
                    f"{name}: the gzip breaks off; it has not arrived whole, send it again"
                )
        at += len(_PADDING.match(content, at)[0])  # type: ignore[index]  # it always matches
    if len(plain) <= limit and at < len(content):
        raise FeedError(f"{name}: something else follows the gzip; send the file again")
    return bytes(plain)


def _piece(member: zlib._Decompress, content: bytes, name: str) -> bytes:
    try:
        return member.decompress(content, _CHUNK)
    except zlib.error as error:
        raise FeedError(f"{name}: damaged gzip ({error}); fetch it again") from error


def _looks_like(plain: bytes) -> str | None:
    start = plain[:200].lstrip(b" \t\r\n\xef\xbb\xbf")
    if not start:
        return "an empty file; it may not have arrived yet"
    for magic, words in _LOOKS:
        if start[: len(magic)].lower() == magic.lower():
            return words
    return None


def _decoded(plain: bytes, encoding: str) -> str:
    for mark, marked in _MARKS:
        if plain.startswith(mark):
            plain, encoding = plain[len(mark) :], marked
            break
    return plain.decode(encoding, _errors(encoding))


def decoded_json(content: bytes, name: str) -> object:
    """Returns the document of a JSON file, plain or gzipped; numbers stay text.

    Raises ``FeedError`` when it is none.
    """
    text = decoded_text(content, name, wanted="JSON").strip()
    if sum(map(text.count, ",[{")) > MAX_JSON_VALUES:
        raise _too_much(name, f"{MAX_JSON_VALUES} values")
    if text[:1] not in ("{", "["):
        raise FeedError(f"{name}: not JSON: it begins with {_shown(text[:20])}")
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or error.msg.startswith("Unterminated"):
            raise FeedError(
                f"{name}:{error.lineno}: the JSON breaks off; it has not arrived whole, fetch it"
                " again"
            ) from error
        raise FeedError(
            f"{name}:{error.lineno}: not JSON: {error.msg} at character {error.colno}"
        ) from error
    except RecursionError as error:
        raise FeedError(f"{name}: not a supplier's JSON: it is nested too deeply") from error


def text_or_none(value: object) -> str | None:
    """Returns a text or number as text; None for null, empty, booleans, lists and objects."""
    return value.strip() or None if isinstance(value, str) else None


def list_items(value: object) -> list[object]:
    """Returns the items of a list; none where it is no list."""
    return value if isinstance(value, list) else []


def object_entries(value: object) -> dict[str, object]:
    """Returns the entries of an object; none where it is no object."""
    return value if isinstance(value, dict) else {}


def _shown(text: str) -> str:
    return ascii(text)
