"""Tests of some folders start no process and open no connection: an audit hook sees to it.

What the interpreter audits costs nothing to watch and patches nothing. An event loop's own pair of
sockets is neither bound nor connected, so it passes.
"""

from __future__ import annotations

import sys

FORBIDDEN = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "subprocess.Popen",
    }
)


class LeftTheProcess(Exception):
    """A test that has to stay inside its process reached out of it."""


class Watch:
    """Raises ``LeftTheProcess`` where something reaches out while a test is watched, and keeps what
    it was, since the code under test may have swallowed it."""

    def __init__(self) -> None:
        self._watching = False
        self._seen: list[str] = []
        sys.addaudithook(self._audited)

    def begin(self) -> None:
        self._watching = True
        self._seen.clear()

    def end(self) -> tuple[str, ...]:
        """What reached out since the beginning."""
        self._watching = False
        return tuple(self._seen)

    def _audited(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in FORBIDDEN and self._watching:
            said = f"{event}{arguments!r}"
            self._seen.append(said)
            raise LeftTheProcess(said)
