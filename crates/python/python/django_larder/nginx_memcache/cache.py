"""Pages in Memcached by hand: their keys, storing them, taking them away.

Inside a transaction all of it happens when the outermost one is committed: what was not committed is on no page, and a page that others
are just making of the old state is gone afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from .._core import nginx_memcache_key
from . import conf, marks, records
from .committed import after_commit
from .fill import Fill

UNSET: Any = object()
"""As the settings say."""


def get_cache_key(request_host: str, request_path: str, page_version: Any = "", cookie_name: str | None = None) -> str:
    """The key of a page, without Django's prefix and version: the MD5 sum of `host + path + "&pv=" + version`.

    `request_path` is path and query as `request.get_full_path()` has them.
    """
    return nginx_memcache_key(request_host, request_path, str(page_version), cookie_name or conf.cookie())


def cache_response(
    request: HttpRequest,
    response: HttpResponse,
    cache_timeout: int | None = UNSET,
    cookie_name: str | None = None,
    page_version_fn: Callable[[HttpRequest], Any] | None = None,
    lookup_identifier: str | None = None,
    supplementary_identifier: str | None = None,
) -> None:
    """Stores a response as the decorator does, if it is one that everybody may have."""
    fill = Fill(
        request,
        conf.timeout() if cache_timeout is UNSET else conf.checked_timeout(cache_timeout, "cache_timeout"),
        page_version_fn,
        lookup_identifier,
        supplementary_identifier,
        cookie_name or conf.cookie(),
    )
    fill.begin()
    fill.store(response)


def invalidate(request_host: str, request_path: str, page_version: Any = "", cookie_name: str | None = None) -> None:
    """Takes one page away, and its row."""
    key = get_cache_key(request_host, request_path, page_version, cookie_name)

    def now() -> None:
        # First, so that a page that is being made meanwhile knows that it is old.
        marks.set_all([marks.of_url(request_host, request_path)])
        found = records.of_keys([key]) if conf.uses_lookup() else []
        conf.cache().delete(key)
        records.forget(found)

    after_commit(now)


def invalidate_from_request(request: HttpRequest, page_version: Any = "", cookie_name: str | None = None) -> None:
    """Takes the page of a request away."""
    invalidate(request.get_host(), request.get_full_path(), page_version, cookie_name)


def bulk_invalidate(lookup_identifier: str, supplementary_identifier: str | None = None) -> None:
    """Takes away all pages, in all versions, that belong to an identifier, or to a supplementary one below it. Their rows go too."""

    def now() -> None:
        marks.set_all([marks.of_identifiers(lookup_identifier, supplementary_identifier)])
        if conf.uses_lookup():
            for portion in records.of_identifiers(lookup_identifier, supplementary_identifier):
                conf.cache().delete_many([record.base_cache_key for record in portion])
                records.forget(portion)

    after_commit(now)


def purge_records(found: list[Any]) -> int:
    """Takes away the pages of these rows, and the rows. How many they were."""
    pairs = {(record.parent_identifier, record.supplementary_identifier) for record in found}
    marks.set_all([marks.of_identifiers(*pair) for pair in sorted(pairs, key=str)])
    conf.cache().delete_many([record.base_cache_key for record in found])
    records.forget(found)
    return len(found)


__all__ = ["bulk_invalidate", "cache_response", "get_cache_key", "invalidate", "invalidate_from_request"]
