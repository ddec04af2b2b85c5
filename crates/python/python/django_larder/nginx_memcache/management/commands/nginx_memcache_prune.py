"""`manage.py nginx_memcache_prune`: deletes rows whose pages are gone."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ... import records


class Command(BaseCommand):
    """Deletes rows of pages that have ended, and rows of unknown age whose pages Memcached does not have."""

    help = "Deletes rows of CachedPageRecord whose pages have ended, or are not in Memcached any more."

    def handle(self, *args: Any, **options: Any) -> None:
        ended, gone = records.prune(), records.prune_unknown()
        self.stdout.write(f"{ended} rows of pages that have ended, {gone} of pages that are not in Memcached.")
