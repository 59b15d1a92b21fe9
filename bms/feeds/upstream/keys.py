"""The file of the upstreams: a line for each with its address, the key to it, and its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bms.errors import ConfigError
from bms.model.outside_text import without_secrets

OTHERS = 0o077
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Upstream:
    """A backend to read from; ``url`` has no slash at its end."""

    url: str
    key: str = field(repr=False)
    name: str


def upstreams_of(urls: Sequence[str], file: Path | None) -> tuple[Upstream, ...]:
    """The upstreams with these addresses, in their order, each with its key from the file.

    Raises ``ConfigError`` for an address that is none or has a key in it, one that stands twice or
    not in the file, and a file that others can read.
    """
    if file is None:
        raise ConfigError(
            "upstreams are read with a key for each: name the file with a line URL KEY [NAME] for "
            "each in BMS_UPSTREAM_KEYS or --upstream-keys"
        )
    known = _lines(file)
    wanted = [_plain(url) for url in urls]
    for url in wanted:
        if wanted.count(url) > 1:
            raise ConfigError(f"the upstream {url} is named twice")
        if url not in known:
            raise ConfigError(f"{file} has no line for the upstream {url}; write: {url} KEY")
    return tuple(known[url] for url in wanted)


def _lines(file: Path) -> dict[str, Upstream]:
    try:
        if file.stat().st_mode & OTHERS:
            raise ConfigError(f"others can read the keys in {file}; chmod 600 {file}")
        lines = file.read_bytes()[:MOST_BYTES].decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the keys of the upstreams in {file} cannot be read: {error}") from error
    found: dict[str, Upstream] = {}
    for number, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].split(None, 2)
        if not words:
            continue
        if len(words) == 1:
            raise ConfigError(f"{file}:{number}: a line has an address and a key: URL KEY [NAME]")
        url = _plain(words[0])
        found[url] = Upstream(url, words[1], words[2].strip() if len(words) > 2 else _short(url))
    return found


def _plain(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{without_secrets(url)!r} is no address of an upstream; write https://energy.example.dk"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError("the address of an upstream has no key in it: keys stand in a file")
    return url.rstrip("/")


def _short(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"
