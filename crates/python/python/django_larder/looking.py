"""When does a process look into the outbox? After a request, when its answer is sent; at most every `retry_every` seconds."""

from __future__ import annotations

import time
from typing import Any

from django.core.signals import request_finished
from django.db import connections

from . import conf, outbox


def after_request(**_: Any) -> None:
    """Sends what is due, now and then. Connected to `request_finished`."""
    now = time.monotonic()
    if outbox.state.look_next is not None and now < outbox.state.look_next or not outbox.state.lock.acquire(blocking=False):
        return
    try:
        # A process that has just begun has nothing of its own in there, and what others left can wait as long as ever.
        begun, outbox.state.look_next = outbox.state.look_next is not None, now + conf.larder().retry_every
        if begun and conf.larder().outbox:
            _look()
    except (AssertionError, RuntimeError) as error:
        # Tests that may not ask a database, by Django and by pytest-django.
        outbox.logger.debug("the outbox may not be looked at: %s", error)
    except Exception:
        # The request is answered: this is nobody's error but ours.
        outbox.logger.exception("the outbox could not be gone through")
    finally:
        outbox.state.lock.release()


def _look() -> None:
    alias = outbox.alias_of_outbox()
    connection = connections[alias]
    if connection.in_atomic_block:
        # A test's transaction, whose rows nobody else may see and which may be rolled back.
        return
    try:
        outbox.deliver(alias)
    finally:
        # Django closed what it had to before this was called.
        connection.close_if_unusable_or_obsolete()


def connect() -> None:
    """From now on requests are followed by a look into the outbox."""
    request_finished.connect(after_request, dispatch_uid="django_larder.looking")
