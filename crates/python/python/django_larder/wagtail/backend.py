"""How does Wagtail's frontend cache purge in Larder? By the orders of this package: after the commit, and none is lost."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from wagtail.contrib.frontend_cache.backends.base import BaseBackend

from ..purge import purge_urls

KEYS = ("HOSTNAMES", "SOFT", "EXACT_QUERY")


class LarderBackend(BaseBackend):  # type: ignore[misc]
    """A backend for `WAGTAILFRONTENDCACHE`.

    `HOSTNAMES` is Wagtail's own. With `SOFT` pages become stale rather than gone; with `EXACT_QUERY` only the very URL is
    purged, as by Wagtail's HTTPBackend, and not its other queries (`?page=2`).
    """

    def __init__(self, params: dict[str, Any]) -> None:
        super().__init__(params)
        for key in params:
            if key not in KEYS:
                raise ImproperlyConfigured(f'WAGTAILFRONTENDCACHE: "{key}" is not a key of LarderBackend. {_instead(key)}')
        self.soft = bool(params.get("SOFT", False))
        self.exact_query = bool(params.get("EXACT_QUERY", False))

    def purge(self, url: str) -> None:
        """Purges one URL."""
        self.purge_batch([url])

    def purge_batch(self, urls: Iterable[str]) -> None:
        """Purges several by one order."""
        purge_urls(*urls, exact_query=self.exact_query, soft=self.soft)


def _instead(key: str) -> str:
    if key == "LOCATION":
        return 'Where Larder is says LARDER["admin_url"], and its token LARDER["token"].'
    near = difflib.get_close_matches(key.upper(), KEYS, 1, 0.5)
    return f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(KEYS)}."
