"""What does a write change? Told where the ORM executes it: `save`, `update`, `bulk_create`, `delete` and its cascades, and
the tables between models all come this way.

A write outside of a transaction gets one, with the row of the outbox in it: else a process that ends between the two would
have changed a page that nobody purges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.db.models.constants import OnConflict
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.constants import NO_RESULTS

from .. import conf, outbox
from ..orders import Order
from . import names, urls
from .lookups import unique
from .seen import muted

ROWS_MAX = 200
"""Rows of one write that are purged by their own tags; with more, all pages of single rows of the model are."""

Pks = Iterable[str] | None


def changed(label: str, pks: Pks) -> list[Order]:
    """The order for rows that have changed; None: nobody knows which."""
    known = None if pks is None else list(pks)
    if known is None or len(known) > ROWS_MAX:
        return [{"tags": [label, names.some_rows(label)]}]
    return [{"tags": [label, *(names.row(label, pk) for pk in known)]}]


def _write(compiler: SQLCompiler, run: Callable[[], Any], pks: Callable[[Any], Pks | bool]) -> Any:
    """Executes a write and orders what follows. `pks` says which rows it was about; False: none."""
    label = names.of_model(compiler.query.model)
    if muted.get() or names.is_ignored(label):
        return run()
    connection = compiler.connection
    if connection.in_atomic_block or not connection.get_autocommit() or not conf.larder().outbox:
        return _and_order(compiler, label, run, pks)
    with transaction.atomic(using=connection.alias, savepoint=False):
        return _and_order(compiler, label, run, pks)


def _and_order(compiler: SQLCompiler, label: str, run: Callable[[], Any], pks: Callable[[Any], Pks | bool]) -> Any:
    result = run()
    which = pks(result)
    if which is not False:
        alias = compiler.connection.alias
        some = changed(label, which)  # type: ignore[arg-type]
        outbox.put(some + urls.take(compiler.query.model), alias, compiler.query.get_meta().db_table)
    return result


def insert(original: Callable[..., Any]) -> Callable[..., Any]:
    """`SQLInsertCompiler.execute_sql`."""

    def execute_sql(self: Any, returning_fields: Any = None) -> Any:
        def pks(result: Any) -> Pks:
            query = self.query
            pk = names.single_pk(query.model)
            if pk is None or query.on_conflict == OnConflict.UPDATE:
                return None
            values = [getattr(one, pk.attname, None) for one in query.objs]
            if returning_fields and pk in returning_fields and result and len(result) == len(values):
                place = list(returning_fields).index(pk)
                values = [row[place] for row in result]
            return _texts(pk, values)

        return _write(self, lambda: original(self, returning_fields), pks)

    return execute_sql


def update(original: Callable[..., Any]) -> Callable[..., Any]:
    """`SQLUpdateCompiler.execute_sql`, and `execute_returning_sql` of newer Djangos."""

    def execute_sql(self: Any, result_type: Any, *more: Any) -> Any:
        label = names.of_model(self.query.model)
        fields = {field.name for field, _, _ in self.query.values}

        def pks(result: Any) -> Pks | bool:
            # Nothing of this table: only what its parents have.
            if not fields or names.are_ignored(label, fields):
                return False
            # A number, or the rows that were returned.
            if result_type != NO_RESULTS and (result == 0 or result == []):
                return False
            if any(field.primary_key for field, _, _ in self.query.values):
                return None
            return _named(self.query)

        return _write(self, lambda: original(self, result_type, *more), pks)

    return execute_sql


def delete(original: Callable[..., Any]) -> Callable[..., Any]:
    """`SQLDeleteCompiler.execute_sql`."""

    def execute_sql(self: Any, *args: Any, **kwargs: Any) -> Any:
        def pks(result: Any) -> Pks | bool:
            # A number of rows, or in older Djangos the cursor.
            count = getattr(result, "rowcount", result)
            return False if count == 0 and not isinstance(count, bool) else _named(self.query)

        return _write(self, lambda: original(self, *args, **kwargs), pks)

    return execute_sql


def _named(query: Any) -> Pks:
    lookup = unique(query)
    return None if lookup is None else lookup.pks


def _texts(pk: Any, values: list[Any]) -> Pks:
    texts = [names.pk_text(pk, value) for value in values]
    known = [text for text in texts if text is not None]
    return known if len(known) == len(texts) else None
