"""The signed marker: the cookie that tells Larder who a visitor is, without being asked.

It is set wherever the session's cookie is set anew, renewed at half its life and whenever what it says has changed, and taken
off with the session. How it is signed is docs/rules.md's; here is only when.
"""

from __future__ import annotations

import time
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.functional import LazyObject, empty

from . import conf
from ._core import Identity, Rules
from .visit import Visit, logger

NOBODY = Identity(False)
SHARED = ("public", "s-maxage")
"""Words by which a response says that it is everybody's."""


def raw_cookie(meta: dict[str, Any], name: str) -> str | None:
    """A cookie's value as it stands in the `Cookie` line. None: not there, several, empty, or not of ASCII."""
    line: str = meta.get("HTTP_COOKIE", "")
    if name not in line:
        return None
    pieces = (piece.partition("=") for piece in line.split(";"))
    values = [value.strip() for found, _, value in pieces if found.strip() == name]
    if len(values) != 1 or not values[0].isascii():
        return None
    return values[0] or None


def known_user(request: HttpRequest) -> Any:
    """The user, as far as somebody has looked already. None: nobody has."""
    user = request.__dict__.get("user")
    if isinstance(user, LazyObject):
        if user._wrapped is not empty:
            return user
        cached = request.__dict__.get("_cached_user")
        return cached if cached is not None else request.__dict__.get("_acached_user")
    return user


def identity_of(request: HttpRequest, user: Any, segment: str | None) -> Identity:
    """Who that is, in Larder's words."""
    if not getattr(user, "is_authenticated", False):
        return NOBODY if segment is None else Identity(False, None, segment)
    return Identity(True, str(user._meta.pk.value_to_string(user)), segment)


def segment_of(request: HttpRequest) -> str | None:
    """What the site's function says of the visitor."""
    function = conf.larder().segment
    if function is None:
        return None
    if iscoroutinefunction(function):
        return async_to_sync(function)(request) or None
    return function(request) or None


async def asegment_of(request: HttpRequest) -> str | None:
    """The same where one may wait."""
    function = conf.larder().segment
    if function is None:
        return None
    said = function(request)
    return (await said if iscoroutinefunction(function) else said) or None  # type: ignore[misc]


class Markers:
    """Sets, renews and takes off the marker."""

    def __init__(self, rules: Rules) -> None:
        larder = conf.larder()
        self.rules = rules
        self.name = rules.marker_cookie
        self.session = str(settings.SESSION_COOKIE_NAME)
        self.age = larder.marker_age
        self.on = larder.identity and rules.marker_keys > 0

    def verified(self, request: HttpRequest) -> tuple[Identity, int] | None:
        """What the request's own marker proves, and until when."""
        session = raw_cookie(request.META, self.session)
        marker = raw_cookie(request.META, self.name)
        if session is None or marker is None:
            return None
        return self.rules.verify_marker(marker, (self.session, session), int(time.time()))

    def is_due(self, request: HttpRequest) -> bool:
        """Whether a visitor with a session has no marker, or one in the second half of its life."""
        if not self.on or self.session not in request.COOKIES:
            return False
        proof = self.verified(request)
        return proof is None or proof[1] - time.time() <= self.age / 2

    def session_after(self, request: HttpRequest, response: HttpResponseBase) -> tuple[str | None, bool]:
        """The session cookie that the visitor has when this response is there, and whether the response sets it."""
        morsel = response.cookies.get(self.session)
        if morsel is None:
            return raw_cookie(request.META, self.session), False
        # Where it is deleted it is set to nothing.
        return (morsel.coded_value if morsel.value else None), True

    def wanted(self, visit: Visit, request: HttpRequest, response: HttpResponseBase) -> bool:
        """Whether the response may have to set a marker, so that it has to be known who the visitor is."""
        if not self.on or visit.asks:
            return False
        if self.session in response.cookies:
            return True
        if self.session not in request.COOKIES or response.status_code == 304 or response.status_code >= 500:
            return False
        return known_user(request) is not None and not _is_everybodys(response)

    def settle(self, request: HttpRequest, response: HttpResponseBase, segment: str | None) -> None:
        """Sets the marker where it is due, or says something else than what is so; takes it off where there is no session."""
        session, is_new = self.session_after(request, response)
        if session is None:
            if is_new and (self.name in request.COOKIES or self.session in request.COOKIES):
                self.take_off(response)
            return
        user = known_user(request)
        if not _is_sessions(request, user):
            return
        try:
            identity = identity_of(request, user, segment)
            if not is_new:
                proof = self.verified(request)
                if proof is not None and proof[0] == identity and proof[1] - time.time() > self.age / 2:
                    return
            marker = self.rules.sign_marker(identity, (self.session, session), int(time.time()) + self.age)
        except ValueError as error:
            logger.error("no marker for the visitor of %s, so that none of their pages are shared: %s", request.path, error)
            return
        response.set_cookie(
            self.name,
            marker,
            max_age=self.age,
            path=settings.SESSION_COOKIE_PATH,
            domain=settings.SESSION_COOKIE_DOMAIN,
            # With the session's cookie or not at all: without it a marker is worth nothing.
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite=settings.SESSION_COOKIE_SAMESITE,
        )
        patch_vary_headers(response, ["Cookie"])

    def take_off(self, response: HttpResponseBase) -> None:
        """Takes the marker off."""
        response.delete_cookie(
            self.name,
            path=settings.SESSION_COOKIE_PATH,
            domain=settings.SESSION_COOKIE_DOMAIN,
            samesite=settings.SESSION_COOKIE_SAMESITE,
        )


def _is_sessions(request: HttpRequest, user: Any) -> bool:
    """Whether this is who the session is of. By a token, or by a view's own word, a request's user may be somebody else."""
    store = getattr(request, "session", None)
    if store is None or not hasattr(store, "_session_cache"):
        # Nobody has looked into the session, and this is not the place to wait for it.
        return False
    stated = store.get(SESSION_KEY)
    if not getattr(user, "is_authenticated", False):
        return stated is None
    return stated is not None and str(stated) == str(user._meta.pk.value_to_string(user))


def _is_everybodys(response: HttpResponseBase) -> bool:
    """Whether a response says that it is for all: a cookie on it would keep it from being stored."""
    said = response.get("Cache-Control", "").lower()
    return any(word in said for word in SHARED) or response.has_header("CDN-Cache-Control") or response.has_header("Surrogate-Control")
