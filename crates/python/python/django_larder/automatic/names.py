"""How are models and rows called as tags? `shop.book` and `shop.book:5`; and which are not looked at?

A tag belongs to a table: proxies have their model's, and databases are not told apart, since what is written to one may be
read from its replica.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from django.apps import apps
from django.conf import settings
from django.core.signals import setting_changed
from django.db.models import (
    BinaryField,
    DateTimeField,
    DecimalField,
    DurationField,
    Field,
    FloatField,
    IntegerField,
    Model,
    TimeField,
)

from .. import conf

MANY_SPELLINGS = (BinaryField, DateTimeField, DecimalField, DurationField, FloatField, TimeField)
"""Fields of which one value has several texts."""

PK_BYTES_MAX = 200
"""Of a primary key in a tag; longer ones stand there as a hash."""

IGNORED = ("sessions", "admin", "contenttypes", "migrations", "django_larder")
"""Applications whose tables are nobody's page: they change with each request, or never."""


def some_rows(label: str) -> str:
    """The tag of pages that were made from single rows: purged when it is not known which rows have changed."""
    return f"{label}:*"


def row(label: str, pk: str) -> str:
    """The tag of one row."""
    return f"{label}:{pk}"


@lru_cache(maxsize=1)
def _labels() -> dict[str, str]:
    """The tag of each table."""
    labels: dict[str, str] = {}
    for model in apps.get_models(include_auto_created=True, include_swapped=True):
        labels.setdefault(model._meta.db_table, _quoted(model._meta.concrete_model._meta.label_lower))
    return labels


@lru_cache(maxsize=4096)
def of_table(table: str) -> str:
    """The tag of a table; its own name where no model has it."""
    return _labels().get(table) or _quoted(table)


def of_model(model: type[Model]) -> str:
    """The tag of a model."""
    meta = model._meta
    if meta.concrete_model is None:
        raise TypeError(f"{meta.label} is abstract: it has no rows")
    table = meta.concrete_model._meta.db_table
    # A model of a migration's past is none of `apps`, but its table may be.
    return _labels().get(table) or _quoted(meta.concrete_model._meta.label_lower)


def pk_text(field: Field[Any, Any], value: Any) -> str | None:
    """A primary key in a tag: the same for what was given, what is asked for and what the database has.

    None where that is not certain: then no single row is spoken of.
    """
    while field.remote_field is not None:
        field = field.target_field
    if isinstance(field, IntegerField) and type(value) is int:
        return str(value)
    if isinstance(field, MANY_SPELLINGS) or hasattr(value, "resolve_expression"):
        return None
    try:
        value = field.to_python(value)
    except Exception:  # A field of somebody's own.
        return None
    if value is None:
        return None
    # Some databases take A for a, and do not see spaces at the end: one tag for all of them purges no less.
    text = _quoted(str(value).strip().casefold())
    return text if len(text) <= PK_BYTES_MAX else "md5-" + hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def single_pk(model: type[Model]) -> Field[Any, Any] | None:
    """The primary key, where it is one column."""
    pk = model._meta.pk
    return None if pk is None or len(getattr(model._meta, "pk_fields", (pk,))) > 1 else pk


def _quoted(text: str) -> str:
    # Tags have no spaces and commas, and `*` stands for some rows.
    return quote(text, safe="-._~:@!$&'()/+")


# ---- what is not looked at ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _ignored() -> frozenset[str]:
    user = settings.AUTH_USER_MODEL.lower()
    return frozenset((*IGNORED, f"{user}.last_login", *(name.lower() for name in conf.larder().automatic_ignore)))


@lru_cache(maxsize=4096)
def is_ignored(label: str) -> bool:
    """Whether a model, or all of its application, is not looked at."""
    return label in _ignored() or label.partition(".")[0] in _ignored()


def are_ignored(label: str, fields: set[str]) -> bool:
    """Whether nothing but fields that are not looked at was written."""
    return bool(fields) and all(f"{label}.{name}" in _ignored() for name in fields)


def forget(*, setting: str = "LARDER", **_: Any) -> None:
    """Has all of it told anew; for tests that change settings or models."""
    if setting in ("LARDER", "AUTH_USER_MODEL", "INSTALLED_APPS"):
        _labels.cache_clear()
        of_table.cache_clear()
        _ignored.cache_clear()
        is_ignored.cache_clear()


setting_changed.connect(forget, dispatch_uid="django_larder.automatic.names")
