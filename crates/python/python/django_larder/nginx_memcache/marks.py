"""What was taken away while a page was being made?

Who takes pages away first leaves a mark for them in Memcached, a new value each time. Who makes a page reads the marks that concern it
before the view runs, and again before and after the page is stored: if one has changed, the page is old, and goes.

```text
makes a page     read marks ─ view ─ read marks ─ row ─ page ─ read marks ─ changed: page and row go again
takes it away                      set mark ─ find rows ─ delete pages ─ delete rows
```

Whichever way the two meet, either the page was there to be deleted, or the mark was there to be seen.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence

from . import conf


class NotTaken(OSError):
    """Memcached is away, and pages stay in it."""


SECONDS = 900
"""How long a mark lasts: longer than any page takes to be made."""


def of_url(host: str, full_path: str) -> str:
    """The mark of a page, whatever its version."""
    return _name("url", host + full_path)


def of_identifiers(parent: str, supplementary: str | None) -> str:
    """The mark of all pages of an identifier, or of a supplementary one below it."""
    return _name("supplementary", f"{len(parent)}:{parent}{supplementary}") if supplementary else _name("parent", parent)


def read(names: Sequence[str]) -> dict[str, str]:
    """What they are now."""
    return conf.cache().get_many(names)


def set_all(names: Sequence[str]) -> None:
    """Gives each a new value. Raises NotTaken where Memcached does not take it: then nothing can be taken away either."""
    if failed := conf.cache().set_many({name: uuid.uuid4().hex for name in names}, SECONDS):
        # Clients that leave a server alone for a while say it so.
        raise NotTaken(f"{conf.alias()}: Memcached does not answer, so {len(failed)} purges are not in force")


def _name(kind: str, text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return f"nginx-memcache-{kind}-{digest[:40]}"
