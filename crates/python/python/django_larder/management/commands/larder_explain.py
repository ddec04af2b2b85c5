"""`manage.py larder_explain`: what the rules make of a request, for somebody whom the site knows."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.management.base import BaseCommand, CommandError
from django.test import RequestFactory

from ... import conf
from ..._core import Identity
from ...identity import identity_of, segment_of
from ..asking import admin, told, whole

SESSION = "larder-explain"
"""The session of somebody who has none here; a marker is worth something beside it alone."""


class Command(BaseCommand):
    """Asks the rule file, and with --live the running Larder, whose rules may be others."""

    help = "Says which rule a URL has, who shares the page, and why; for a user, as if they were logged in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", metavar="URL", help="as in https://example.com/blog/, or a path beside --origin")
        parser.add_argument("--user", metavar="NAME", help="a user of the site, who is logged in; nobody without it")
        parser.add_argument("-H", "--header", action="append", default=[], metavar="'NAME: VALUE'", help="a field of the request")
        parser.add_argument("-X", "--method", default="GET")
        parser.add_argument("--origin", metavar="URL", help="of which site a path is, as in https://example.com")
        parser.add_argument("--live", action="store_true", help="asks the running Larder by its rules")
        parser.add_argument("--json", action="store_true", help="writes JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with told():
            (url,) = whole([options["url"]], options["origin"])
            headers = [self.field(line) for line in options["header"]]
            identity = self.identity(options["user"], url) if options["user"] else None
            if identity is not None:
                headers = with_session(headers, identity)
            method = options["method"].upper()
            said = (
                self.live(url, method, headers, options)
                if options["live"]
                else self.here(url, method, headers, identity, options)
            )
        self.stdout.write(said.rstrip("\n"))

    def field(self, line: str) -> tuple[str, str]:
        """`Name: value` of the command line."""
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise CommandError(f"{line!r} is no field: write it as in -H 'Accept-Language: en'")
        return name.strip(), value.strip()

    def identity(self, name: str, url: str) -> Identity:
        """Who that user is to Larder."""
        users = get_user_model()
        try:
            user = users._default_manager.get_by_natural_key(name)
        except users.DoesNotExist as error:
            raise CommandError(f"There is no user {name!r} ({users.USERNAME_FIELD} of {users._meta.label}).") from error
        parts = urlsplit(url)
        request = RequestFactory(HTTP_HOST=parts.netloc).get(parts.path or "/", secure=parts.scheme == "https")
        request.user = user or AnonymousUser()
        return identity_of(request, user, segment_of(request))

    def here(
        self, url: str, method: str, headers: list[tuple[str, str]], identity: Identity | None, options: dict[str, Any]
    ) -> str:
        """By the rule file."""
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        explain = conf.rules().explain_json if options["json"] else conf.rules().explain
        try:
            return explain(method, parts.scheme, parts.netloc, target, headers, None if identity is None else lambda: identity)
        except ValueError as error:
            raise CommandError(f"Larder would refuse this request: {error}") from error

    def live(self, url: str, method: str, headers: list[tuple[str, str]], options: dict[str, Any]) -> str:
        """By the rules that are in force where visitors ask."""
        query = [("url", url), ("method", method), *(("header", f"{name}: {value}") for name, value in headers)]
        said = admin().get("/explain", query, "application/json" if options["json"] else "text/plain")
        return json.dumps(said.json(), indent=2) if options["json"] else said.text


def with_session(headers: list[tuple[str, str]], identity: Identity) -> list[tuple[str, str]]:
    """The fields of somebody who is logged in: with a session, and the marker that LarderMiddleware gives for it."""
    rules = conf.rules()
    name = settings.SESSION_COOKIE_NAME
    cookies = [f"{name}={SESSION}"]
    if rules.marker_keys and conf.larder().identity:
        marker = rules.sign_marker(identity, (name, SESSION), int(time.time()) + conf.larder().marker_age)
        cookies.append(f"{rules.marker_cookie}={marker}")
    given = [value for field, value in headers if field.lower() == "cookie"]
    return [(field, value) for field, value in headers if field.lower() != "cookie"] + [("Cookie", "; ".join([*given, *cookies]))]
