"""`manage.py larder_purge`: makes pages unusable, at once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ... import conf, orders, outbox
from ...client import Refused, Unreachable
from ...orders import Order
from ..asking import KEPT, admin, remedy, told


class Command(BaseCommand):
    """Purges by URL, prefix, host, tag, or everything."""

    help = "Purges pages in Larder, and in Memcached where it publishes them. Exit status 3: it is kept and done later."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("urls", nargs="*", metavar="URL", help="a URL, or a path on every host")
        parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="pages with this tag; can be repeated")
        parser.add_argument("--prefix", metavar="URL", help="everything that begins so")
        parser.add_argument("--host", help="a host's pages; beside --tag, only those of this host")
        parser.add_argument("--all", action="store_true", help="everything")
        parser.add_argument("--exact-query", action="store_true", help="URLs with this very query rather than with any")
        parser.add_argument("--soft", action="store_true", help="stale rather than gone")
        parser.add_argument("--no-input", "--noinput", action="store_false", dest="ask", help="does not ask before --all")

    def handle(self, *args: Any, **options: Any) -> None:
        with told():
            some = self.orders(options)
            if options["all"] and options["ask"] and input("Purge everything? [y/N] ").strip().lower() not in ("y", "yes"):
                raise CommandError("Nothing was purged.")
            self.send(some)

    def orders(self, options: dict[str, Any]) -> list[Order]:
        """What the command line says, as orders."""
        soft = options["soft"]
        some: list[Order] = []
        if options["urls"]:
            some += orders.urls(options["urls"], exact_query=options["exact_query"], soft=soft)
        elif options["exact_query"]:
            raise CommandError("--exact-query is about URLs, and none is given")
        if options["tag"]:
            some += orders.tags(options["tag"], host=options["host"], soft=soft)
        elif options["host"]:
            some += orders.host(options["host"], soft=soft)
        if options["prefix"]:
            some += orders.prefix(options["prefix"], soft=soft)
        if options["all"]:
            some += orders.everything(soft=soft)
        if not some:
            raise CommandError("Say what: URLs, --tag, --prefix, --host or --all.")
        return some

    def send(self, some: list[Order]) -> None:
        """At once; what Larder can't take now goes into the outbox."""
        for number, order in enumerate(some):
            try:
                answers = outbox.send([order], admin())
            except (Unreachable, Refused) as error:
                if (isinstance(error, Refused) and error.for_good) or not self.keep(some[number:]):
                    raise
                problem = f"{remedy(error)}\nThe purge is kept in the outbox, and done when that is well again."
                raise CommandError(problem, returncode=KEPT) from error
            for answer in answers:
                self.tell(order, answer)

    def keep(self, left: list[Order]) -> bool:
        """Into the outbox, if there is one."""
        alias = outbox.alias_of_outbox()
        if not conf.larder().outbox or not outbox.has_table(alias):
            return False
        outbox.keep(left)
        return True

    def tell(self, order: Order, answer: Any) -> None:
        """A line for an order."""
        purged = answer.get("purged", {})
        about = "about " if purged.get("counted") == "estimate" else ""
        line = f"{orders.in_words(order)}: {about}{purged.get('pages', 0)} pages, {purged.get('variants', 0)} variants"
        published = answer.get("published")
        if published:
            line += f", {published.get('pages', 0)} published"
            if not published.get("complete", True):
                line += ", of which some are taken away later"
        self.stdout.write(line)
