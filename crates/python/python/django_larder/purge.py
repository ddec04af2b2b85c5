"""How does a site say that pages are out of date?

```python
from django_larder.purge import purge_tags, purge_urls

purge_tags("author:3")
purge_urls("https://example.com/blog/", "/start/")
```

Each of these is in force after the outermost transaction is committed, and not if it is rolled back. It is written into the
outbox in the same transaction, so that it is not lost if Larder is away (docs/django-purging.md). What is wrong with what
was given is an OrderError at once; what is wrong with Larder is never an error here.
"""

from __future__ import annotations

from . import orders, outbox
from .orders import OrderError

__all__ = ["OrderError", "purge_all", "purge_host", "purge_prefix", "purge_tags", "purge_urls"]


def purge_urls(*urls: str, exact_query: bool = False, soft: bool = False, using: str | None = None) -> None:
    """Purges pages by their URL; by a path (`/blog/`) on every host.

    With whatever query, unless `exact_query`. `soft` makes them stale rather than gone. `using` is the database whose
    transaction is waited for.
    """
    outbox.put(orders.urls(urls, exact_query=exact_query, soft=soft), using)


def purge_tags(*tags: str, host: str | None = None, soft: bool = False, using: str | None = None) -> None:
    """Purges pages with any of these tags, on all hosts or on one."""
    outbox.put(orders.tags(tags, host=host, soft=soft), using)


def purge_prefix(prefix: str, *, soft: bool = False, using: str | None = None) -> None:
    """Purges everything that begins so: `https://example.com/blog/`, or `/blog/` on every host."""
    outbox.put(orders.prefix(prefix, soft=soft), using)


def purge_host(host: str, *, soft: bool = False, using: str | None = None) -> None:
    """Purges a host's pages."""
    outbox.put(orders.host(host, soft=soft), using)


def purge_all(*, soft: bool = False, using: str | None = None) -> None:
    """Purges everything."""
    outbox.put(orders.everything(soft=soft), using)
