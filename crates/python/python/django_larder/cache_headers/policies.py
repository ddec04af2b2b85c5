"""Which headers does a response get, by who may share it?

Each policy is called with the request, the response, the visitor and the seconds that shared caches keep the page. `Vary` is
added to what the view said, never put in its place. Pages of one visitor, and those of visitors who are logged in, say `private`:
what a cache in front tells them apart by is a cookie that anybody can write, or one that many caches do not look at. Where it does
look, `danger-shared-policies` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from . import conf, login


def browser_seconds() -> int:
    """`browser-cache-seconds`."""
    value = conf.raw().get("browser-cache-seconds", conf.BROWSER_SECONDS)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        problem = f"must be a whole number of seconds, not {value!r}"
        raise conf.wrong('["browser-cache-seconds"]', problem, f"Write {conf.BROWSER_SECONDS}, or 0 to have browsers ask each time")
    return value


def all_users(request: HttpRequest, response: HttpResponseBase, user: Any, age: int) -> None:
    """One page for everybody."""
    _share(response, age)
    _hash_by(response, "messages")


def anonymous_only(request: HttpRequest, response: HttpResponseBase, user: Any, age: int) -> None:
    """One page for all who are not logged in. Others ask for theirs each time."""
    if user.is_authenticated or not _is_known_rightly(request, response, user):
        response["Cache-Control"] = "no-cache"
    else:
        _share(response, age)
    _hash_by(response, "messages|isauthenticated")


def anonymous_and_authenticated(request: HttpRequest, response: HttpResponseBase, user: Any, age: int) -> None:
    """One page for all who are not logged in, another for all who are."""
    if user.is_authenticated and "anonymous-and-authenticated" not in conf.shared_policies():
        # Who sends `isauthenticated=1` would get it from a cache that believes the cookie.
        _keep(response)
    elif not _is_known_rightly(request, response, user):
        response["Cache-Control"] = "no-cache"
    else:
        _share(response, age)
    _hash_by(response, "messages|isauthenticated")


def per_user(request: HttpRequest, response: HttpResponseBase, user: Any, age: int) -> None:
    """One page for each session."""
    has_session = bool(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    is_nobodys = not user.is_authenticated and not has_session
    # Who is known in another way than by the session has no page that is known by it.
    if is_nobodys or (has_session and "per-user" in conf.shared_policies()):
        _share(response, age)
    else:
        # A cache that does not look at `Vary: Cookie` would show it to the next one.
        _keep(response)
    _hash_by(response, f"messages|{settings.SESSION_COOKIE_NAME}")


BUILT_IN: Mapping[str, conf.Policy] = {
    "all-users": all_users,
    "anonymous-only": anonymous_only,
    "anonymous-and-authenticated": anonymous_and_authenticated,
    "per-user": per_user,
}
"""The policies that there are without `policies`, by their names."""


def _is_known_rightly(request: HttpRequest, response: HttpResponseBase, user: Any) -> bool:
    """Whether the cookie that the page is known by says what is true. Otherwise the page would be kept for the others."""
    if login.tampering(request, user) is None:
        return True
    login.mend(request, response, user)
    return False


def _share(response: HttpResponseBase, age: int) -> None:
    response["Cache-Control"] = f"max-age={browser_seconds()}, s-maxage={age}"
    # Caches of nginx read this first.
    response["X-Accel-Expires"] = str(age)


def _keep(response: HttpResponseBase) -> None:
    response["Cache-Control"] = f"private, max-age={browser_seconds()}"


def _hash_by(response: HttpResponseBase, cookies: str) -> None:
    response["X-Hash-Cookies"] = cookies
    response["Vary"] = ",".join(["Accept-Encoding", "Cookie", *_other_names(response)])


def _other_names(response: HttpResponseBase) -> list[str]:
    names = [name.strip() for name in response.get("Vary", "").split(",")]
    return [name for name in names if name and name.lower() not in ("accept-encoding", "cookie")]
