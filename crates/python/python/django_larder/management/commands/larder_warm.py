"""`manage.py larder_warm`: has pages fetched before anybody asks for them."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from ..asking import admin, told, whole

AT_ONCE = 50
"""Pages of one order that Larder waits for."""
WAIT = 120.0
"""Seconds; Larder answers after 100 at the latest."""


class Command(BaseCommand):
    """Asks the admin listener of the running Larder, which fetches."""

    help = "Has the running Larder fetch pages, so that the next visitors need not wait. Exit status 1: none is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("urls", nargs="*", metavar="URL", help="whole URLs, or paths beside --origin")
        parser.add_argument(
            "--model", action="append", default=[], metavar="APP.MODEL", help="the pages of all its rows, by get_absolute_url"
        )
        parser.add_argument("--origin", metavar="URL", help="of which site paths are, as in https://example.com")
        parser.add_argument("--renew", action="store_true", help="also what is fresh")
        parser.add_argument("--publish", action="store_true", help="waits until each page is published for nginx, too")

    def handle(self, *args: Any, **options: Any) -> None:
        with told():
            urls = whole([*options["urls"], *self.of_models(options["model"])], options["origin"])
            if not urls:
                raise CommandError("Say which pages: URLs, or --model APP.MODEL.")
            more = {name: True for name in ("renew", "publish") if options[name]}
            outcomes: Counter[str] = Counter()
            reasons: dict[str, list[str]] = {}
            for begin in range(0, len(urls), AT_ONCE):
                body = {"urls": urls[begin : begin + AT_ONCE], "wait": True, **more}
                for page in admin(WAIT).post("/warm", body).json()["pages"]:
                    self.count(page, outcomes, reasons)
        for outcome in ("stored", "fresh", "refused"):
            if outcomes[outcome]:
                self.stdout.write(f"{outcomes[outcome]:7}  {outcome}")
        for reason, some in sorted(reasons.items(), key=lambda item: -len(item[1])):
            self.stdout.write(f"\n{len(some):7}  {reason}")
            for url in some[:3]:
                self.stdout.write(f"         {url}")
        if not outcomes["stored"] and not outcomes["fresh"]:
            raise CommandError("None of the pages is stored.")

    def of_models(self, names: list[str]) -> list[str]:
        """The URLs of all rows of these models."""
        urls: list[str] = []
        for name in names:
            try:
                model = apps.get_model(name)
            except (LookupError, ValueError) as error:
                raise CommandError(f"{name!r} is no model: {error}") from error
            if not hasattr(model, "get_absolute_url"):
                raise CommandError(f"{model._meta.label} has no get_absolute_url, so nobody knows where its pages are")
            urls += [str(one.get_absolute_url()) for one in model._default_manager.iterator()]
        return urls

    def count(self, page: dict[str, Any], outcomes: Counter[str], reasons: dict[str, list[str]]) -> None:
        """What became of one page."""
        if page.get("stored"):
            outcomes["stored" if page.get("fetched") else "fresh"] += 1
            if page.get("unpublished"):
                reasons.setdefault(f"not published: {page['unpublished']}", []).append(page["url"])
            return
        outcomes["refused"] += 1
        reason = page.get("reason") or f"status {page.get('status')}"
        detail = page.get("detail")
        reasons.setdefault(f"{reason}: {detail}" if detail and detail != reason else reason, []).append(page["url"])
