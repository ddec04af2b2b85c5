"""At which URLs does an instance have its page, before and after it is saved? `get_absolute_url` says so, if it has one.

Receivers are connected to the models that have it, and to no other: a model with receivers can't be deleted from by a
single statement.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save

from .. import orders, outbox
from ..orders import Order
from . import names
from .seen import Collecting, muted

logger = logging.getLogger("django_larder.automatic")


@dataclass
class Saving:
    """An instance that is just being saved: the write that follows takes its URLs into its transaction."""

    sender: type[Model]
    urls: set[str]
    taken: bool = False


_saving: ContextVar[Saving | None] = ContextVar("django_larder_saving", default=None)


def take(model: type[Model]) -> list[Order]:
    """The order for the URLs of what is just being saved into this model's table."""
    saving = _saving.get()
    if saving is None or saving.taken or not issubclass(saving.sender, model):
        return []
    saving.taken = True
    return _ordered(saving.urls)


def _ordered(urls: set[str]) -> list[Order]:
    return orders.urls(sorted(urls)) if urls else []


def of(instance: Model) -> set[str]:
    """The URL of an instance, if it has one that can be purged."""
    try:
        # What it reads to find out is nothing that the page is made from.
        with Collecting(None):
            url = str(instance.get_absolute_url())
        orders.urls([url])
    except Exception as error:  # Somebody's own code, which is asked for an instance that may not be whole.
        logger.debug("%s has no URL: %s", instance._meta.label, error)
        return set()
    return {url}


def before_save(sender: type[Model], instance: Model, raw: bool = False, using: str | None = None, **_: Any) -> None:
    """Remembers the old URL and, as far as it is known, the new one."""
    _saving.set(None)
    if raw or instance.pk is None or names.is_ignored(names.of_model(sender)):
        return
    urls = of(instance)
    if not instance._state.adding:
        with Collecting(None):
            old = sender._base_manager.using(using).filter(pk=instance.pk).first()
        if old is not None:
            urls |= of(old)
    _saving.set(Saving(sender, urls))


def after_save(sender: type[Model], instance: Model, using: str | None = None, **_: Any) -> None:
    """Orders what no write has taken along, and the URL of what is new."""
    saving = _saving.get()
    _saving.set(None)
    if names.is_ignored(names.of_model(sender)) or muted.get():
        return
    urls = of(instance)
    if saving is not None and saving.sender is sender:
        urls = urls - saving.urls if saving.taken else urls | saving.urls
    outbox.put(_ordered(urls), using)


def after_delete(sender: type[Model], instance: Model, using: str | None = None, **_: Any) -> None:
    """Orders the URL of what is gone."""
    if not names.is_ignored(names.of_model(sender)) and not muted.get():
        outbox.put(_ordered(of(instance)), using)


def connect() -> None:
    """Connects the receivers to the models that have URLs."""
    for model in apps.get_models():
        if hasattr(model, "get_absolute_url") and not names.is_ignored(names.of_model(model)):
            name = f"django_larder.{model._meta.label}"
            pre_save.connect(before_save, sender=model, dispatch_uid=name)
            post_save.connect(after_save, sender=model, dispatch_uid=name)
            post_delete.connect(after_delete, sender=model, dispatch_uid=name)


def disconnect() -> None:
    """Takes them off again."""
    for model in apps.get_models():
        name = f"django_larder.{model._meta.label}"
        for signal in (pre_save, post_save, post_delete):
            signal.disconnect(sender=model, dispatch_uid=name)
