"""What does the package remember in the site's database? Orders to purge that Larder has not acknowledged.

`PublishedPage` is a window on the table in which `larder serve` remembers what it wrote into Memcached: Django neither makes
nor changes it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from . import orders


class OutboxEntry(models.Model):
    """An order that is not acknowledged. It is written in the transaction that makes it necessary, and deleted when it is."""

    class State(models.TextChoices):
        """Whether it is tried again."""

        WAITING = "waiting", "waiting"
        REFUSED = "refused", "refused"

    order = models.JSONField(editable=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    next_attempt = models.DateTimeField(default=timezone.now, editable=False)
    last_error = models.TextField(blank=True, default="", editable=False)
    claim = models.CharField(max_length=32, blank=True, default="", editable=False)

    class Meta:
        verbose_name = "purge in the outbox"
        verbose_name_plural = "outbox of purges"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["state", "next_attempt"], name="larder_outbox_due")]

    def __str__(self) -> str:
        return orders.in_words(self.order)


class PublishedPage(models.Model):
    """A page that `larder serve` wrote into Memcached for nginx: docs/publishing.md."""

    key = models.BinaryField()
    scheme = models.TextField()
    host = models.TextField()
    target = models.BinaryField()
    rule = models.TextField()
    version = models.TextField()
    content_type = models.TextField()
    stored_at = models.BigIntegerField()
    expires_at = models.BigIntegerField()
    revision = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "page"
        verbose_name = "published page"

    def __str__(self) -> str:
        return self.url

    @property
    def url(self) -> str:
        """The page's URL."""
        return f"{self.scheme}://{self.host}{bytes(self.target).decode('ascii', 'replace')}"

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Never: the row is how Larder finds the page in Memcached again. Purge its URL."""
        raise TypeError("the table is Larder's: purge the page, and Larder takes its row away")
