"""What was a page made from? Whole models, of which any row could have changed it, and single rows.

A page that was made from single rows of a model has their tags and one for "some rows, nobody knows which": that is what
an `update()` purges whose rows are not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar, Token

from . import names

current: ContextVar[Seen | None] = ContextVar("django_larder_seen", default=None)
"""What the request that is answered here has read so far; None where nobody collects."""

muted: ContextVar[bool] = ContextVar("django_larder_muted", default=False)
"""Whether writes are not looked at: `without_purges()`."""


class Seen:
    """What was read while a page was made."""

    __slots__ = ("by_hand", "models", "most", "rows")

    def __init__(self, most: int) -> None:
        self.most = most
        self.models: set[str] = set()
        self.rows: dict[str, set[str]] = {}
        self.by_hand: dict[str, None] = {}

    def model(self, label: str) -> None:
        """Any row of this model could have changed what was read."""
        if label not in self.models and not names.is_ignored(label):
            self.models.add(label)

    def rows_of(self, label: str, pks: Iterable[str]) -> None:
        """Only these rows could."""
        if not names.is_ignored(label):
            self.rows.setdefault(label, set()).update(pks)

    def tags(self) -> list[str]:
        """The page's tags. Where more rows than `tags_max` would be named, models with the most rows are named as a whole."""
        rows = {label: pks for label, pks in self.rows.items() if label not in self.models}
        models = set(self.models)
        count = sum(len(pks) for pks in rows.values())
        for label in sorted(rows, key=lambda label: len(rows[label]), reverse=True):
            if count <= self.most:
                break
            count -= len(rows.pop(label))
            models.add(label)
        tags = [*self.by_hand, *sorted(models)]
        for label in sorted(rows):
            tags.append(names.some_rows(label))
            tags += [names.row(label, pk) for pk in sorted(rows[label])]
        return tags


class Collecting:
    """`with collect() as seen`: what is read inside is in `seen`; by tasks that are started inside, and by `sync_to_async`, too."""

    __slots__ = ("seen", "token")

    def __init__(self, seen: Seen | None) -> None:
        self.seen = seen

    def __enter__(self) -> Seen | None:
        self.token: Token[Seen | None] = current.set(self.seen)
        return self.seen

    def __exit__(self, *_: object) -> None:
        current.reset(self.token)
