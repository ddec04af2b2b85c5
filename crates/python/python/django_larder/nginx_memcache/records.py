"""Which pages lie in Memcached, where nobody can list them? Rows of CachedPageRecord.

A row is written before its page and leaves with it: when the page is taken away, when it could not be stored, and some time after it has
ended. Each time a page is stored its row gets another `fill`: a row that was written anew since it was looked at stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.utils import timezone

from . import conf

if TYPE_CHECKING:
    from .models import CachedPageRecord

PORTION = 400
"""Rows at a time: every database takes so many values in one question."""

MARGIN = timedelta(minutes=1)
"""How long a row stays when its page has ended: clocks differ."""


def remember(key: str, parent: str, supplementary: str | None, fill: str, seconds: int | None) -> None:
    """Writes a page down, in place of what was written of it."""
    from .models import CachedPageRecord

    expires = None if seconds is None else timezone.now() + timedelta(seconds=seconds)
    values = {"parent_identifier": parent, "supplementary_identifier": supplementary, "fill": fill, "expires": expires}
    CachedPageRecord.objects.update_or_create(base_cache_key=key, defaults=values)


def of_keys(keys: Sequence[str]) -> list[CachedPageRecord]:
    """The rows of these pages."""
    from .models import CachedPageRecord

    return list(CachedPageRecord.objects.filter(pk__in=keys))


def of_identifiers(parent: str, supplementary: str | None) -> Iterator[list[CachedPageRecord]]:
    """The rows of an identifier, in portions."""
    from .models import CachedPageRecord

    wanted = CachedPageRecord.objects.filter(parent_identifier=parent)
    if supplementary:
        wanted = wanted.filter(supplementary_identifier=supplementary)
    yield from portions(wanted)


def forget(found: Sequence[CachedPageRecord]) -> None:
    """Deletes these rows, but for those that were written anew meanwhile."""
    from .models import CachedPageRecord

    fills = [record.fill for record in found if record.fill]
    # Those that the old package wrote have none.
    keys = [record.pk for record in found if not record.fill]
    if found:
        CachedPageRecord.objects.filter(Q(fill__in=fills) | Q(pk__in=keys, fill__isnull=True)).delete()


def forget_fill(fill: str) -> None:
    """Deletes the row of one time that a page was stored."""
    from .models import CachedPageRecord

    CachedPageRecord.objects.filter(fill=fill).delete()


def prune(portions_max: int | None = None) -> int:
    """Deletes rows whose pages have ended; how many."""
    from .models import CachedPageRecord

    count = 0
    ended = CachedPageRecord.objects.filter(expires__lt=timezone.now() - MARGIN)
    for number, portion in enumerate(portions(ended), 1):
        forget(portion)
        count += len(portion)
        if number == portions_max:
            break
    return count


def prune_unknown() -> int:
    """Deletes rows that the old package wrote, if their pages are not in Memcached any more; how many."""
    from .models import CachedPageRecord

    count = 0
    for portion in portions(CachedPageRecord.objects.filter(fill__isnull=True)):
        there = conf.cache().get_many([record.pk for record in portion])
        gone = [record for record in portion if record.pk not in there]
        forget(gone)
        count += len(gone)
    return count


def portions(wanted: QuerySet[CachedPageRecord]) -> Iterator[list[CachedPageRecord]]:
    """Rows in the order of their keys, so many at a time, whatever becomes of them meanwhile."""
    last = ""
    while portion := list(wanted.filter(pk__gt=last).order_by("pk")[:PORTION]):
        last = portion[-1].pk
        yield portion
