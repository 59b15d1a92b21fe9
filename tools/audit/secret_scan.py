"""Secrets that were committed: in the files of a repository, and in every line that it ever had.

Looked for are private keys, keys of this product, tokens of well-known services, passwords in
addresses, and texts of high entropy behind a telling name. ``known.txt`` holds the SHA-256 of
findings that a person has looked at and found to be none, examples and keys of tests.
"""

from __future__ import annotations

import hashlib
import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

KNOWN = Path(__file__).with_name("known.txt")
LONGEST = 4_000
"""Characters of a line that are looked at [1]."""
PATTERNS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a key of this product": re.compile(r"\bbms_[0-9a-f]{8}_[A-Za-z0-9_-]{43}\b"),
    "a token of a service": re.compile(
        r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,}|glpat-[\w-]{20,}"
        r"|xox[abprs]-[\w-]{10,}|sk-[A-Za-z0-9_-]{32,}|eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,})"
    ),
    "a password in an address": re.compile(
        r"\b[a-z][a-z0-9+]*://[^\s:/@'\"{}<]+:([^\s:/@'\"{}<]+)@"
    ),
}
NAMED = re.compile(
    r"(?i)(password|passwd|secret|token|api_?key|access_?key)\w*[\"']?\s*[:=]\s*"
    r"[\"']([A-Za-z0-9+/=_.~-]{20,})[\"']"
)
LEAST_BITS = 3.5
"""Entropy [bit a character] above which a text is no word."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that may be a secret. ``place`` is a file or a commit; ``digest`` names it in
    ``known.txt``; the secret itself is not shown."""

    place: str
    what: str
    digest: str


def scan(root: Path) -> tuple[list[Finding], str | None]:
    """What was found in the tree and in the history below ``root``, each once, and why the history
    was not looked at, None where it was."""
    known = known_digests()
    found = {f.digest: f for f in _in_tree(root)}
    try:
        for finding in _in_history(root):
            found.setdefault(finding.digest, finding)
        untold = None
    except (OSError, subprocess.CalledProcessError):
        untold = "the history was not looked at: there is no git repository, or no git"
    return [f for f in found.values() if f.digest not in known], untold


def known_digests() -> frozenset[str]:
    """The digests of ``known.txt``: the first word of each line."""
    lines = KNOWN.read_text("utf-8").splitlines()
    return frozenset(line.split()[0] for line in lines if line and not line.startswith("#"))


def in_line(line: str, place: str) -> Iterator[Finding]:
    """What may be a secret in a line."""
    text = line[:LONGEST]
    for what, pattern in PATTERNS.items():
        for match in pattern.finditer(text):
            yield _finding(place, what, match[0])
    for match in NAMED.finditer(text):
        if entropy(match[2]) >= LEAST_BITS:
            yield _finding(place, f"a value of {match[1].lower()}", match[2])


def entropy(text: str) -> float:
    """Shannon entropy [bit a character]."""
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)


def _finding(place: str, what: str, secret: str) -> Finding:
    return Finding(place, what, hashlib.sha256(secret.encode()).hexdigest())


def _in_tree(root: Path) -> Iterator[Finding]:
    for file in _files(root):
        if file.is_file() and not file.is_symlink():
            lines = file.read_bytes().decode("utf-8", "replace").splitlines()
            for number, line in enumerate(lines, 1):
                yield from in_line(line, f"{file.relative_to(root)}:{number}")


def _files(root: Path) -> Iterable[Path]:
    try:
        listed = _git(root, "ls-files", "-z").stdout
    except (OSError, subprocess.CalledProcessError):
        return sorted(p for p in root.rglob("*") if not {".git", ".venv", "var"} & set(p.parts))
    return [root / name.decode() for name in listed.split(b"\0") if name]


def _in_history(root: Path) -> Iterator[Finding]:
    """Lines that some commit has added, whatever became of them."""
    log = _git(root, "log", "--all", "-p", "-U0", "--no-color", "--no-ext-diff", "--format=%x00%h")
    commit = ""
    for raw in log.stdout.splitlines():
        line = raw.decode("utf-8", "replace")
        if line.startswith("\0"):
            commit = line[1:]
        elif line.startswith("+"):
            yield from in_line(line[1:], f"commit {commit}")


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, check=True)  # noqa: S603
