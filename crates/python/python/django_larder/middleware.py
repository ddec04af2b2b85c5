"""The middleware: what the rules say of a response, said. Two small ones that do one thing each are named here too.

`LarderMiddleware` stands first in MIDDLEWARE, so that it sees each response last: with its cookies, compressed, and as the
other middleware made it. It works in a synchronous and in an asynchronous chain, and in neither uses a thread of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from . import conf
from ._core import Decision, Identity, Writer, is_script
from .both import Both, Handler
from .identity import Markers, asegment_of, identity_of, known_user, segment_of
from .page import PAGE, TAGS, Page
from .schemes import SSLRedirectMiddleware, other_scheme
from .scripts import NEVER, NeverCacheXhrMiddleware, never
from .visit import NotShared, SomeUser, Visit, logger

__all__ = ["LarderMiddleware", "NeverCacheXhrMiddleware", "SSLRedirectMiddleware"]

Fields = dict[str, tuple[str, str]]
"""Fields as Django keeps them: name and value, by the name in lower case."""


class LarderMiddleware(Both):
    """Applies `settings.LARDER`: headers and tags by the rule file and `@page`, the signed marker, pages for whom Larder asks."""

    def __init__(self, get_response: Handler) -> None:
        super().__init__(get_response)
        self.larder = larder = conf.larder()
        self.rules = conf.rules()
        self.markers = Markers(self.rules)
        self.session = self.markers.session
        self.writer = Writer(larder.tag_header or self.rules.tag_field, self.rules.tag_separator)
        self.redirects = larder.https.redirect or larder.https.both_ways
        # Looked up once: what Django does to look one up takes longer than all that is done with it.
        self.forwarded_host = settings.USE_X_FORWARDED_HOST
        self.forwarded_scheme = settings.SECURE_PROXY_SSL_HEADER is not None
        self.never_xhr = larder.never_xhr or self.rules.xhr_never
        if self.markers.on or larder.trusted_proxies or self.redirects:
            self.hook("process_view", self._aview if self.is_async else self._view)
        if larder.trusted_proxies:
            self.hook("process_exception", self._exception)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._acall(request)
        visit = Visit(request)
        request.larder = visit  # type: ignore[attr-defined]
        if self.larder.automatic_tags:
            with self._collect() as seen:
                response = self.get_response(request)
        else:
            seen = None
            response = self.get_response(request)
        if (response.cookies or self.session in request.COOKIES) and self.markers.wanted(visit, request, response):
            self._settle(request, response, segment_of)
        return self._finish(visit, request, response, seen)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        visit = Visit(request)
        request.larder = visit  # type: ignore[attr-defined]
        if self.larder.automatic_tags:
            with self._collect() as seen:
                response = await self.get_response(request)
        else:
            seen = None
            response = await self.get_response(request)
        if (response.cookies or self.session in request.COOKIES) and self.markers.wanted(visit, request, response):
            segment = await _careful_later(asegment_of(request), request)
            self._settle(request, response, lambda _: segment)
        return self._finish(visit, request, response, seen)

    def _collect(self) -> contextlib.AbstractContextManager[Any]:
        """Watches what a response is made from."""
        from .automatic import collect

        return cast("contextlib.AbstractContextManager[Any]", collect())

    # ---- before the view ----

    def _view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if self._goes_on(request):
            return None
        redirect = self._begin(request, kwargs)
        if redirect is None and self._has_to_know(request):
            session = request.session
            accessed = session.accessed
            # Here, while the session can still be changed by it: its key is, where the site's secret is a new one.
            bool(request.user.is_authenticated)
            session.accessed = accessed
        return redirect

    async def _aview(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if self._goes_on(request):
            return None
        redirect = self._begin(request, kwargs)
        if redirect is None and self._has_to_know(request):
            session = request.session
            accessed = session.accessed
            if hasattr(request, "auser"):
                user = await request.auser()
                # So that nobody waits for it where nobody may.
                request.__dict__.setdefault("_cached_user", user)
            else:
                await sync_to_async(lambda: request.user.is_authenticated)()
            session.accessed = accessed
        return redirect

    def _goes_on(self, request: HttpRequest) -> bool:
        """Whether there is nothing to do before the view, as for most visitors: they have no session."""
        visit: Visit = request.larder  # type: ignore[attr-defined]
        return not self.redirects and visit.told is None and self.session not in request.COOKIES

    def _begin(self, request: HttpRequest, kwargs: dict[str, Any]) -> HttpResponseBase | None:
        if self.redirects:
            redirect = other_scheme(request, kwargs, self.larder.https)
            if redirect is not None:
                return redirect
        visit: Visit = request.larder  # type: ignore[attr-defined]
        visit.install_user()
        return None

    def _has_to_know(self, request: HttpRequest) -> bool:
        """Whether the marker has to be made anew, and for whom is not known yet."""
        visit: Visit = request.larder  # type: ignore[attr-defined]
        if visit.asks or not hasattr(request, "user") or not hasattr(request, "session"):
            return False
        return known_user(request) is None and self.markers.is_due(request)

    def _exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """A page that can't be made for several: the visitor is asked for."""
        visit: Visit | None = getattr(request, "larder", None)
        if visit is None or visit.beyond is None:
            return None
        if not isinstance(exception, NotShared):
            logger.info("%s reads %s, which is one visitor's, and then: %r", request.path, visit.beyond, exception)
        response = HttpResponse("This page is made for one visitor only.\n", status=409, content_type="text/plain", headers=NEVER)
        # Nothing is wrong, so that Django need not warn of it: django.utils.log.log_response.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    # ---- behind it ----

    def _settle(self, request: HttpRequest, response: HttpResponseBase, segment: Callable[[HttpRequest], str | None]) -> None:
        try:
            said = segment(request)
        except Exception:  # A site's function: its page is there all the same.
            logger.exception("LARDER['segment'] failed for %s: no marker", request.path)
            return
        self.markers.settle(request, response, said)

    def _finish(self, visit: Visit, request: HttpRequest, response: HttpResponseBase, seen: Any) -> HttpResponseBase:
        page: Page | None = response.__dict__.get(PAGE)
        decision = self._decide(visit, request, page)
        if visit.told is not None:
            if visit.confirms():
                patch_vary_headers(response, ["Larder-Identity"])
            else:
                response["Cache-Control"] = "private, no-cache"
        if decision is not None:
            self._write(visit, request, response, decision, page, seen)
        if self.never_xhr and (decision is not None and decision.reason == "xhr" or is_script(request.META)):
            never(response)
        return response

    def _decide(self, visit: Visit, request: HttpRequest, page: Page | None) -> Decision | None:
        rules = self.rules if page is None else page.rules
        if visit.told is None and self.session not in request.COOKIES:
            identity = None
        else:
            identity = self._identity(visit, request)
        if page is not None and page.version is not None:
            try:
                version = page.version(request)
            except NotShared:
                # Its version is the visitor's, and Larder asks for several: it is not confirmed.
                return None
            who = identity() if identity is not None else None
            known = Identity(bool(who and who.authenticated), None, str(version) if version else None)
            identity = lambda: known  # noqa: E731
        meta = request.META
        # Not `get_host()`, which looks at ALLOWED_HOSTS again: what is not allowed was refused by now.
        host: str | None = None if self.forwarded_host else meta.get("HTTP_HOST")
        if host is None:
            host = request._get_raw_host()  # type: ignore[attr-defined]
        # As Django does, without its two calls for each.
        scheme = None if self.forwarded_scheme else meta.get("wsgi.url_scheme")
        if scheme is None:
            scheme = request.scheme or "http"
        try:
            return rules.decide_meta(request.method or "GET", scheme, host, target_of(request), meta, identity)
        except ValueError:
            # Nobody keeps what was answered to such a request.
            return None

    def _identity(self, visit: Visit, request: HttpRequest) -> Callable[[], Identity | None] | None:
        """Who a visitor with a session is, where that is known without asking. None: what the marker says."""
        if visit.told is not None:
            return visit.told.identity
        user = known_user(request)
        if user is None or isinstance(user, SomeUser) or not self.markers.on:
            return None if user is None else (lambda: identity_of(request, user, None))
        return lambda: identity_of(request, user, segment_if_simple(request))

    def _write(
        self, visit: Visit, request: HttpRequest, response: HttpResponseBase, decision: Decision, page: Page | None, seen: Any
    ) -> None:
        """The tags of the page, and what it says to caches that are not Larder."""
        given: dict[str, None] | None = response.__dict__.get(TAGS)
        if seen is not None:
            given = {**(given or {}), **dict.fromkeys(cast("Iterable[str]", seen.tags()))}
        headers = response.headers
        store: Fields | None = getattr(headers, "_store", None)
        fields = fields_of(response) if store is None else store
        says = self.writer.write(
            decision, response, fields, given, self.larder.headers, _is_personal(request), visit.asks, page is not None
        )
        if store is None:
            _put_back(response, fields)
        if says and page is not None and page.grace is not None and visit.via:
            _grace(response, decision)


def _put_back(response: HttpResponseBase, fields: Fields) -> None:
    for name in [name for name, _ in response.items() if name.lower() not in fields]:
        del response[name]
    for name, value in fields.values():
        response[name] = value


def _grace(response: HttpResponseBase, decision: Decision) -> None:
    """Larder takes `s-maxage` for a word against stale pages (RFC 9111 §5.2.2.10), so the grace is told to it alone."""
    said = dict(part.strip().partition("=")[::2] for part in response.get("Cache-Control", "").lower().split(","))
    stale = said.get("stale-while-revalidate", "")
    if "s-maxage" in said and stale.isdecimal() and decision.ttl is not None and not response.has_header("Surrogate-Control"):
        response["Surrogate-Control"] = f"max-age={int(decision.ttl)}+{stale};larder"


def _is_personal(request: HttpRequest) -> bool:
    """Whether the page was made for one visitor: with a token of theirs, or a message to them."""
    # Whoever takes a token has the cookie sent: CsrfViewMiddleware leaves the key there, whether it was needed or not.
    if "CSRF_COOKIE_NEEDS_UPDATE" in request.META:
        return True
    messages = request.__dict__.get("_messages")
    return messages is not None and messages.used and len(messages) > 0


def fields_of(response: HttpResponseBase) -> Fields:
    """A response's fields, should Django keep them in another way."""
    return {name.lower(): (name, value) for name, value in response.items()}


def segment_if_simple(request: HttpRequest) -> str | None:
    """What the site's function says, where it need not be waited for and does not fail."""
    function = conf.larder().segment
    if function is None or iscoroutinefunction(function):
        return None
    try:
        return function(request) or None
    except Exception:  # Told already where the marker is made.
        return None


async def _careful_later(coming: Awaitable[str | None], request: HttpRequest) -> str | None:
    try:
        return await coming
    except Exception:
        logger.exception("LARDER['segment'] failed for %s: no marker", request.path)
        return None


def target_of(request: HttpRequest) -> str:
    """Path and query as they were sent, where the server says that; else as Django writes them."""
    raw: Any = request.META.get("RAW_URI")
    if raw.__class__ is str and raw[:1] == "/":
        return cast(str, raw)
    scope = getattr(request, "scope", None)
    if scope is not None and scope.get("raw_path") and scope["raw_path"][:1] == b"/":
        query = scope.get("query_string", b"")
        raw_path = scope["raw_path"].partition(b"?")[0]
        return cast(str, (raw_path + b"?" + query if query else raw_path).decode("latin-1"))
    return request.get_full_path()
