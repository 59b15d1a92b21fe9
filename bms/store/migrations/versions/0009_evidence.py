"""Hash chains over what is there, checkpoints of removals; plans keep their problem apart."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from alembic import op
from pydantic_core import from_json, to_json

from bms.model.control.evidence import ChainHead, EvidenceKind
from bms.store.evidence.chain import NO_ENTRY, Proven, appended
from bms.store.migrations.sealing import seal, seal_but, unseal

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PORTION = 1_000
#: Tables whose rows never change, and their personal fields, which may be blanked.
SEALED = {
    "modes": ("actor", "reason"),
    "audit": ("actor", "reason"),
    "erasures": ("actor", "reason"),
    "trial_ends": ("actor", "reason"),
    "events": ("author", "reason"),
    "baselines": ("author", "reason"),
}
WHO = "actor, reason"
#: Kind, table, key, moment, fields that stay, personal fields; rows of the city have no site.
PROVEN = (
    ("audit", "audit", "seq", "at", "at, action, site, subject", WHO),
    ("mode", "modes", "seq", "at", "site, mode, at", WHO),
    ("override", "overrides", "id", "since", "id, site, point, since, until, fact", WHO),
    ("override_end", "overrides", "id", "removed_at", "id, removed_at", "removed_by"),
    (
        *("booking", "bookings", "id", "made_at"),
        "id, site, zone, starts, ends, kind, made_at, people",
        "author, reason",
    ),
    ("booking_end", "bookings", "id", "removed_at", "id, removed_at", "removed_by"),
    ("key", "keys", "id", "created", "id, digest, scope, created", "name"),
    ("key_end", "keys", "id", "revoked", "id, revoked", ""),
    ("receipt", "receipts", "seq", "at", "site, at, kind, body", ""),
    ("plan", "plans", "id", "created_at", "id, site, created_at, body", "problem"),
    ("trial", "trials", "id", "started_at", "id, site, started_at, body", ""),
    ("trial_end", "trial_ends", "trial", "at", "trial, site, at", WHO),
    (
        *("event", "events", "id", "entered_at"),
        "id, site, meter, starts, ends, kwh, kwh_se, kind, decision, entered_at, supersedes",
        "author, reason",
    ),
    ("baseline", "baselines", "seq", "at", "site, at, body", "author, reason"),
    (
        *("erasure", "erasures", "seq", "at"),
        "site, privacy, points, readings, corrections, hours, first, last, until, digest, at",
        WHO,
    ),
)
PACKED = {("plans", "body"), ("plans", "problem")}
OF_CITY = ("keys",)


def upgrade() -> None:
    _tables()
    _split_plans()
    for site in _sites():
        _prove(site)
    seal("removals")
    seal_but("evidence", ("salt",), "NULL")
    for table, personal in SEALED.items():
        unseal(table)
        seal_but(table, personal)


def downgrade() -> None:
    for sealed in SEALED:
        unseal(sealed)
        seal(sealed)
    unseal("evidence")
    unseal("removals")
    _join_plans()
    for name in ("removals", "evidence_heads", "evidence"):
        op.drop_table(name)
    with op.batch_alter_table("receipts") as table:
        table.drop_column("renewed_at")
        table.drop_column("renewals")
    with op.batch_alter_table("plans") as table:
        table.drop_column("problem")


def _tables() -> None:
    op.create_table(
        "evidence",
        sa.Column("chain", sa.String(), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("proves", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("apart", sa.LargeBinary()),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "evidence_heads",
        sa.Column("chain", sa.String(), primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
    )
    op.create_table(
        "removals",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("site", "kind", "part")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("first", "last", "rows")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("digest", "actor")),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_index("removals_by_site", "removals", ["site"])
    op.add_column("plans", sa.Column("problem", sa.LargeBinary()))
    op.add_column(
        "receipts", sa.Column("renewals", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("receipts", sa.Column("renewed_at", sa.BigInteger()))


def _split_plans() -> None:
    """Take the problem out of the body of each plan."""
    for seq, body, _ in _plans():
        plan = from_json(zlib.decompress(body))
        problem = plan.pop("problem")
        _keep(seq, _packed({**plan, "problem": None}), _packed(problem))


def _join_plans() -> None:
    """Put it back; a plan without one goes."""
    for seq, body, problem in _plans():
        if problem is None:
            op.get_bind().execute(sa.text("DELETE FROM plans WHERE seq = :seq"), {"seq": seq})
            continue
        plan = from_json(zlib.decompress(body))
        plan["problem"] = from_json(zlib.decompress(problem))
        _keep(seq, _packed(plan), None)


def _plans() -> Iterator[Any]:
    connection = op.get_bind()
    for (seq,) in connection.execute(sa.text("SELECT seq FROM plans ORDER BY seq")).all():
        found = sa.text("SELECT seq, body, problem FROM plans WHERE seq = :seq")
        yield connection.execute(found, {"seq": seq}).one()


def _keep(seq: int, body: bytes, problem: bytes | None) -> None:
    kept = sa.text("UPDATE plans SET body = :body, problem = :problem WHERE seq = :seq")
    op.get_bind().execute(kept, {"seq": seq, "body": body, "problem": problem})


def _packed(value: object) -> bytes:
    return zlib.compress(to_json(value), level=1)


def _sites() -> list[str]:
    names = sorted({row[1] for row in PROVEN if row[1] not in OF_CITY})
    found: set[str] = {""}
    for table in names:
        site: sa.ColumnClause[str] = sa.column("site")
        sites = sa.select(site).select_from(sa.table(table)).distinct()
        found |= set(op.get_bind().execute(sites).scalars())
    return sorted(found)


def _prove(site: str) -> None:
    """Begin the chain of a site with what is there, by time; never all of it in memory."""
    rows = merge(*(_rows(site, *row) for row in PROVEN), key=itemgetter(0))
    head = NO_ENTRY
    while proven := [row for _, row in islice(rows, PORTION)]:
        entries = appended(site, head, proven)
        op.get_bind().execute(
            _ADD,
            [
                {
                    "chain": site,
                    "number": entry.number,
                    "kind": entry.kind.value,
                    "proves": entry.row,
                    "content": bytes.fromhex(entry.content),
                    "apart": entry.apart and bytes.fromhex(entry.apart),
                    "salt": row.salt,
                    "hash": bytes.fromhex(entry.hash),
                }
                for entry, row in zip(entries, proven, strict=True)
            ],
        )
        head = ChainHead(number=entries[-1].number, hash=entries[-1].hash)
    if head is not NO_ENTRY:
        end = {"chain": site, "number": head.number, "hash": head.hash}
        op.get_bind().execute(_END, end)


_ADD = sa.text(
    "INSERT INTO evidence (chain, number, kind, proves, content, apart, salt, hash)"
    " VALUES (:chain, :number, :kind, :proves, :content, :apart, :salt, :hash)"
)
_END = sa.text("INSERT INTO evidence_heads (chain, number, hash) VALUES (:chain, :number, :hash)")


def _rows(
    site: str, kind: str, table: str, key: str, moment: str, stays: str, goes: str
) -> Iterator[tuple[int, Proven]]:
    names = [name for name in f"{stays}, {goes}".split(", ") if name]
    if table in OF_CITY and site:
        return
    wanted: Any = (
        sa.select(*map(sa.column, (moment, key, *names)))
        .select_from(sa.table(table))
        .where(sa.column(moment).is_not(None))
        .order_by(sa.column(moment), sa.column(key))
    )
    if table not in OF_CITY:
        wanted = wanted.where(sa.column("site") == site)
    n = len(stays.split(", "))
    for at, row, *fields in op.get_bind().execute(wanted):
        plain = [
            zlib.decompress(value).decode() if value and (table, name) in PACKED else value
            for value, name in zip(fields, names, strict=True)
        ]
        salted = bool(goes) and (table, goes) not in PACKED
        salt = secrets.token_bytes(16) if salted else None
        yield at, Proven(EvidenceKind(kind), str(row), plain[:n], plain[n:], salt)
