"""What does a query read? Told where the ORM makes its SQL, so that every way to ask a model is seen.

Each SELECT, at whatever depth, names its tables by `SQLCompiler.get_from_clause`: they are read as a whole. Of the outermost
one, `SQLCompiler.execute_sql` knows the rows as well; there a table is read by single rows only,

1. if the query can find certain rows only (`lookups`), and names their primary keys or has found all of them;
2. or if it is joined by a key that points to one row, for the columns of the row alone (`select_related`): then these rows
   follow from those before them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models.expressions import Col, RawSQL
from django.db.models.sql.compiler import SQLCompiler, SQLDeleteCompiler, SQLInsertCompiler, SQLUpdateCompiler
from django.db.models.sql.query import Query
from django.db.models.sql.where import ExtraWhere

from . import names
from .lookups import Unique, unique
from .seen import Seen, current

WRITING = (SQLInsertCompiler, SQLUpdateCompiler, SQLDeleteCompiler)
NOTHING: type = type(iter(list[Any]()))
"""What Django gives where a condition is such that it need not ask."""
Rows = list[tuple[Any, ...]]


def from_clause(original: Callable[..., Any]) -> Callable[..., Any]:
    """`get_from_clause` that tells which tables it names."""

    def get_from_clause(self: SQLCompiler) -> Any:
        seen = current.get()
        if seen is not None:
            if self.__dict__.get("_larder_used", False) is None:
                # It is told more exactly when the rows are there. The counts are those of this very moment.
                self._larder_used = {alias: count for alias, count in self.query.alias_refcount.items() if count}
            else:
                whole(seen, self.query)
        return original(self)

    return get_from_clause


def whole(seen: Seen, query: Query) -> None:
    """All tables of a query, without those of the queries in it."""
    for alias, table in query.alias_map.items():
        if query.alias_refcount[alias]:
            seen.model(names.of_table(table.table_name))
    for table in query.extra_tables:
        seen.model(names.of_table(table))


def execute(original: Callable[..., Any]) -> Callable[..., Any]:
    """`execute_sql` that tells which rows it found."""

    def execute_sql(self: SQLCompiler, *args: Any, **kwargs: Any) -> Any:
        seen = current.get()
        # Of several that are put together (`union`), each is a SELECT of its own.
        if seen is None or isinstance(self, WRITING) or self.query.combinator:
            return original(self, *args, **kwargs)
        self._larder_used = None
        try:
            result = original(self, *args, **kwargs)
        finally:
            used: dict[str, int] | None = self.__dict__.pop("_larder_used")
        # A condition that nothing can meet was not asked.
        if used is not None and not isinstance(result, NOTHING):
            tell(seen, self, used, _rows(result))
        return result

    return execute_sql


def _rows(result: Any) -> Rows | None:
    """The rows, where they are all there already; chunks of an iterator are not."""
    if isinstance(result, list):
        return [row for chunk in result for row in chunk]
    if isinstance(result, tuple):
        return [result]
    return [] if result is None else None


def tell(seen: Seen, compiler: SQLCompiler, used: dict[str, int], rows: Rows | None) -> None:
    """What the query of this compiler, which was executed, has read. `used` says how often it used which table."""
    query = compiler.query
    for table in query.extra_tables:
        seen.model(names.of_table(table))
    lookup = unique(query)
    if len(used) == 1 and (lookup is None or lookup.pks is not None and lookup.most <= seen.most):
        # Nearly all queries are of these two kinds: nothing but one table, and no row has to be looked at.
        (alias,) = used
        label = names.of_table(query.alias_map[alias].table_name)
        if lookup is None or lookup.pks is None:
            seen.model(label)
        else:
            seen.rows_of(label, lookup.pks)
        return
    pks = Keys(compiler, rows, seen.most)
    found = lookup is not None and len(pks.of(query.base_table) or ()) == lookup.most
    for alias in used:
        label = names.of_table(query.alias_map[alias].table_name)
        if alias == query.base_table:
            some = _base(lookup, found, pks, alias)
        # Once for the columns; whatever else uses it, a condition or an order, counts again. Of rows that are certain it may.
        elif found or lookup is None and used[alias] == 1 and not _has_sql(query):
            some = _joined(query, pks, alias)
        else:
            some = None
        if some is None:
            seen.model(label)
        else:
            seen.rows_of(label, some)


def _base(lookup: Unique | None, found: bool, pks: Keys, alias: str) -> list[str] | None:
    if lookup is None or lookup.most > pks.most:
        return None
    if lookup.pks is not None:
        return lookup.pks
    return pks.of(alias) if found else None


def _has_sql(query: Query) -> bool:
    """Whether there is SQL by hand in a query, which can use any of its tables without being counted."""
    more = [*query.where.children, *query.annotations.values(), *query.order_by]
    return bool(query.extra or query.extra_order_by) or any(isinstance(one, (ExtraWhere, RawSQL)) for one in more)


def _joined(query: Query, pks: Keys, alias: str) -> list[str] | None:
    """The rows of a joined table, where they follow from those of the first."""
    here = alias
    while here != query.base_table:
        join = query.alias_map[here]
        field = getattr(join, "join_field", None)
        if field is None or getattr(join, "filtered_relation", None) is not None:
            return None
        one = field.many_to_one or field.one_to_one
        if not one or not getattr(field, "db_constraint", True):
            return None
        here = join.parent_alias
    return pks.of(alias)


class Keys:
    """The primary keys in the rows that were found."""

    def __init__(self, compiler: SQLCompiler, rows: Rows | None, most: int) -> None:
        self.rows = rows
        self.most = most
        self.places: dict[str, tuple[int, Any]] = {}
        if rows is None:
            return
        for index, (expression, *_) in enumerate(compiler.select or ()):
            if isinstance(expression, Col) and expression.target.primary_key:
                self.places.setdefault(expression.alias, (index, expression.target))

    def of(self, alias: str) -> list[str] | None:
        """Those of a table; None where they are not known, a row is missing, or they are too many."""
        if self.rows is None or alias not in self.places:
            return None
        index, field = self.places[alias]
        if names.single_pk(field.model) is None:
            return None
        values = {row[index] for row in self.rows}
        if len(values) > self.most or None in values:
            return None
        texts = [names.pk_text(field, value) for value in values]
        known = [text for text in texts if text is not None]
        return known if len(known) == len(texts) else None
