"""What do the settings say? Each is read when it is needed, so that a test may override it.

Their names are those of django-nginx-memcache; `CACHE_NGINX_CONTENT_TYPES` and `CACHE_NGINX_DANGER_SESSION_PAGES` are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.backends.base import BaseCache
from django.core.exceptions import ImproperlyConfigured

DAY = 86400
SSL_HEADERS = (("X-Forwarded-Proto", "HTTPS"), ("X-Forwarded-SSL", "on"))


def is_enabled() -> bool:
    """`CACHE_NGINX`: whether pages are stored at all."""
    return bool(getattr(settings, "CACHE_NGINX", True))


def timeout() -> int | None:
    """`CACHE_NGINX_TIME`: seconds that a page is kept; None is for ever."""
    return checked_timeout(getattr(settings, "CACHE_NGINX_TIME", DAY), "CACHE_NGINX_TIME")


def checked_timeout(value: Any, name: str) -> int | None:
    """A number of seconds, or None."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise wrong(name, f"must be a whole number of seconds, not {value!r}", "Write 86400 for a day, or None for ever")
    return value


def alias() -> str:
    """`CACHE_NGINX_ALIAS`: which of CACHES."""
    return getattr(settings, "CACHE_NGINX_ALIAS", "default")


def cache() -> BaseCache:
    """The cache that nginx reads."""
    try:
        return caches[alias()]
    except InvalidCacheBackendError as error:
        known = ", ".join(f'"{name}"' for name in settings.CACHES)
        raise wrong("CACHE_NGINX_ALIAS", f"names {alias()!r}, which CACHES has not: {error}", f"Name one of {known}") from error


def cookie() -> str:
    """`CACHE_NGINX_COOKIE`: what the cookie of page versions is called."""
    value = getattr(settings, "CACHE_NGINX_COOKIE", "pv")
    if not isinstance(value, str) or not value:
        raise wrong("CACHE_NGINX_COOKIE", f"must be a cookie's name, not {value!r}", 'Write "pv"')
    return value


def minifies() -> bool:
    """`CACHE_MINIFY_HTML`."""
    return bool(getattr(settings, "CACHE_MINIFY_HTML", False))


def uses_lookup() -> bool:
    """`CACHE_NGINX_USE_LOOKUP_TABLE`: whether it is written down which pages there are."""
    if not getattr(settings, "CACHE_NGINX_USE_LOOKUP_TABLE", False):
        return False
    if not apps.is_installed("django_larder.nginx_memcache"):
        remedy = 'Put "django_larder.nginx_memcache" into INSTALLED_APPS, and run migrate'
        raise wrong("CACHE_NGINX_USE_LOOKUP_TABLE", "needs a table", remedy)
    return True


def includes_https() -> bool:
    """`CACHE_NGINX_INCLUDE_HTTPS`: whether pages by https are stored. A key does not tell the schemes apart."""
    return bool(getattr(settings, "CACHE_NGINX_INCLUDE_HTTPS", True))


def ssl_headers() -> Sequence[tuple[str, str]]:
    """`CACHE_NGINX_ALTERNATIVE_SSL_HEADERS`: fields by which a request is https's, with their values."""
    value = getattr(settings, "CACHE_NGINX_ALTERNATIVE_SSL_HEADERS", SSL_HEADERS)
    is_right = isinstance(value, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in value
    )
    if not is_right:
        remedy = 'Write (("X-Forwarded-Proto", "https"),), with the comma'
        raise wrong("CACHE_NGINX_ALTERNATIVE_SSL_HEADERS", f"must be pairs of field and value, not {value!r}", remedy)
    return value


def content_types() -> Sequence[str]:
    """`CACHE_NGINX_CONTENT_TYPES`: the types that nginx may answer with. Memcached keeps none, so nginx says one for all."""
    value = getattr(settings, "CACHE_NGINX_CONTENT_TYPES", ("text/html",))
    if isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise wrong("CACHE_NGINX_CONTENT_TYPES", f"must be a list of media types, not {value!r}", 'Write ["text/html"]')
    return [one.lower() for one in value]


def shares_sessions() -> bool:
    """`CACHE_NGINX_DANGER_SESSION_PAGES`: whether pages are stored that were made with what is in a visitor's session."""
    return bool(getattr(settings, "CACHE_NGINX_DANGER_SESSION_PAGES", False))


def check() -> None:
    """Reads all of them."""
    timeout(), cache(), cookie(), ssl_headers(), content_types(), uses_lookup()


def wrong(name: str, problem: str, remedy: str) -> ImproperlyConfigured:
    """An error: where it is, what is wrong, what to write."""
    from ..conf import line_of, settings_module

    return ImproperlyConfigured(f"{line_of(settings_module(), name)}: {name} {problem}. {remedy}.")
