"""Which rows can a query find at most? Those with a primary key that it names, or one with a value that no other row has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models.expressions import Col
from django.db.models.lookups import Exact, In
from django.db.models.sql.query import Query
from django.db.models.sql.where import AND, WhereNode

from . import names


@dataclass
class Unique:
    """A query that finds certain rows or none."""

    pks: list[str] | None
    """Their primary keys, where the query names them. Then it does not matter whether they were found."""
    most: int
    """How many rows can be found."""


def unique(query: Query) -> Unique | None:
    """Which rows of its first table a query can find; None: any."""
    base = query.base_table
    if base is None or query.model is None:
        return None
    same = _same_row(query, base)
    exact: dict[str, set[str]] = {}
    best: Unique | None = None
    for lookup in _all_hold(query.where):
        field = _column(lookup)
        if field is None or lookup.lhs.alias not in same:
            continue
        values = _values(lookup)
        if values is None:
            continue
        if field.primary_key and names.single_pk(field.model) is not None:
            pks = [names.pk_text(field, value) for value in values]
            if None not in pks:
                known = list(dict.fromkeys(pk for pk in pks if pk is not None))
                return Unique(known, len(known))
        if field.unique:
            best = Unique(None, len(values))
        if isinstance(lookup, Exact):
            exact.setdefault(lookup.lhs.alias, set()).add(field.name)
    return best or _together(query, exact, same)


def _all_hold(where: WhereNode) -> Iterator[Any]:
    """The conditions of which every one holds for each row that is found."""
    if where.connector != AND or where.negated:
        return
    for child in where.children:
        if isinstance(child, WhereNode):
            yield from _all_hold(child)
        else:
            yield child


def _same_row(query: Query, base: str) -> set[str]:
    """The tables whose rows are the very row of the first: those of the models that it inherits from."""
    same = {base}
    for alias, join in query.alias_map.items():
        field = getattr(join, "join_field", None)
        remote = getattr(field, "remote_field", None)
        if getattr(join, "parent_alias", None) in same and getattr(remote, "parent_link", False):
            same.add(alias)
    return same


def _column(lookup: Any) -> Any:
    """The field that is compared for being equal; None where it is another condition, or about several fields at once."""
    if not isinstance(lookup, (Exact, In)):
        return None
    if isinstance(lookup.lhs, Col):
        return lookup.lhs.target
    # Tuples of one, as Django compares the keys of prefetched rows.
    targets: Any = getattr(lookup.lhs, "targets", ())
    return targets[0] if len(targets) == 1 and hasattr(lookup.lhs, "alias") else None


def _values(lookup: Any) -> list[Any] | None:
    if not lookup.rhs_is_direct_value() or getattr(lookup, "bilateral_transforms", None):
        return None
    values = list(lookup.rhs) if isinstance(lookup, In) else [lookup.rhs]
    if not isinstance(lookup.lhs, Col):
        if not all(isinstance(value, (tuple, list)) and len(value) == 1 for value in values):
            return None
        values = [value[0] for value in values]
    if any(value is None or hasattr(value, "resolve_expression") for value in values):
        return None
    return values


def _together(query: Query, exact: dict[str, set[str]], same: set[str]) -> Unique | None:
    """Whether several fields together are unique."""
    for alias, fields in exact.items():
        if alias not in same:
            continue
        table = query.alias_map[alias].table_name
        for model in [query.model, *query.model._meta.get_parent_list()]:
            meta = model._meta
            if meta.db_table != table:
                continue
            several = [*meta.unique_together, *(constraint.fields for constraint in meta.total_unique_constraints)]
            if any(set(some) <= fields for some in several):
                return Unique(None, 1)
    return None
