"""Why can't everybody have a page?

nginx answers with the body alone, whoever asks: no field of the response is left, and nobody is asked who the visitor is. So a page is
stored only if nothing about it is one visitor's. Doubt is a reason not to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.functional import LazyObject, empty

from .._core import embeds_token, is_script
from . import conf

FORBIDDING = frozenset({"private", "no-store", "no-cache", "max-age=0", "s-maxage=0"})
Reason = Callable[[HttpRequest, HttpResponseBase, bool], bool]


def reason(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> str | None:
    """The first reason there is, in words for the log. `has_version`: the view says which version of the page this is."""
    return next((words for words, holds in _REASONS if holds(request, response, has_version)), None)


def _streams(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    return bool(response.streaming)


def _sets_cookies(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    return bool(response.cookies) or response.has_header("Set-Cookie")


def _forbids(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    return any(_plain(part) in FORBIDDING for part in _list(response, "Cache-Control"))


def _plain(directive: str) -> str:
    """As it is compared: `private="Set-Cookie"` is private."""
    name, _, value = directive.lower().partition("=")
    name, value = name.strip(), value.strip().strip('"').lstrip("0") or ("0" if value else "")
    return f"{name}={value}" if name in ("max-age", "s-maxage") else name


def _varies(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    known = {"accept-encoding", "cookie"} if has_version else {"accept-encoding"}
    return any(name.lower() not in known for name in _list(response, "Vary"))


def _is_of_another_type(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    media_type = response.get("Content-Type", "").partition(";")[0].strip().lower()
    return media_type not in conf.content_types()


def _is_encoded(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    return response.has_header("Content-Encoding")


def _is_authorized(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    return bool(request.META.get("HTTP_AUTHORIZATION"))


def _is_larders(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    # A page for members, asked for without anybody's session.
    return "HTTP_LARDER_IDENTITY" in request.META


def _is_a_scripts(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    # Views answer them with parts of pages.
    return is_script(request.META)


def _is_of_a_session(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    if conf.shares_sessions():
        return False
    session = getattr(request, "session", None)
    if session is not None and session.modified:
        return True
    if session is not None and session.accessed and not session.is_empty():
        return True
    user: Any = getattr(request, "user", None)
    if isinstance(user, LazyObject) and user._wrapped is empty:  # type: ignore[attr-defined]
        # Nobody has looked at it.
        return False
    return user is not None and bool(user.is_authenticated)


def _shows_messages(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    storage = getattr(request, "_messages", None)
    return storage is not None and storage.used and len(storage) > 0


def _has_a_token(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    if "CSRF_COOKIE_NEEDS_UPDATE" in request.META:
        return True
    return embeds_token(response.content) is not None  # type: ignore[attr-defined]


def _has_a_nonce(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    # Of django-csp, made when it is first asked for.
    return bool(getattr(request, "_csp_nonce", None))


def _is_in_another_language(request: HttpRequest, response: HttpResponseBase, has_version: bool) -> bool:
    """Chosen by LocaleMiddleware from a cookie or Accept-Language, which nginx does not look at."""
    chosen = getattr(request, "LANGUAGE_CODE", None)
    if has_version or not chosen or translation.get_language_from_path(request.path_info):
        return False
    try:
        usual = translation.get_supported_language_variant(settings.LANGUAGE_CODE)
    except LookupError:
        usual = settings.LANGUAGE_CODE
    return chosen != usual


def _list(response: HttpResponseBase, name: str) -> Iterator[str]:
    return (part.strip() for part in response.get(name, "").split(",") if part.strip())


_REASONS: tuple[tuple[str, Reason], ...] = (
    ("it is streamed", _streams),
    ("it sets a cookie", _sets_cookies),
    ("its Cache-Control forbids it", _forbids),
    ("its Vary names what the key does not have", _varies),
    ("its Content-Type is not among CACHE_NGINX_CONTENT_TYPES", _is_of_another_type),
    ("it has a Content-Encoding", _is_encoded),
    ("the request had an Authorization", _is_authorized),
    ("Larder asked for it on behalf of some visitors", _is_larders),
    ("a script asked for it", _is_a_scripts),
    ("it was made with what is in the visitor's session", _is_of_a_session),
    ("it shows messages", _shows_messages),
    ("it has a nonce", _has_a_nonce),
    ("it is in a language of the visitor's", _is_in_another_language),
    ("it has a CSRF token in it", _has_a_token),
)
