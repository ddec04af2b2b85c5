"""How does a purge reach Larder even if it is away just now, or this process ends before it is sent?

An order is written into a table in the transaction that makes it necessary, so that both are there or neither. After the
commit it is sent, and its row deleted. What is left is sent later, by whichever process finds it: after requests
(`looking`), and by `manage.py larder_outbox`. To send an order twice does no harm: pages made since are
made once more.

A row that a process is about to send is claimed for a while, by a time before which nobody else takes it: no lock is held
while Larder is waited for.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.models import F
from django.utils import timezone

from . import conf, orders
from .client import Admin, Refused, Unreachable
from .models import OutboxEntry
from .orders import Order, Part

logger = logging.getLogger("django_larder.outbox")

CLAIM = timedelta(seconds=60)
"""For how long a row is one process's: longer than sending takes."""
PAUSE_MAX = timedelta(minutes=5)
"""The longest time between two attempts."""
ROWS_MAX = 10_000
"""Orders that wait. Beyond it they become one: to purge everything, which is more than was asked for but never less."""
ROWS_AT_ONCE = 500
"""Rows that are claimed at once; SQLite takes 999 parameters in old builds."""


def alias_of_outbox() -> str:
    """The database in which the table is."""
    return conf.larder().using or DEFAULT_DB_ALIAS


# ---- whether the table is there --------------------------------------------------------------------------------------

_tables: set[str] = set()


def has_table(alias: str) -> bool:
    """Whether the migrations of `django_larder` have run there; asked until they have."""
    if alias not in _tables:
        connection = connections[alias]
        with connection.cursor() as cursor:
            if OutboxEntry._meta.db_table not in connection.introspection.table_names(cursor):
                return False
        _tables.add(alias)
    return True


# ---- ordering --------------------------------------------------------------------------------------------------------


@dataclass
class Pending:
    """What is ordered in one transaction, or in one of its savepoints: called when it is committed."""

    alias: str
    known: set[Part] = field(default_factory=set)
    orders: list[Order] = field(default_factory=list)
    rows: list[tuple[str, int]] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)

    def add(self, some: Iterable[Order]) -> list[Order]:
        """Those that were not ordered yet, which are now."""
        fresh = orders.without(some, self.known)
        for order in fresh:
            self.known.update(orders.parts(order))
        self.orders += fresh
        return fresh

    def __call__(self) -> None:
        """After the commit. Whatever goes wrong is kept and told, and is no error of the transaction, which is over."""
        _written(self.alias).update(self.tables)
        try:
            _send_committed(self.orders, self.rows)
        except Exception:
            logger.exception("a purge was not sent%s", "; it is tried again" if self.rows else "")


def put(some: Sequence[Order], using: str | None = None, table: str | None = None) -> None:
    """Orders a purge: sent when what is under way in the database `using` is committed, at once where nothing is.

    `table` is the one that was written, if that is why.
    """
    if not some:
        return
    alias = using or alias_of_outbox()
    connection = connections[alias]
    if not connection.in_atomic_block and not connection.get_autocommit():
        # Transactions by hand: nobody tells when they are committed. The row is, with them.
        rows = _write(some, alias, timezone.now())
        if not rows:
            Pending(alias, orders=list(some))()
        return
    pending = _pending(connection, alias)
    if table is not None:
        pending.tables.add(table)
    if fresh := pending.add(some):
        pause = timedelta(seconds=conf.larder().retry_every)
        # In another database the row is there before the change is, and must not be sent before.
        pending.rows += _write(fresh, alias, timezone.now() + (pause if alias == alias_of_outbox() else max(pause, CLAIM)))
    if not connection.in_atomic_block:
        pending()


def keep(some: Sequence[Order]) -> None:
    """Writes orders into the outbox, and leaves it to others to send them."""
    _write(some, alias_of_outbox(), timezone.now() + timedelta(seconds=conf.larder().retry_every))


def _pending(connection: Any, alias: str) -> Pending:
    """What the transaction's present savepoints have ordered so far."""
    if not connection.in_atomic_block:
        return Pending(alias)
    here = set(connection.savepoint_ids)
    # In a test's transaction callbacks are counted: what it captures has to be new.
    in_test = any(getattr(block, "_from_testcase", False) for block in getattr(connection, "atomic_blocks", ()))
    if connection.run_on_commit and not in_test:
        # Only in the same savepoints: what was ordered in one that is rolled back was not ordered.
        savepoints, call = connection.run_on_commit[-1][:2]
        if isinstance(call, Pending) and savepoints == here:
            return call
    if not any(isinstance(call, Pending) for _, call, *_ in connection.run_on_commit):
        _written(alias).clear()
    pending = Pending(alias)
    transaction.on_commit(pending, using=alias)
    return pending


def _written(alias: str) -> set[str]:
    """The tables that the last transaction of this connection wrote, and ordered the purges of."""
    written: set[str] = connections[alias].__dict__.setdefault("_larder_written", set())
    return written


def was_written(alias: str | None, table: str) -> bool:
    """Whether purges for this table were ordered by the transaction that was just committed; asked once for each."""
    written = _written(alias or DEFAULT_DB_ALIAS)
    if table not in written:
        return False
    written.remove(table)
    return True


def _write(some: Sequence[Order], using: str, due: Any) -> list[tuple[str, int]]:
    """Into the table, where there is to be one. The rows' database and numbers."""
    if not conf.larder().outbox or not some:
        return []
    alias = alias_of_outbox()
    try:
        if not has_table(alias):
            logger.warning("there is no table for the outbox in the database %r: run manage.py migrate django_larder", alias)
            return []
        # In another database than the change there is no transaction with both: the row comes first, and stays if the
        # change does not, which purges more than necessary, but not less.
        entries = [OutboxEntry(order=order, next_attempt=due) for order in orders.together(some)]
        for entry in entries:
            entry.save(using=alias, force_insert=True)
    except DatabaseError:
        if alias == using:
            raise
        logger.exception("the outbox in the database %r can't be written", alias)
        return []
    return [(alias, entry.pk) for entry in entries]


# ---- sending ---------------------------------------------------------------------------------------------------------


@dataclass
class State:
    """What this process knows of Larder; not shared with others, and of no consequence but for haste."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    away_until: float = 0.0
    away: bool = False
    look_next: float | None = None


state = State()


def forget_state() -> None:
    """As in a new process; for tests."""
    global state
    state = State()
    _tables.clear()


def send(some: Iterable[Order], admin: Admin | None = None) -> list[Any]:
    """Sends orders now. Raises Unreachable or Refused at the first that fails. What Larder answered to each."""
    admin = admin or Admin.of_settings()
    answers = []
    for order in orders.together(some):
        for body in orders.bodies(order, conf.larder().hosts):
            answers.append(admin.post("/purge", body).json())
    return answers


def _send_committed(some: list[Order], rows: list[tuple[str, int]]) -> None:
    if rows and time.monotonic() < state.away_until:
        # It was away a moment ago: visitors do not wait for it at each change.
        return
    try:
        send(some)
    except (Unreachable, Refused) as error:
        _failed(error, rows)
        if not rows:
            logger.error("a purge is lost, since there is no outbox: %s", "; ".join(map(orders.in_words, some)))
        return
    _reached()
    by_alias: dict[str, list[int]] = {}
    for alias, row in rows:
        by_alias.setdefault(alias, []).append(row)
    for alias, numbers in by_alias.items():
        _delete(alias, numbers)


def _failed(error: Unreachable | Refused, rows: list[tuple[str, int]]) -> None:
    if isinstance(error, Refused) and error.for_good:
        # Which of them is wrong is found out one by one.
        logger.warning("Larder refused purges: %s", error)
        for alias, row in rows:
            send_one(OutboxEntry.objects.using(alias).filter(pk=row))
        return
    _away(error)
    for alias, row in rows:
        _put_off(OutboxEntry.objects.using(alias).filter(pk=row), error, timedelta(seconds=conf.larder().retry_every))


def _away(error: Exception) -> None:
    level = logging.DEBUG if state.away else logging.ERROR
    logger.log(level, "purges can't be sent now: %s; those in the outbox are sent later", error)
    state.away = True
    state.away_until = time.monotonic() + conf.larder().retry_every


def _reached() -> None:
    if state.away:
        logger.info("purges can be sent again")
        state.look_next = 0.0
    state.away, state.away_until = False, 0.0


def _delete(alias: str, numbers: list[int]) -> None:
    for begin in range(0, len(numbers), ROWS_AT_ONCE):
        try:
            OutboxEntry.objects.using(alias).filter(pk__in=numbers[begin : begin + ROWS_AT_ONCE])._raw_delete(alias)
        except DatabaseError as error:
            # They are sent once more, and deleted then.
            logger.info("rows of the outbox that were sent could not be deleted: %s", error)


def _put_off(rows: Any, error: Exception, pause: timedelta) -> None:
    try:
        rows.update(
            attempts=F("attempts") + 1, last_error=str(error), claim="", next_attempt=timezone.now() + min(pause, PAUSE_MAX)
        )
    except DatabaseError as problem:
        logger.info("a row of the outbox could not be put off: %s", problem)


def send_one(rows: Any) -> tuple[str, str]:
    """Sends one row alone, as far as it is still there: "sent", "refused" or "waiting", and why."""
    entry = rows.first()
    if entry is None:
        return "sent", ""
    try:
        send([entry.order])
    except Refused as error:
        if error.for_good:
            rows.update(state=OutboxEntry.State.REFUSED, attempts=F("attempts") + 1, last_error=str(error), claim="")
            logger.error("Larder will never accept this purge, and it is not sent again: %s: %s", entry, error)
            return "refused", str(error)
        _away(error)
        _put_off(rows, error, _pause(entry.attempts))
        return "waiting", str(error)
    except Unreachable as error:
        _away(error)
        _put_off(rows, error, _pause(entry.attempts))
        return "waiting", str(error)
    rows._raw_delete(rows.db)
    return "sent", ""


def _pause(attempts: int) -> timedelta:
    """Longer with each attempt."""
    seconds = conf.larder().retry_every * 2 ** min(attempts, 10)
    return min(timedelta(seconds=seconds), PAUSE_MAX)


# ---- what is left ----------------------------------------------------------------------------------------------------


@dataclass
class Delivered:
    """What became of the rows that were due."""

    sent: int = 0
    waiting: int = 0
    refused: int = 0
    error: str = ""


def deliver(alias: str | None = None, *, all_of_them: bool = False) -> Delivered:
    """Sends what is due in the outbox, or all that waits there. Never raises for Larder's sake."""
    alias = alias or alias_of_outbox()
    done = Delivered()
    if not has_table(alias):
        return done
    while True:
        rows, entries = _claim(alias, all_of_them)
        if not entries:
            return done
        try:
            send([entry.order for entry in entries])
        except (Unreachable, Refused) as error:
            done.error = str(error)
            if isinstance(error, Refused) and error.for_good:
                for entry in entries:
                    became, _ = send_one(rows.filter(pk=entry.pk))
                    setattr(done, became, getattr(done, became) + 1)
                if done.waiting:
                    return done
                continue
            _away(error)
            for attempts in {entry.attempts for entry in entries}:
                _put_off(rows.filter(attempts=attempts), error, _pause(attempts))
            done.waiting += len(entries)
            _bound(alias, error)
            return done
        _reached()
        rows._raw_delete(alias)
        done.sent += len(entries)


def _bound(alias: str, error: Exception) -> None:
    """A Larder that is away for long, or for ever, does not fill the database."""
    waiting = OutboxEntry.objects.using(alias).filter(state=OutboxEntry.State.WAITING)
    count = waiting.count()
    if count <= ROWS_MAX:
        return
    last = waiting.order_by("-id").values_list("pk", flat=True)[0]
    everything = OutboxEntry(order=orders.everything()[0], attempts=1, last_error=str(error))
    with transaction.atomic(using=alias):
        everything.save(using=alias, force_insert=True)
        waiting.filter(pk__lte=last)._raw_delete(alias)
    logger.warning("%d purges waited for Larder: they are one now, to purge everything", count)


def _claim(alias: str, all_of_them: bool) -> tuple[Any, list[OutboxEntry]]:
    """Rows that are this process's now, and nobody else's for a minute."""
    objects = OutboxEntry.objects.using(alias)
    now = timezone.now()
    due = objects.filter(state=OutboxEntry.State.WAITING)
    if not all_of_them:
        due = due.filter(next_attempt__lte=now)
    claim = uuid.uuid4().hex
    can_skip = connections[alias].features.has_select_for_update_skip_locked
    # Elsewhere a transaction that begins by reading could not go on to write while another does.
    with transaction.atomic(using=alias) if can_skip else contextlib.nullcontext():
        wanted = due.filter(claim="") | due.filter(next_attempt__lte=now)
        if can_skip:
            wanted = wanted.select_for_update(skip_locked=True)
        numbers = list(wanted.order_by("id").values_list("pk", flat=True)[:ROWS_AT_ONCE])
        if not numbers:
            return objects.none(), []
        # Asked again: where rows can't be locked, another may have been quicker.
        still = due.filter(pk__in=numbers)
        (still.filter(claim="") | still.filter(next_attempt__lte=now)).update(claim=claim, next_attempt=now + CLAIM)
    rows = objects.filter(claim=claim)
    return rows, list(rows.order_by("id"))
