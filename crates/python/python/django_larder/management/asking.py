"""What do the commands have in common? How they ask Larder, and what they say when it does not do as it is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from .. import conf
from ..client import Admin, Refused, Unreachable
from ..orders import OrderError

KEPT = 3
"""The exit status of `larder purge` for what is accepted, but not in force everywhere."""


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Errors in one line, with what to do."""
    try:
        yield
    except OrderError as error:
        raise CommandError(str(error)) from error
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    except (Unreachable, Refused) as error:
        raise CommandError(remedy(error)) from error


def remedy(error: Unreachable | Refused) -> str:
    """What went wrong between here and Larder, and what to do about it."""
    if isinstance(error, Unreachable):
        return f'{error}. Is larder serve running, and is LARDER["admin_url"] the address of its admin listener?'
    if error.status in (401, 403):
        return (
            f'Larder refused: {error}. LARDER["token"] or ["token_file"] has to be what `admin.token` names in its configuration.'
        )
    if error.status in (404, 405):
        return (
            f'{error}. What answers at LARDER["admin_url"], {conf.larder().admin_url}, is not the admin listener of larder serve.'
        )
    return f"Larder refused: {error}"


def admin(timeout: float | None = None) -> Admin:
    """The admin listener that the settings name."""
    return Admin.of_settings(timeout)


def whole(given: Iterable[str], origin: str | None) -> list[str]:
    """URLs, and paths made whole by an origin: `--origin`, or else the first of LARDER["hosts"]."""
    hosts = conf.larder().hosts
    base = origin or (f"https://{hosts[0]}" if hosts else None)
    if base is not None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
            raise CommandError(f"{base!r} is no origin: write it as in https://example.com")
        base = f"{parts.scheme}://{parts.netloc}"
    urls = []
    for one in given:
        if one.startswith("/") and not one.startswith("//"):
            if base is None:
                raise CommandError(
                    f"{one} is a path: say of which site, by --origin https://example.com, or name its hosts in LARDER['hosts']"
                )
            urls.append(base + one)
        elif urlsplit(one).scheme in ("http", "https") and urlsplit(one).hostname:
            urls.append(one)
        else:
            raise CommandError(f"{one!r} is no URL: write it as in https://example.com/blog/")
    return urls
