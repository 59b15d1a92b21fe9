"""The ends of the evidence's chains, kept beside the journal (W16).

Whoever cuts the tail of a chain in the database has to cut this file as well. It is JSON, with the
number and hash of the last entry of each chain by its name (empty for the city), and never goes
back: a chain that is shorter than it was keeps the end that was known.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from bms.errors import StoreError, StoreUnavailable
from bms.journal.locks import locked, replace_file
from bms.model.codec import from_json, to_json
from bms.model.control.evidence import ChainHead

_HEADS = dict[str, ChainHead]


class FileHeads:
    """Implements ``KnownHeads`` in a file. Constructing it does no input or output.

    ``sync`` is called with the file descriptor before the ends count as kept.
    """

    def __init__(self, path: Path, *, sync: Callable[[int], None] = os.fsync) -> None:
        self.path = path
        self._sync = sync

    def heads(self) -> dict[str, ChainHead]:
        """See ``KnownHeads``."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreUnavailable(f"{self.path} cannot be read: {error.strerror}") from error
        try:
            return from_json(_HEADS, text)
        except ValidationError as error:
            raise StoreError(
                f"{self.path} is damaged, so that nobody can say whether a chain was cut; keep the"
                " file as it is for whoever looks into it, under another name"
            ) from error

    def keep(self, heads: Mapping[str, ChainHead]) -> None:
        """See ``KnownHeads``."""
        try:
            with locked(self.path):
                known = self.heads()
                further = {
                    chain: head
                    for chain, head in heads.items()
                    if chain not in known or head.number > known[chain].number
                }
                if further:
                    text = to_json({**known, **further}, _HEADS)
                    replace_file(self.path, [text.encode(), b"\n"], self._sync)
        except OSError as error:
            raise StoreUnavailable(
                f"the ends of the chains cannot be kept in {self.path}: {error.strerror or error}"
            ) from error
