"""What was said, kept in SQLite or PostgreSQL. Each message once, by its id, however many desks write.

Blocking; call it from a thread. Knows messages as JSON and nothing of what they mean.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from agent.core.errors import StoreError

_tables = sa.MetaData()
_messages = sa.Table(
    "desk_messages",
    _tables,
    sa.Column("message_id", sa.String(128), primary_key=True),
    sa.Column("unix_s", sa.Float, nullable=False),
    sa.Column("department", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("nest", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("desk_messages_by_subject", "department", "kind", "subject", "unix_s"),
    sa.Index("desk_messages_by_time", "department", "kind", "unix_s"),
)


@dataclass(frozen=True, slots=True)
class Record:
    """One message. kind: alert, reply, flight, action or request; subject: the alert, request or flight that it is about."""

    message_id: str
    unix_s: float
    kind: str
    nest: str
    subject: str
    body: dict[str, Any]


class History:
    """The history of one department.

    Args:
        url: SQLAlchemy's form.
        department: whose.

    Raises:
        StoreError: it cannot be opened.
    """

    def __init__(self, url: str, department: str) -> None:
        self._department = department
        try:
            self._engine = sa.create_engine(url, pool_pre_ping=True)
            if self._engine.dialect.name not in {"sqlite", "postgresql"}:
                raise StoreError("desk.history", f"history {url}: write sqlite:///FILE or postgresql+psycopg://…")
            _tables.create_all(self._engine)
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            raise StoreError("desk.history", f"the history cannot be opened: {error}") from error

    def write(self, records: Iterable[Record]) -> None:
        """Keeps messages; those that are there already stay as they are.

        Raises:
            StoreError: they are not safe.
        """
        rows = [
            {
                "message_id": r.message_id[:128],
                "unix_s": r.unix_s,
                "department": self._department,
                "kind": r.kind,
                "nest": r.nest[:64],
                "subject": r.subject[:64],
                "body": json.dumps(r.body, ensure_ascii=False, separators=(",", ":")),
            }
            for r in records
        ]
        if not rows:
            return
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(_messages).on_conflict_do_nothing(), rows)
        except sa.exc.SQLAlchemyError as error:
            raise StoreError("desk.history", f"{len(rows)} messages cannot be written: {error}") from error

    def of(self, kind: str, subject: str, most: int = 200) -> list[dict[str, Any]]:
        """All that was said of one thing, the oldest first."""
        wanted = self._chosen(kind).where(_messages.c.subject == subject)
        return self._read(wanted.order_by(_messages.c.unix_s, _messages.c.message_id).limit(most))

    def newest(self, kind: str, before_unix_s: float | None = None, most: int = 50) -> list[dict[str, Any]]:
        """The newest message of each thing of a kind, the newest first."""
        last = (
            sa.select(_messages.c.subject, sa.func.max(_messages.c.unix_s).label("unix_s"))
            .where(_messages.c.department == self._department, _messages.c.kind == kind)
            .group_by(_messages.c.subject)
            .subquery()
        )
        same = sa.and_(_messages.c.subject == last.c.subject, _messages.c.unix_s == last.c.unix_s)
        wanted = self._chosen(kind).join(last, same)
        if before_unix_s is not None:
            wanted = wanted.where(_messages.c.unix_s < before_unix_s)
        return self._read(wanted.order_by(_messages.c.unix_s.desc(), _messages.c.message_id.desc()).limit(most))

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    def _chosen(self, kind: str) -> sa.Select[Any]:
        columns = (_messages.c.unix_s, _messages.c.nest, _messages.c.subject, _messages.c.body)
        return sa.select(*columns).where(_messages.c.department == self._department, _messages.c.kind == kind)

    def _read(self, wanted: sa.Select[Any]) -> list[dict[str, Any]]:
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(wanted).all()
        except sa.exc.SQLAlchemyError as error:
            raise StoreError("desk.history", f"the history cannot be read: {error}") from error
        return [{"unix_s": r.unix_s, "nest": r.nest, "subject": r.subject, "body": json.loads(r.body)} for r in rows]
