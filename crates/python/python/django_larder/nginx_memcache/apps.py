"""The app `nginx_memcache`: its table, its receivers and the check of its settings."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core import checks


class NginxMemcacheConfig(AppConfig):
    """Has the old app's label, and so its table."""

    name = "django_larder.nginx_memcache"
    label = "nginx_memcache"
    verbose_name = "Pages for nginx"

    def ready(self) -> None:
        from . import signals  # noqa: F401  (connects its receivers)

        checks.register(check_settings, "caches")


def check_settings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """What is wrong with the settings, and what is hardly meant."""
    from django.conf import settings
    from django.core.cache.backends.memcached import BaseMemcachedCache
    from django.core.exceptions import ImproperlyConfigured

    from . import conf

    try:
        conf.check()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="nginx_memcache.E001")]
    backend = str(settings.CACHES[conf.alias()].get("BACKEND", ""))
    is_memcached = isinstance(conf.cache(), BaseMemcachedCache) or "memcached" in backend.lower()
    if conf.is_enabled() and not is_memcached:
        message = f'CACHES["{conf.alias()}"] is {backend}, where nginx does not look for pages'
        hint = "Name a cache in Memcached in CACHE_NGINX_ALIAS, or say CACHE_NGINX = False."
        return [checks.Warning(message, hint=hint, id="nginx_memcache.W001")]
    return []
