"""Webhooks: what is posted is signed, and goes to hosts that a file names, and nowhere else.

``X-BMS-Signature`` is ``sha256=`` and the HMAC-SHA256 of the secret over ``X-BMS-Timestamp`` (epoch
seconds), a full stop and the body. Whoever receives it compares it in constant time, refuses a
timestamp that is more than five minutes off, and an ``X-BMS-Notice`` that it has had already.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.errors import FeedError, NoticeError
from bms.model.assets.site import Site
from bms.model.outside_text import without_secrets
from bms.model.work.item import WorkItem
from bms.model.work.recipient import Notice
from bms.notices.file import check_target
from bms.notices.texts import subject, translator_for
from bms.outgoing.http import HttpxClient

CLIENT = HttpxClient(
    user_agent="bms",
    timeout_s=10.0,
    deadline_s=30.0,
    max_bytes=0,
    max_redirects=0,
    proxies=False,
)
TOLERANCE_S = 300
"""How far the timestamp of a request may be off before it is refused [s]."""


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What ``X-BMS-Signature`` says of a body at ``timestamp`` [epoch s]."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """Whether a request was signed with the secret, and lately; for whoever receives one."""
    timestamp, given = headers.get("x-bms-timestamp", ""), headers.get("x-bms-signature", "")
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        return False
    return hmac.compare_digest(signature(secret, int(timestamp), body), given)


def body_of(notice: Notice, sites: Mapping[str, Site], base_url: str | None) -> bytes:
    """The JSON of a notice."""
    t = translator_for(notice.recipient.language, notice.recipient.timezone)

    def item(each: WorkItem) -> dict[str, object]:
        cause = each.cause
        return {
            "id": each.id,
            "site": cause.site or None,
            "kind": cause.kind,
            "severity": cause.severity,
            "subject": cause.subject,
            "rule": cause.rule,
            "what": t.describe(cause.what),
            "code": cause.what.code,
            "look_for": None if cause.look_for is None else t.describe(cause.look_for),
            "since": cause.since.isoformat(),
            "opened_at": each.opened_at.isoformat(),
            "dkk_year": cause.dkk_year,
            "url": None if base_url is None else f"{base_url}/work-list/{each.id}",
        }

    told = {
        "id": notice.id,
        "at": notice.at.isoformat(),
        "recipient": notice.recipient.name,
        "occasion": notice.occasion,
        "title": subject(notice, sites),
        "items": [item(each) for each in notice.new],
        "open": len(notice.open),
    }
    return json.dumps(told, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPost:
    """What is posted to ``url``: a body of a media type, known for good by ``id``. ``more`` are
    further headers."""

    url: str
    id: str
    body: bytes
    media_type: str
    more: Mapping[str, str] = field(default_factory=dict)

    def headers(self, secret: str, now_s: float) -> dict[str, str]:
        """The headers of the request at ``now_s`` [epoch s]."""
        timestamp = int(now_s)
        return {
            **self.more,
            "content-type": self.media_type,
            "x-bms-notice": self.id,
            "x-bms-timestamp": str(timestamp),
            "x-bms-signature": signature(secret, timestamp, self.body),
        }


async def send_webhook(
    post: SignedPost, secret: str, hosts: frozenset[str], *, now_s: float
) -> None:
    """Post a signed body; redirects are not followed, proxies of the environment not asked, and of
    the answer nothing is read but its status.

    Raises ``NoticeError`` where it was not taken, or may not go there.
    """
    url, shown = post.url, without_secrets(post.url)
    try:
        check_target(url, hosts)
        answer = await CLIENT.send("POST", url, post.headers(secret, now_s), post.body)
    except ValueError as error:
        raise NoticeError(str(error)) from error
    except FeedError as error:
        raise NoticeError(f"{shown}: {error}") from error
    if not 200 <= answer.status < 300:
        raise NoticeError(f"{shown} answered {answer.status}")
