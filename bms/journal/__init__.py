"""What is ours at the devices, on disk before the write leaves; independent of the database."""

from bms.journal.entries import dialect
from bms.journal.file import FileJournal, open_leases
from bms.journal.hands_off import FileHandsOff, MemoryHandsOff
from bms.journal.locks import locked
from bms.journal.memory import MemoryJournal

__all__ = [
    "FileHandsOff",
    "FileJournal",
    "MemoryHandsOff",
    "MemoryJournal",
    "dialect",
    "locked",
    "open_leases",
]
