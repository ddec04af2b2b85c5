"""Larder for Wagtail: a backend for its frontend cache, and, as an application, tags of pages.

`django_larder.wagtail.LarderBackend` in WAGTAILFRONTENDCACHE is all that is needed for Wagtail's own purges by URL. With
`django_larder.wagtail` in INSTALLED_APPS pages have tags besides, and what a URL can't tell is purged as well: parents,
pages that refer to what was changed, pages below one that was moved. docs/django-purging.md says how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backend import LarderBackend as LarderBackend

__all__ = ["LarderBackend"]


def __getattr__(name: str) -> Any:
    # Wagtail is needed by whoever names the backend, and by nobody else.
    if name == "LarderBackend":
        from .backend import LarderBackend

        return LarderBackend
    raise AttributeError(name)
