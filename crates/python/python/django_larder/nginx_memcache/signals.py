"""Signals that take pages away, for code that does not want to know how."""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

from . import cache

invalidate_single_page = Signal()
"""Sent with `request_host`, `request_path`, and perhaps `page_version` and `cookie_name`."""

invalidate_many_pages = Signal()
"""Sent with `lookup_identifier`, and perhaps `supplementary_identifier`."""


def handle_invalidate_single_page(sender: Any, signal: Signal | None = None, **arguments: Any) -> None:
    """`cache.invalidate` with the signal's arguments."""
    cache.invalidate(**arguments)


def handle_invalidate_many_pages(sender: Any, signal: Signal | None = None, **arguments: Any) -> None:
    """`cache.bulk_invalidate` with the signal's arguments."""
    cache.bulk_invalidate(**arguments)


invalidate_single_page.connect(handle_invalidate_single_page, dispatch_uid="django_larder.nginx_memcache.single")
invalidate_many_pages.connect(handle_invalidate_many_pages, dispatch_uid="django_larder.nginx_memcache.many")
