"""System checks that look into the database: purges that have not reached Larder.

`manage.py check --database default`, `migrate` and `larder_doctor` run them; a plain `check` asks no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.utils import timezone

from . import conf, outbox
from .models import OutboxEntry

MIDDLEWARE = "django_larder.middleware.LarderMiddleware"


@register("django_larder")
def check_tags(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Whether somebody says the automatic tags."""
    try:
        automatic = conf.larder().automatic_tags
    except ImproperlyConfigured:
        return []
    if not automatic or MIDDLEWARE in settings.MIDDLEWARE:
        return []
    problem = "LARDER['automatic_tags'] is on, and no page is told its tags, since LarderMiddleware is not in MIDDLEWARE."
    return [Error(problem, hint=f"Put {MIDDLEWARE!r} first in MIDDLEWARE.", id="django_larder.E101")]


@register("django_larder", Tags.database)
def check_outbox(app_configs: Sequence[Any] | None, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Whether purges wait in the outbox that were tried, or were refused."""
    try:
        larder = conf.larder()
        alias = outbox.alias_of_outbox()
    except ImproperlyConfigured:
        return []
    if not larder.outbox or alias not in (databases or ()):
        return []
    try:
        return _of(alias) if outbox.has_table(alias) else []
    except DatabaseError as error:
        return [Warning(f"The outbox of purges can't be read: {error}", id="django_larder.W104")]


def _of(alias: str) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    entries = OutboxEntry.objects.using(alias)
    tried = entries.filter(state=OutboxEntry.State.WAITING, attempts__gt=0).order_by("id")
    if oldest := tried.first():
        age = int((timezone.now() - oldest.created).total_seconds())
        problem = f"{tried.count()} purges could not be sent to Larder, the oldest for {age} s: {oldest.last_error}"
        hint = "They are tried again by themselves. manage.py larder_outbox tries them now; larder_doctor says what is wrong."
        messages.append(Warning(problem, hint=hint, id="django_larder.W102"))
    refused = entries.filter(state=OutboxEntry.State.REFUSED).order_by("-id")
    if last := refused.first():
        problem = f"Larder refused {refused.count()} purges, and they are not tried again; the last: {last}: {last.last_error}"
        hint = "manage.py larder_outbox --list shows them, --again tries them, --drop-refused forgets them."
        messages.append(Error(problem, hint=hint, id="django_larder.E103"))
    return messages
