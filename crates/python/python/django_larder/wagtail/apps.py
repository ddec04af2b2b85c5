"""The application `django_larder.wagtail`: pages have tags, and Wagtail's signals purge them."""

from __future__ import annotations

from django.apps import AppConfig


class LarderWagtailConfig(AppConfig):
    """Tags of Wagtail's pages."""

    name = "django_larder.wagtail"
    label = "larder_wagtail"
    verbose_name = "Larder for Wagtail"

    def ready(self) -> None:
        from . import tags

        tags.connect()
