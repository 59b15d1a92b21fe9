"""Files of notices, recipients, and a sender that keeps what it sends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import time
from pathlib import Path

from bms.errors import NoticeError
from bms.model.work.finding import Severity
from bms.model.work.notice import Channel
from bms.model.work.recipient import Notice, Recipient

CARETAKERS = Recipient(
    name="caretakers",
    channel=Channel.EMAIL,
    address="drift@example.dk",
    role="caretaker",
    at_once=Severity.HIGH,
    quiet=(time(21), time(6)),
)


def a_recipient(**changes: object) -> Recipient:
    return replace(CARETAKERS, **changes)  # type: ignore[arg-type]


@dataclass
class KeptNotices:
    """Implements ``NoticeSender``; ``broken`` says why nothing arrives."""

    sent: list[Notice] = field(default_factory=list)
    broken: str | None = None

    async def send(self, notice: Notice) -> None:
        if self.broken is not None:
            raise NoticeError(self.broken)
        self.sent.append(notice)


def notice_file(folder: Path, text: str) -> Path:
    """A file of notices with the secrets that it names."""
    (folder / "hook.secret").write_text("0123456789abcdef0123456789abcdef\n")
    path = folder / "notices.yaml"
    path.write_text(text.replace("SECRET", str(folder / "hook.secret")))
    return path
