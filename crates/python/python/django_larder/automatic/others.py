"""What do caches of queries say? cacheops and cachalot invalidate by signals: also what the ORM did not write.

What was read out of such a cache was no query; that it was read is seen all the same, since both make a query's SQL to look
it up by.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import Model

from .. import outbox
from ..orders import everything
from . import names
from .seen import muted
from .writing import changed


def connect() -> None:
    """Listens to those that are installed."""
    if apps.is_installed("cachalot"):
        from cachalot.signals import post_invalidation

        post_invalidation.connect(cachalot_invalidated, dispatch_uid="django_larder")
    if apps.is_installed("cacheops"):
        from cacheops.signals import cache_invalidated

        cache_invalidated.connect(cacheops_invalidated, dispatch_uid="django_larder")


def cachalot_invalidated(sender: str, db_alias: str | None = None, **_: Any) -> None:
    """A table has changed. Of what the ORM wrote, more is known already."""
    if muted.get() or outbox.was_written(db_alias, sender):
        return
    label = names.of_table(sender)
    if not names.is_ignored(label):
        outbox.put(changed(label, None), db_alias)


def cacheops_invalidated(sender: type[Model] | None, obj_dict: dict[str, Any] | None = None, **_: Any) -> None:
    """A row, a model or everything was invalidated."""
    if muted.get():
        return
    if sender is None:
        outbox.put(everything())
        return
    label = names.of_model(sender)
    if names.is_ignored(label):
        return
    pk = names.single_pk(sender)
    text = names.pk_text(pk, obj_dict.get(pk.attname)) if pk is not None and obj_dict else None
    outbox.put(changed(label, None if text is None else [text]))
