"""The table of pages: the old package's, and two columns."""

from __future__ import annotations

from django.db import models

from . import conf


class CachedPageRecord(models.Model):
    """A page that lies in Memcached. It belongs to what it was last stored for."""

    base_cache_key = models.CharField(max_length=32, primary_key=True)
    parent_identifier = models.CharField(max_length=255, db_index=True)
    supplementary_identifier = models.CharField(max_length=45, null=True, blank=True)
    fill = models.CharField(max_length=32, null=True, blank=True, editable=False, db_index=True)
    """Another value each time the page is stored. None in rows that the old package wrote."""
    expires = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)
    """When the page ends. None: never, or nobody wrote it."""

    class Meta:
        unique_together = [("parent_identifier", "base_cache_key", "supplementary_identifier")]
        verbose_name = "cached page"

    def __str__(self) -> str:
        return self.base_cache_key

    @property
    def memcached_key(self) -> str:
        """The key on the wire, with the cache's prefix and version."""
        return conf.cache().make_key(self.base_cache_key)
