"""What group and others may do with files, and umasks."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def others_may(folder: Path) -> dict[str, str]:
    """The files and folders in which group or others may do something."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & 0o077 and not path.is_symlink():
            found[str(path.relative_to(folder))] = oct(mode)
    return found


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    """The umask of this process while the block runs."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
