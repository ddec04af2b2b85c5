"""Which tags has a page by itself, and what purges them? With `LARDER["automatic_tags"]`, what it was made from.

A page that any row of a model could change has the tag `shop.book`; one that was made from certain rows has theirs,
`shop.book:5`. A write purges `shop.book` and the tags of its rows, after the transaction. docs/django-purging.md says what
is seen and what can't be.

`collect()` is entered by `LarderMiddleware` for each request. Without `automatic_tags` nothing of the ORM is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.db.models import Model
from django.db.models.query import RawQuerySet
from django.db.models.sql import compiler as sql

from .. import conf
from . import names, others, reading, urls, writing
from .seen import Collecting, Seen, current, muted

__all__ = ["Seen", "collect", "install", "note", "uninstall", "unseen", "without_purges"]


def collect() -> Collecting:
    """`with collect() as seen:` remembers what is read inside; `seen.tags()` are the tags of what was made of it."""
    return Collecting(Seen(conf.larder().tags_max))


def note(*read: type[Model] | Model | str) -> None:
    """Adds by hand what a page was made from, where that can't be seen: a model, an instance, or a tag.

    Without a request that collects, nothing happens.
    """
    seen = current.get()
    for one in read:
        if isinstance(one, str):
            if seen is not None:
                seen.by_hand[one] = None
        elif isinstance(one, Model):
            pk = names.pk_text(cast(Any, one._meta.pk), one.pk) if names.single_pk(type(one)) else None
            label = names.of_model(type(one))
            if seen is not None:
                seen.model(label) if pk is None else seen.rows_of(label, [pk])
        elif isinstance(one, type) and issubclass(one, Model):
            label = names.of_model(one)
            if seen is not None:
                seen.model(label)
        else:
            raise TypeError(f"{one!r} is no model, no instance and no tag")


def unseen() -> Collecting:
    """`with unseen():` what is read inside is not part of the page: what a counter or a log reads."""
    return Collecting(None)


@contextmanager
def without_purges() -> Iterator[None]:
    """Writes inside purge nothing: for imports, after which `purge_all()` or `purge_tags()` is one order for all."""
    token = muted.set(True)
    try:
        yield
    finally:
        muted.reset(token)


# ---- the hooks ---------------------------------------------------------------------------------------------------------

_originals: list[tuple[type, str, Any]] = []


def install() -> None:
    """Looks at what the ORM reads and writes, from now on. Twice is once."""
    if _originals:
        return
    _patch(sql.SQLCompiler, "get_from_clause", reading.from_clause)
    _patch(sql.SQLInsertCompiler, "execute_sql", writing.insert)
    _patch(sql.SQLUpdateCompiler, "execute_sql", writing.update)
    if "execute_returning_sql" in vars(sql.SQLUpdateCompiler):
        _patch(sql.SQLUpdateCompiler, "execute_returning_sql", writing.update)
    # Of these two the first takes the original of the second, so that a write is not taken for a read.
    _patch(sql.SQLDeleteCompiler, "execute_sql", writing.delete)
    _patch(sql.SQLCompiler, "execute_sql", reading.execute)
    _patch(RawQuerySet, "iterator", _raw)
    urls.connect()
    others.connect()


def uninstall() -> None:
    """Leaves the ORM as it was; for tests."""
    while _originals:
        owner, name, original = _originals.pop()
        if original is None:
            delattr(owner, name)
        else:
            setattr(owner, name, original)
    urls.disconnect()


def _patch(owner: type, name: str, wrap: Any) -> None:
    _originals.append((owner, name, vars(owner).get(name)))
    setattr(owner, name, wrap(getattr(owner, name)))


def _raw(original: Any) -> Any:
    """`Model.objects.raw()`: its model is read as a whole; what else its SQL reads nobody knows."""

    def iterator(self: RawQuerySet[Any]) -> Any:
        seen = current.get()
        if seen is not None:
            seen.model(names.of_model(self.model))
        return original(self)

    return iterator
