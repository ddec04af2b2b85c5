"""Answers to scripts, which nobody may keep."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from ._core import never_headers
from .both import Both

NEVER = dict(never_headers())


def never(response: HttpResponseBase) -> None:
    """Says that nobody may keep a response."""
    for name, value in NEVER.items():
        response[name] = value


class NeverCacheXhrMiddleware(Both):
    """Answers to scripts say that nobody may keep them.

    A script's request is one with `X-Requested-With: XMLHttpRequest`. Answers to all others say that they vary by that field,
    so that a shared cache does not answer a script from the page of a navigation.
    """

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Says so."""
        if request.META.get("HTTP_X_REQUESTED_WITH") == "XMLHttpRequest":
            never(response)
        elif request.method in ("GET", "HEAD"):
            patch_vary_headers(response, ["X-Requested-With"])
        return response
