"""A rule in code for one view, `@page(...)`, and tags for one response, `tag_response(...)`.

What `@page` is given is written as a rule and read by the code that reads the rule file, so that the same is refused with the
same words; the error names the view. It counts in place of the file's rule for what the response says to caches. Larder itself
goes by its file: where a rule matches, that rule's lifetime and audience hold there, unless it says `respect_origin`.
"""

from __future__ import annotations

import functools
import inspect
import json
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from . import conf
from ._core import Rules, RulesError

View = TypeVar("View", bound=Callable[..., Any])
Response = TypeVar("Response", bound=HttpResponseBase)
Duration = int | float | timedelta | str
TAG_BYTES_MAX = 1024
"""Longer tags Larder takes for too many: crates/policy/src/limits.rs."""
TAGS, PAGE = "_larder_tags", "_larder_page"
"""Where a response keeps its tags, in order and each once, and what `@page` says of its view."""
AUDIENCES = ("all-users", "anonymous-only", "anonymous-and-authenticated", "per-user")


def tag_response(response: Response, *tags: object) -> Response:
    """Names what the page is made of, so that a purge of a name takes it away.

    Tags are texts without spaces and commas, of 1024 bytes at most; numbers are written as texts. Raises ValueError for what
    can't be one.
    """
    kept: dict[str, None] = response.__dict__.setdefault(TAGS, {})
    kept.update(dict.fromkeys(map(_tag, tags)))
    return response


def _tag(tag: object) -> str:
    text = str(tag)
    if not text or not text.isprintable() or any(letter in " ,\t" for letter in text):
        raise ValueError(f"{text!r} can't be a tag: a tag is a text without spaces and commas")
    if not text.isascii():
        raise ValueError(f"{text!r} can't be a tag: a tag is of ASCII")
    if len(text) > TAG_BYTES_MAX:
        raise ValueError(f"{text[:20]!r}... can't be a tag: it has more than {TAG_BYTES_MAX} bytes")
    return text


class Page:
    """What one `@page` says."""

    def __init__(
        self,
        view: str,
        *,
        ttl: Duration | None,
        audience: str | None,
        browser_ttl: Duration | None,
        grace: Duration | None,
        tags: Sequence[object] | Callable[..., Iterable[object]],
        version: Callable[[HttpRequest], object] | None,
    ) -> None:
        self.view = view
        self.name = f"@page of {view}" if view else "@page"
        self.grace = grace
        self.version = version
        self.tags = tags
        self._rules: Rules | None = None
        self._lock = threading.Lock()
        if version is not None:
            if audience not in (None, "all-users"):
                raise ValueError(f'{self.name}: version goes with audience="all-users" only, not {audience!r}')
            audience = "version"
        elif audience not in (None, *AUDIENCES):
            raise ValueError(f"{self.name}: audience must be one of {', '.join(AUDIENCES)}, not {audience!r}")
        if not callable(tags):
            if isinstance(tags, str):
                raise ValueError(f"{self.name}: tags must be a list, not the text {tags!r}")
            for tag in tags:
                _tag(tag)
        self.keys: dict[str, str] = {"audience": audience or "all-users"}
        for name, duration in (("ttl", ttl), ("browser_ttl", browser_ttl), ("grace", grace)):
            if duration is not None:
                self.keys[name] = _duration(self.name, name, duration)

    def toml(self) -> str:
        """The same as a rule file."""
        from django.conf import settings

        rules = conf.rules()
        cookies = sorted({*rules.session_cookies, settings.SESSION_COOKIE_NAME})
        identity = f"[identity]\nsession_cookies = {json.dumps(cookies)}\n"
        if self.keys["audience"] not in ("all-users", "anonymous-only"):
            # It is the application that decides here, so nobody asks there.
            identity += f'lookup = "{rules.lookup_path or "/_larder/identity"}"\n'
        version = '\n[audience.version]\nkey = ["segment"]\n' if self.version else ""
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in self.keys.items())
        return f'{identity}{version}\n[[rule]]\npath = "/*"\n{lines}'

    @property
    def rules(self) -> Rules:
        """The rule, read. Raises ImproperlyConfigured that names the view."""
        if self._rules is None:
            with self._lock:
                if self._rules is None:
                    try:
                        self._rules = Rules.parse(self.name, self.toml())
                    except RulesError as error:
                        raise ImproperlyConfigured(str(error)) from error
        return self._rules

    def tagged(self, request: HttpRequest, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterable[object]:
        """The tags of one response."""
        return self.tags(request, *args, **kwargs) if callable(self.tags) else self.tags


PAGES: list[Page] = []
"""Every `@page` of the site, for its checks."""


def page(
    *,
    ttl: Duration | None = None,
    audience: str | None = None,
    tags: Sequence[object] | Callable[..., Iterable[object]] = (),
    version: Callable[[HttpRequest], object] | None = None,
    browser_ttl: Duration | None = None,
    grace: Duration | None = None,
) -> Callable[[View], View]:
    """Says how long the pages of a view may be kept, and by whom.

    Durations are seconds, timedeltas, or texts as in the rule file ("10m").

    - `ttl`: how long shared caches keep them.
    - `audience`: who shares them: "all-users" (the default), "anonymous-only", "anonymous-and-authenticated" or "per-user".
    - `tags`: their tags, or a function of the view's arguments that returns them.
    - `version`: a function of the request that says which of several versions of the page a visitor sees. A false value is
      the one that everybody sees; no shared cache keeps any other.
    - `browser_ttl`: how long browsers keep them.
    - `grace`: how long stale ones may be served while a new one is made.

    For functions, coroutine functions and, by `method_decorator(page(...), name="dispatch")`, classes. It takes
    `LarderMiddleware` to have an effect.
    """

    given = {"ttl": ttl, "audience": audience, "browser_ttl": browser_ttl, "grace": grace, "tags": tags, "version": version}
    # What can't be right is refused here, where the decorator stands.
    Page("", **given)  # type: ignore[arg-type]
    # By view: django.utils.decorators.method_decorator decorates a method anew for each request.
    pages: dict[str, Page] = {}

    def decorate(view: View) -> View:
        inner = getattr(view, "func", view)
        name = f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', repr(inner))}"
        if name not in pages:
            pages[name] = Page(name, **given)  # type: ignore[arg-type]
            PAGES.append(pages[name])
        said = pages[name]

        def mark(response: Any, request: HttpRequest, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if isinstance(response, HttpResponseBase):
                response.__dict__[PAGE] = said
                tag_response(response, *said.tagged(request, args, kwargs))
            return response

        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def awaited(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                return mark(await view(request, *args, **kwargs), request, args, kwargs)

            return cast(View, awaited)

        @functools.wraps(view)
        def called(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            response = view(request, *args, **kwargs)
            if inspect.isawaitable(response):
                # `View.dispatch` is no coroutine function and returns what an asynchronous `get` does.
                return _later(response, request, args, kwargs)
            return mark(response, request, args, kwargs)

        async def _later(response: Awaitable[Any], request: HttpRequest, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return mark(await response, request, args, kwargs)

        return cast(View, called)

    return decorate


def _duration(where: str, name: str, value: Duration) -> str:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**31:
        raise ValueError(f'{where}: {name} must be a number of seconds, a timedelta or a text as "10m", not {value!r}')
    return f"{int(value)}s" if value == int(value) else f"{round(value * 1000)}ms"
