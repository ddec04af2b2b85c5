"""The app `cache_headers`: its commands, its receivers and the check of its setting."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core import checks


class CacheHeadersConfig(AppConfig):
    """Has the old app's label."""

    name = "django_larder.cache_headers"
    label = "cache_headers"
    verbose_name = "Cache headers"

    def ready(self) -> None:
        from . import login  # noqa: F401  (connects its receivers)

        checks.register(check_settings, "caches")


def check_settings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """What is wrong with CACHE_HEADERS, and what is hardly meant."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    from . import conf

    found: list[checks.CheckMessage] = []
    try:
        conf.read()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="cache_headers.E001")]
    found += [checks.Warning(problem, hint=remedy, id="cache_headers.W001") for problem, remedy in conf.unknown_keys()]
    name = "django_larder.cache_headers.middleware.CacheHeadersMiddleware"
    middleware = list(settings.MIDDLEWARE)
    inner = "django.contrib.sessions.middleware.SessionMiddleware"
    if name in middleware and inner in middleware and middleware.index(name) > middleware.index(inner):
        message = f"{name} stands behind {inner}, so it does not see which cookies a response sets"
        found.append(checks.Warning(message, hint="Put it first in MIDDLEWARE.", id="cache_headers.W002"))
    return found
