"""The one door for files that a person, a setting or a supplier names.

A name may be that of a pipe, on which we would wait for ever, of a device without an end, or of a
file that is larger than anything we expect: only regular files are read, and of them never more
than is taken. What is refused is an ``OSError`` that says why (``strerror``) and of which file
(``filename``), like what the system refuses by itself.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

MOST_SECRET = 10_000
"""Bytes [1] of a file with a password, a token or keys: a key of RSA has some 3 000."""
MOST_CERTIFICATES = 5_000_000
"""Bytes [1] of a file of certificates: all that browsers trust are a few hundred kB."""


def opened_outside(path: Path, most: int | None = None) -> BinaryIO:
    """A regular file, open for reading. Raises OSError for what is none, for one that is larger
    than ``most`` [B], and for one that cannot be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # U+0000 in its name
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    seen = os.fstat(descriptor)
    if stat.S_ISREG(seen.st_mode) and (most is None or seen.st_size <= most):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if most is not None and stat.S_ISREG(seen.st_mode):
        raise _too_large(path, most)
    raise OSError(errno.EINVAL, "it is no file", str(path))


def read_outside(path: Path, most: int) -> bytes:
    """All bytes of a regular file, ``most`` [B] at most. Raises OSError."""
    with opened_outside(path, most) as file:
        content = file.read(most + 1)
    if len(content) > most:  # it grows while it is read
        raise _too_large(path, most)
    return content


def read_secret_file(path: Path, most: int = MOST_SECRET) -> str:
    """The text of a file with secrets. Raises OSError, without what stands there."""
    try:
        return read_outside(path, most).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "it is not UTF-8", str(path)) from None


def lines_of_outside(path: Path, most: int) -> io.TextIOWrapper:
    """The lines of a text in UTF-8, of ``most`` [B] at most. Raises OSError."""
    return io.TextIOWrapper(opened_outside(path, most), encoding="utf-8")


def _too_large(path: Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {most} bytes", str(path))
