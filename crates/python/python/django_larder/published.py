"""How are published pages looked for in Larder's lookup table? By what its indexes have: host, path, tag.

The table is Larder's (docs/publishing.md): it is read here, and never written.
"""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import urlsplit

from django.db import connections
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from .models import PublishedPage

TAG = 1
"""What labels are: crates/lookup/src/entry.rs."""
KINDS = {1: "tag", 2: "identifier", 3: "below an identifier", 4: "group"}

_ERASED = "EXISTS (SELECT 1 FROM erased WHERE erased.page_id = page.id AND erased.revision = page.revision)"
_WITH_TAG = (
    "SELECT page_id FROM page_label JOIN label ON label.id = page_label.label_id WHERE label.kind = %s AND label.name = %s"
)
_LABELS = "SELECT label.kind, label.parent, label.name FROM label JOIN page_label ON page_label.label_id = label.id WHERE page_label.page_id = %s"


def present(alias: str | None) -> QuerySet[PublishedPage]:
    """The pages that are remembered, without those that were purged and whose rows have yet to leave."""
    return PublishedPage.objects.using(alias).extra(where=[f"NOT {_ERASED}"])


def search(pages: QuerySet[PublishedPage], term: str) -> QuerySet[PublishedPage]:
    """Pages by a URL and what begins so, by a path and what begins so, by a host, or by a tag."""
    term = term.strip()
    parts = urlsplit(term)
    if parts.scheme in ("http", "https") and parts.netloc:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return pages.filter(Q(host=parts.netloc.lower()) & _begins(target))
    if term.startswith("/"):
        return pages.filter(_begins(term))
    return pages.filter(Q(host=term.lower()) | Q(pk__in=RawSQL(_WITH_TAG, (TAG, term))))


def _begins(target: str) -> Q:
    """Targets are bytes: what begins so lies between two of them."""
    first = target.encode()
    return Q(target__gte=first) & Q(target__lt=first[:-1] + bytes([first[-1] + 1]))


def labels(page: PublishedPage) -> list[str]:
    """The names of a page, with what they are."""
    with connections[page._state.db or "default"].cursor() as cursor:
        cursor.execute(_LABELS, (page.pk,))
        return sorted(f"{KINDS.get(kind, kind)} {parent} {name}".replace("  ", " ") for kind, parent, name in cursor.fetchall())


def moment(seconds: int) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, timezone.utc)
