"""When is what a request did in force? When the outermost transaction of every database is committed."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connections


def after_commit(action: Callable[[], None]) -> None:
    """Does it now, or when the transactions that are open are committed; not at all if one is rolled back."""
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            # Another database's transaction may still be open then.
            connection.on_commit(lambda: after_commit(action), robust=True)
            return
    action()
