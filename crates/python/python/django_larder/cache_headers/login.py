"""The cookie `isauthenticated`, which says to a cache in front that a visitor is logged in.

It is a hint, written by whoever sends it: nothing that only some may see is to be chosen by it. It follows the session's cookie:
set at login and whenever that is set anew, and gone with it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

NAME = "isauthenticated"
VALUE = "1"


@receiver([user_logged_in, user_logged_out], dispatch_uid="django_larder.cache_headers")
def remember(sender: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Remembers until the response that somebody has logged in or out."""
    if request is not None:
        request._dch_auth_event = True  # type: ignore[attr-defined]


def has_changed(request: HttpRequest) -> bool:
    """Whether somebody has logged in or out in this request."""
    return bool(getattr(request, "_dch_auth_event", False))


def concerns(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether the cookie may have to be set or deleted."""
    return has_changed(request) or settings.SESSION_COOKIE_NAME in response.cookies


def follow(request: HttpRequest, response: HttpResponseBase, user: Any) -> None:
    """Sets or deletes the cookie, where login, logout or the session's own cookie make it necessary."""
    session = response.cookies.get(settings.SESSION_COOKIE_NAME)
    lives_on = session is not None and bool(session.value)
    if has_changed(request) or session is not None:
        if user.is_authenticated and (has_changed(request) or lives_on):
            set_on(request, response)
        elif has_changed(request) or NAME in request.COOKIES:
            response.delete_cookie(NAME)


def mend(request: HttpRequest, response: HttpResponseBase, user: Any) -> None:
    """Makes the cookie say what is true, whatever it was."""
    if user.is_authenticated:
        set_on(request, response)
    else:
        response.delete_cookie(NAME)


def set_on(request: HttpRequest, response: HttpResponseBase) -> None:
    """Sets the cookie for as long as the session lasts."""
    session = getattr(request, "session", None)
    if session is None or session.get_expire_at_browser_close():
        response.set_cookie(NAME, VALUE)
    else:
        response.set_cookie(NAME, VALUE, max_age=session.get_expiry_age())


def tampering(request: HttpRequest, user: Any) -> str | None:
    """What is wrong with the cookie that a visitor sent, in words for them."""
    sent = request.COOKIES.get(NAME, "")
    if user.is_authenticated:
        return None if sent == VALUE else "User is authenticated, but did not send valid isauthenticated cookie"
    return "User is anonymous but sent an isauthenticated cookie" if sent else None
