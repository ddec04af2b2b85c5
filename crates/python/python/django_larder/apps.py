"""The application `django_larder`: its checks, and automatic tags where they are wanted."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class DjangoLarderConfig(AppConfig):
    """Larder."""

    name = "django_larder"
    label = "django_larder"
    verbose_name = "Larder"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.utils.autoreload import autoreload_started

        from . import checks, conf, looking, outbox_checks  # noqa: F401

        autoreload_started.connect(_watch, dispatch_uid="django_larder.apps")
        looking.connect()
        try:
            automatic = conf.larder().automatic_tags
        except ImproperlyConfigured:
            # The checks tell it, with everything else that is wrong.
            return
        if automatic:
            from . import automatic as tags

            tags.install()


def _watch(sender: Any, **_: Any) -> None:
    """Has `runserver` start again when the rule file changes."""
    from . import conf

    try:
        path = conf.larder().rules
    except ImproperlyConfigured:
        return
    if path is not None:
        sender.extra_files.add(path.resolve())
