"""Files that a command writes where its user says: none is overwritten, no link is followed.

They are for their user alone: reports tell of people. What is for others to read, as site files
are, gets the mode that the umask of the caller leaves.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import typer

from bms.model.private_umask import PRIVATE


def callers_umask(context: typer.Context) -> int:
    """The umask with which the command was called; ``bms.cli.main`` has narrowed it since."""
    given = context.find_root().obj
    return given if isinstance(given, int) else PRIVATE


def make_folder(folder: Path, umask: int) -> None:
    """Make a folder, and those above it, for those whom the umask lets in."""
    for each in reversed((folder, *folder.parents)):
        if not each.exists():
            each.mkdir()
            each.chmod(0o777 & ~umask)


@contextlib.contextmanager
def new_output(path: Path, *, force: bool = False, umask: int = PRIVATE) -> Iterator[IO[bytes]]:
    """A new file to be written bit by bit; with ``force`` one in the place of another, or of a
    link. What is not finished is gone.

    Raises ``typer.BadParameter`` where something bears the name, OSError where it cannot be
    written.
    """
    target = path.with_name(f".{path.name}.{os.getpid()}.new") if force else path
    try:
        file = _opened_new(target)
    except FileExistsError:
        raise _exists(path) from None
    try:
        with file:
            os.fchmod(file.fileno(), 0o666 & ~umask)
            yield file
        if force:
            target.replace(path)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _exists(path: Path) -> typer.BadParameter:
    return typer.BadParameter(f"{path} exists; name another file, or overwrite it with --force")


def write_output(path: Path, content: bytes, *, force: bool = False, umask: int = PRIVATE) -> None:
    """Write a new file; with ``force`` one in the place of another, or of a link.

    Raises ``typer.BadParameter`` where something bears the name, OSError where it cannot be
    written.
    """
    with new_output(path, force=force, umask=umask) as file:
        file.write(content)


def _opened_new(path: Path) -> IO[bytes]:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "w+b")
