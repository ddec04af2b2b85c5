"""Which headers does a response leave with?

In this order, as django-cache-headers did:

1. With DEBUG, or without `request.user`: as it is.
2. After a login or logout, and with a new session cookie: `isauthenticated` follows.
3. It has a Cache-Control, or is no 200: as it is.
4. From here on `Cache-Control: no-cache`, until a policy says otherwise. It stays so after a login or logout, for other methods
   than GET and HEAD, and for what is one visitor's: it sets a cookie, has a CSRF token in it, answers an Authorization, varies
   by everything.
5. With `enable-tampering-checks`, 400 to who sent an `isauthenticated` that is not true.
6. The longest expression that matches the URL has the policy and the seconds.
7. If messages wait that this page did not show, a redirect to a URL of its own (`dch-uuid`), so that no cache comes between.
8. The policy writes the headers.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.messages.storage.base import BaseStorage
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, HttpResponseRedirect
from django.utils.functional import LazyObject, empty

from . import conf, login

logger = logging.getLogger("django_larder.cache_headers")

OWN_ADDRESS = "dch-uuid="
"""What a URL has in it that no cache is to keep."""

_told: set[str] = set()
"""Cookies of which the log has heard."""


class CacheHeadersMiddleware:
    """First in MIDDLEWARE, so that it has the last word on headers. For WSGI and ASGI."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.rules = conf.read()
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._acall(request)
        return self.process_response(request, self.get_response(request))

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        response = await self.get_response(request)
        if not _concerns(request, response) or not (user := await _auser(request)):
            return response
        response, rule = self._judge(request, response, user)
        if rule is None:
            return response
        if await _ahas_messages(request):
            return _replaced(response, _redirect(request))
        await rule.aapply(request, response, user)
        return _with_validator(request, response)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response as it leaves, or another in its place."""
        if not _concerns(request, response) or not (user := request.user):
            return response
        response, rule = self._judge(request, response, user)
        if rule is None:
            return response
        if _has_messages(request):
            return _replaced(response, _redirect(request))
        rule.apply(request, response, user)
        return _with_validator(request, response)

    def _judge(self, request: HttpRequest, response: HttpResponseBase, user: Any) -> tuple[HttpResponseBase, conf.Rule | None]:
        """The response so far, and the rule whose policy it is to have."""
        if login.concerns(request, response):
            login.follow(request, response, user)
        if _is_settled(response):
            return response, None
        response["Cache-Control"] = "no-cache"
        if login.has_changed(request):
            return response, None
        if conf.has_tampering_checks() and (problem := login.tampering(request, user)):
            refusal = _replaced(response, HttpResponseBadRequest(problem))
            # Otherwise somebody whose session ended elsewhere would be refused for good.
            login.mend(request, refusal, user)
            return refusal, None
        if request.method not in ("GET", "HEAD"):
            return response, None
        full_path = request.get_full_path()
        rule = conf.find(self.rules, full_path)
        if rule is None or OWN_ADDRESS in full_path or _is_personal(request, response, rule):
            return response, None
        return response, rule


def _concerns(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether anything is to be done, as far as that can be told without asking who the visitor is."""
    if settings.DEBUG or not hasattr(request, "user"):
        return False
    return login.concerns(request, response) or not _is_settled(response)


def _is_settled(response: HttpResponseBase) -> bool:
    return response.has_header("Cache-Control") or response.status_code != 200


def _is_personal(request: HttpRequest, response: HttpResponseBase, rule: conf.Rule) -> bool:
    if response.cookies or response.has_header("Set-Cookie"):
        names = ", ".join(sorted(response.cookies)) or "Set-Cookie"
        if names not in _told:
            _told.add(names)
            text = "A page under CACHE_HEADERS rule %r sets %s, so no cache may keep it. This is said once for these cookies."
            logger.warning(text, rule.source, names)
        return True
    # Django leaves the key there once a token was asked for, whatever became of the cookie.
    has_token = "CSRF_COOKIE_NEEDS_UPDATE" in request.META
    varies_by_all = "*" in (name.strip() for name in response.get("Vary", "").split(","))
    return has_token or varies_by_all or bool(request.META.get("HTTP_AUTHORIZATION"))


async def _auser(request: HttpRequest) -> Any:
    user = request.user
    if not isinstance(user, LazyObject) or user._wrapped is not empty:  # type: ignore[attr-defined]
        # Known already, or put there by another middleware.
        return user
    if hasattr(request, "auser"):
        return await request.auser()
    await sync_to_async(bool, thread_sensitive=True)(user)
    return user


def _messages(request: HttpRequest) -> BaseStorage | None:
    return getattr(request, "_messages", None)


def _has_messages(request: HttpRequest) -> bool:
    storage = _messages(request)
    return storage is not None and len(storage) > 0


async def _ahas_messages(request: HttpRequest) -> bool:
    storage = _messages(request)
    is_at_hand = storage is None or hasattr(storage, "_loaded_data")
    if not is_at_hand and isinstance(storage, (CookieStorage, FallbackStorage)):
        # The session's part is read only where the cookie says that there is more.
        is_at_hand = CookieStorage.cookie_name not in request.COOKIES
    if is_at_hand:
        return _has_messages(request)
    return cast(bool, await sync_to_async(_has_messages, thread_sensitive=True)(request))


def _redirect(request: HttpRequest) -> HttpResponseBase:
    full_path = request.get_full_path()
    separator = "&" if "?" in full_path else "?"
    return HttpResponseRedirect(f"{full_path}{separator}{OWN_ADDRESS}{uuid.uuid4()}")


def _replaced(response: HttpResponseBase, other: HttpResponseBase) -> HttpResponseBase:
    """`other`, in the place of `response`: with its cookies, and with what is to be closed after it."""
    for name, morsel in response.cookies.items():
        # Messages that were on the page were seen by nobody: the cookie that holds them stays.
        if name != CookieStorage.cookie_name:
            other.cookies[name] = morsel
    other["Cache-Control"] = "no-cache"
    closers = getattr(response, "_resource_closers", [])
    getattr(other, "_resource_closers", []).extend(closers)
    return other


def _with_validator(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """With an ETag, so that a cache that asks again hears whether the page has changed, rather than that it is new."""
    control = response.get("Cache-Control", "").lower()
    is_kept = "no-cache" not in control and "no-store" not in control
    has_one = response.has_header("ETag") or response.has_header("Last-Modified")
    if request.method == "GET" and is_kept and not has_one and not response.streaming:
        digest = hashlib.sha256(response.content).hexdigest()  # type: ignore[attr-defined]
        response["ETag"] = f'"{digest[:32]}"'
    return response
