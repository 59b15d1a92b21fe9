"""Files that a command writes where its user says: none is overwritten, no link is followed."""

from __future__ import annotations

import os
from pathlib import Path

import typer


def write_output(path: Path, content: bytes, *, force: bool = False) -> None:
    """Write a new file; with ``force`` one in the place of another, or of a link.

    Raises ``typer.BadParameter`` where something bears the name, OSError where it cannot be
    written.
    """
    if force:
        beside = path.with_name(f".{path.name}.{os.getpid()}.new")
        _write_new(beside, content)
        beside.replace(path)
        return
    try:
        _write_new(path, content)
    except FileExistsError:
        raise typer.BadParameter(
            f"{path} exists; name another file, or overwrite it with --force"
        ) from None


def _write_new(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o644), "wb") as file:
        file.write(content)
