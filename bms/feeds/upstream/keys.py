"""The file of the upstreams: a line for each with its address, the key to it, and its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bms.errors import ConfigError
from bms.model.outside_file import read_secret_file
from bms.model.outside_text import obeyed, without_secrets

OTHERS = 0o077
MOST_BYTES = 1_000_000
USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Upstream:
    """A backend to read from; ``url`` has no slash at its end."""

    url: str
    key: str = field(repr=False)
    name: str


def upstreams_of(urls: Sequence[str], file: Path | None) -> tuple[Upstream, ...]:
    """The upstreams with these addresses, in their order, each with its key from the file.

    Raises ``ConfigError`` for an address that is none or has a key in it, one that stands twice or
    not in the file, two with the same name, and a file that others can read.
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
    found = tuple(known[url] for url in wanted)
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{file}: two upstreams have the same name {name!r}; name them apart")
    return found


def _lines(file: Path) -> dict[str, Upstream]:
    try:
        if file.stat().st_mode & OTHERS:
            raise ConfigError(f"others can read the keys in {file}; chmod 600 {file}")
        lines = read_secret_file(file, MOST_BYTES).splitlines()
    except OSError as error:
        why = error.strerror
        raise ConfigError(f"the keys of the upstreams in {file} cannot be read: {why}") from error
    found: dict[str, Upstream] = {}
    for number, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].split(None, 2)
        if not words:
            continue
        if len(words) == 1:
            raise ConfigError(f"{file}:{number}: a line has an address and a key: URL KEY [NAME]")
        if any(obeyed(sign) for sign in line):
            raise ConfigError(f"{file}:{number}: a line has no control characters")
        url = _plain(words[0])
        if url in found:
            raise ConfigError(f"{file}:{number}: two lines have the address {url}")
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
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{without_secrets(url)!r} has no port that can be: {error}") from error
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = port is None or port == USUAL_PORTS[parts.scheme]
    return f"{parts.scheme}://{host if usual else f'{host}:{port}'}{parts.path.rstrip('/')}"


def _short(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"
