"""`manage.py larder_outbox`: sends what waits in the outbox, once or as long as it runs; or shows it."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.utils import timezone

from ... import conf, outbox
from ...models import OutboxEntry
from ..asking import told


class Command(BaseCommand):
    """Sends, watches, lists, and has refused orders tried again."""

    help = "Sends the purges that wait in the outbox. Exit status 1: some still wait, or were refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--watch", action="store_true", help="goes on, and sends each when it is due, until it is stopped")
        what.add_argument("--list", action="store_true", help="shows what is there, and sends nothing")
        what.add_argument("--again", action="store_true", help="tries also what Larder refused for good")
        what.add_argument("--drop-refused", action="store_true", help="forgets what Larder refused for good")

    def handle(self, *args: Any, **options: Any) -> None:
        with told():
            alias = outbox.alias_of_outbox()
            if not outbox.has_table(alias):
                raise CommandError(
                    f"There is no table for the outbox in the database {alias!r}: run manage.py migrate django_larder."
                )
            entries = OutboxEntry.objects.using(alias)
            if options["list"]:
                self.show(entries)
            elif options["watch"]:
                self.watch(alias)
            elif options["drop_refused"]:
                count, _ = entries.filter(state=OutboxEntry.State.REFUSED).delete()
                self.stdout.write(f"{count} forgotten")
            else:
                if options["again"]:
                    entries.filter(state=OutboxEntry.State.REFUSED).update(state=OutboxEntry.State.WAITING, claim="")
                self.once(alias)

    def once(self, alias: str) -> None:
        """Sends all that waits."""
        done = outbox.deliver(alias, all_of_them=True)
        self.stdout.write(f"{done.sent} sent, {done.waiting} still waiting, {done.refused} refused")
        if done.waiting or done.refused:
            raise CommandError(done.error)

    def show(self, entries: Any) -> None:
        """A line for each entry, and one for its error."""
        now = timezone.now()
        for entry in entries.order_by("id"):
            age = timedelta(seconds=int((now - entry.created).total_seconds()))
            due = max(int((entry.next_attempt - now).total_seconds()), 0)
            when = "refused" if entry.state == OutboxEntry.State.REFUSED else f"due in {due} s"
            self.stdout.write(f"{entry.pk:>8}  {when}, {entry.attempts} attempts, {age} old: {entry}")
            if entry.last_error:
                self.stdout.write(f"{'':10}{entry.last_error}")
        waiting = entries.filter(state=OutboxEntry.State.WAITING).count()
        self.stdout.write(f"{waiting} waiting, {entries.count() - waiting} refused")

    def watch(self, alias: str) -> None:
        """Until Ctrl-C."""
        pause = min(conf.larder().retry_every, 1.0)
        try:
            while True:
                close_old_connections()
                done = outbox.deliver(alias)
                if done.sent or done.refused:
                    self.stdout.write(f"{done.sent} sent, {done.refused} refused")
                time.sleep(pause)
        except KeyboardInterrupt:
            self.stdout.write("stopped")
