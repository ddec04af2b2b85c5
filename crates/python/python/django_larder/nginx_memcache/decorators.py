"""The decorator that lays a view's pages down for nginx."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, overload

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase

from . import conf
from .cache import UNSET
from .fill import Fill

View = TypeVar("View", bound=Callable[..., Any])


@overload
def cache_page_nginx(view_fn: View) -> View: ...
@overload
def cache_page_nginx(
    view_fn: None = None,
    cache_timeout: int | None = ...,
    page_version_fn: Callable[[HttpRequest], Any] | None = None,
    anonymous_only: bool = False,
    lookup_identifier: str | None = None,
    supplementary_identifier: str | None = None,
) -> Callable[[View], View]: ...
def cache_page_nginx(
    view_fn: Callable[..., Any] | None = None,
    cache_timeout: int | None = UNSET,
    page_version_fn: Callable[[HttpRequest], Any] | None = None,
    anonymous_only: bool = False,
    lookup_identifier: str | None = None,
    supplementary_identifier: str | None = None,
) -> Any:
    """Stores the answers to GET with status 200 where nginx finds them, for a time in seconds.

    To be used bare or with arguments, for views that are async or not.

    - `cache_timeout`: seconds; None is for ever. Without it `CACHE_NGINX_TIME`.
    - `page_version_fn`: called with the request, says which version of the page this is; nginx tells them apart by the cookie.
    - `anonymous_only`: pages of those who are logged in are not stored.
    - `lookup_identifier`, `supplementary_identifier`: what the page belongs to, for `bulk_invalidate`. Without the first, the host.
    """
    if view_fn is not None and not callable(view_fn):
        raise TypeError(f"cache_page_nginx takes a view first, not {view_fn!r}: write cache_page_nginx(cache_timeout={view_fn!r})")
    if cache_timeout is not UNSET:
        conf.checked_timeout(cache_timeout, "cache_timeout")

    def begin(request: HttpRequest) -> Fill | None:
        if not conf.is_enabled() or request.method != "GET":
            return None
        timeout = conf.timeout() if cache_timeout is UNSET else cache_timeout
        fill = Fill(request, timeout, page_version_fn, lookup_identifier, supplementary_identifier, conf.cookie())
        fill.begin()
        return fill

    def end(fill: Fill, response: HttpResponseBase) -> None:
        if response.status_code != 200 or (anonymous_only and _is_logged_in(fill.request)):
            return
        if not conf.includes_https() and _is_https(fill.request):
            return
        fill.store(response)  # type: ignore[arg-type]

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        if iscoroutinefunction(view):

            async def later(request: HttpRequest, *arguments: Any, **options: Any) -> Any:
                fill = await sync_to_async(begin, thread_sensitive=True)(request)
                response = await view(request, *arguments, **options)
                if fill is not None and not _waits_for_rendering(response, fill, end):
                    await sync_to_async(end, thread_sensitive=True)(fill, response)
                return response

            return wraps(view)(later)

        def now(request: HttpRequest, *arguments: Any, **options: Any) -> Any:
            fill = begin(request)
            response = view(request, *arguments, **options)
            if fill is not None and not _waits_for_rendering(response, fill, end):
                end(fill, response)
            return response

        return wraps(view)(now)

    return decorate if view_fn is None else decorate(view_fn)


def _waits_for_rendering(response: Any, fill: Fill, end: Callable[[Fill, HttpResponseBase], None]) -> bool:
    """Whether it is a template that is rendered later, and then stored."""
    if callable(getattr(response, "render", None)) and not response.is_rendered:
        response.add_post_render_callback(lambda rendered: end(fill, rendered))
        return True
    return False


def _is_logged_in(request: HttpRequest) -> bool:
    if not hasattr(request, "user"):
        raise ImproperlyConfigured(
            "cache_page_nginx(anonymous_only=True) needs request.user. "
            "Put django.contrib.auth.middleware.AuthenticationMiddleware into MIDDLEWARE, or leave anonymous_only out."
        )
    return bool(request.user.is_authenticated)


def _is_https(request: HttpRequest) -> bool:
    if request.is_secure():
        return True
    fields = (("HTTP_" + name.upper().replace("-", "_"), value.lower()) for name, value in conf.ssl_headers())
    return any(request.META.get(name, "").lower() == value for name, value in fields)
