"""One page on its way into Memcached.

1. Before the view: the marks of what was taken away are read.
2. After it: is the answer one that everybody may have? If not, it is left alone.
3. When what the request wrote is committed: row, page, and the marks again (`marks`).

Whatever fails on the way, the visitor gets their page.
"""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse

from .._core import minify, nginx_memcache_key
from . import conf, marks, personal, records
from .committed import after_commit

logger = logging.getLogger("django_larder.nginx_memcache")

PRUNE_ONE_IN = 100
"""With one page in so many, rows of pages that have ended are deleted."""


@dataclass
class Fill:
    """What is known of it."""

    request: HttpRequest
    timeout: int | None
    page_version: Callable[[HttpRequest], Any] | None = None
    parent: str | None = None
    supplementary: str | None = None
    cookie: str = "pv"
    before: dict[str, str] | None = field(default=None, init=False)

    def begin(self) -> None:
        """Before the view."""
        try:
            self.before = marks.read(self._marks())
        except Exception as error:
            logger.warning("Memcached could not be asked, so a page is not stored: %r", error)

    def store(self, response: HttpResponse) -> None:
        """After the view, for a response with status 200."""
        # Before the version is asked for, which may look at the session.
        reason = personal.reason(self.request, response, self.page_version is not None)
        version = str(self.page_version(self.request) or "") if self.page_version else ""
        if reason is not None:
            logger.debug("%s is not stored: %s", self.request.path, reason)
        elif self.before is not None and (self.timeout is None or self.timeout > 0):
            self._shrink(response)
            key = nginx_memcache_key(self._host(), self._full_path(), version, self.cookie)
            content = bytes(response.content)
            after_commit(lambda: self._write(key, content))
        self._set_cookie(response, version)

    def _shrink(self, response: HttpResponse) -> None:
        is_html = response.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html"
        # What its view says of these very bytes would not be true any more.
        if not conf.minifies() or not is_html or response.has_header("ETag"):
            return
        smaller = minify(response.content)
        if smaller is not None:
            response.content = smaller
            if response.has_header("Content-Length"):
                response["Content-Length"] = str(len(smaller))

    def _write(self, key: str, content: bytes) -> None:
        fill = uuid.uuid4().hex
        is_listed = conf.uses_lookup()
        try:
            if marks.read(self._marks()) != self.before:
                return
            if is_listed:
                records.remember(key, self._parent(), self.supplementary, fill, self.timeout)
            conf.cache().set(key, content, self.timeout)
            if marks.read(self._marks()) != self.before:
                logger.debug("%s was taken away while it was made", self.request.path)
            elif is_listed and not conf.cache().touch(key, self.timeout):
                # Django says nothing when Memcached refuses a page.
                logger.warning("%s was not taken by Memcached: %d bytes", self.request.path, len(content))
            else:
                self._prune_at_times(is_listed)
                return
        except Exception as error:
            logger.warning("%s could not be stored: %r", self.request.path, error)
        self._undo(key, fill, is_listed)

    def _prune_at_times(self, is_listed: bool) -> None:
        if is_listed and random.randrange(PRUNE_ONE_IN) == 0:
            records.prune(portions_max=2)

    def _undo(self, key: str, fill: str, is_listed: bool) -> None:
        """What is there may be an older page, which nobody would find any more."""
        try:
            conf.cache().delete(key)
            if is_listed:
                records.forget_fill(fill)
        except Exception as error:
            # The row stays, so that the page is found when there is a Memcached again.
            logger.warning("%s may still be in Memcached as it was: %r", self.request.path, error)

    def _set_cookie(self, response: HttpResponse, version: str) -> None:
        if version:
            response.set_cookie(self.cookie, version)
        elif self.page_version is not None and self.cookie in self.request.COOKIES:
            # Otherwise who has logged out would go on being shown what they saw before.
            response.delete_cookie(self.cookie)

    def _marks(self) -> list[str]:
        names = [marks.of_url(self._host(), self._full_path()), marks.of_identifiers(self._parent(), None)]
        if self.supplementary:
            names.append(marks.of_identifiers(self._parent(), self.supplementary))
        return names

    def _host(self) -> str:
        return self.request.get_host()

    def _full_path(self) -> str:
        return self.request.get_full_path()

    def _parent(self) -> str:
        return self.parent or self._host()
