"""Redirects between http and https, of which no request is lost and none goes in a circle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.utils.encoding import iri_to_uri

from . import conf
from .both import Both, Handler
from .visit import is_secure


class SSLRedirectMiddleware(Both):
    """Sends each view to its scheme: those with `SSL` to https, all others to http.

    `SSL` is an argument of the URL (`path("pay/", view, {"SSL": True})`) that the view does not get. GET and HEAD are
    redirected by 301, other methods by 308, which keeps the method and the body.
    """

    def __init__(self, get_response: Handler) -> None:
        super().__init__(get_response)
        self.hook("process_view", self._view)

    def _view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        return other_scheme(request, kwargs, BOTH_WAYS)


BOTH_WAYS = conf.Https(both_ways=True)


def other_scheme(request: HttpRequest, kwargs: dict[str, Any], https: conf.Https) -> HttpResponseBase | None:
    """A redirect to the scheme that the view is for; None where it has come by that."""
    marked = kwargs.pop("SSL", None)
    is_https = is_secure(request)
    if marked is not None:
        wanted = bool(marked)
    elif https.is_exempt(request.path):
        return None
    else:
        wanted = https.redirect
        if not wanted and not https.both_ways:
            return None
    if not wanted and not https.both_ways:
        # A view that is by http too: without both ways nobody is sent there.
        return None
    if wanted == is_https:
        return None
    scheme = "https" if wanted else "http"
    host = https.host if https.host is not None and wanted else _without_default_port(request.get_host())
    url = iri_to_uri(f"{scheme}://{host}{request.get_full_path()}")
    response = HttpResponsePermanentRedirect(url)
    if request.method not in ("GET", "HEAD"):
        # 301 makes a GET of a POST in browsers (RFC 9110 §15.4.2), and what was sent is lost.
        response.status_code = 308
    # A cache that does not tell the schemes apart would make a circle of it.
    response["Cache-Control"] = "no-store"
    return response


def _without_default_port(host: str) -> str:
    return host.removesuffix(":80") if host.endswith(":80") else host.removesuffix(":443")
