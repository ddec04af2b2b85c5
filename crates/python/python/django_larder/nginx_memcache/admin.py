"""Pages in Django's admin: to be looked for and purged, not to be edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from . import cache, records
from .models import CachedPageRecord


@admin.register(CachedPageRecord)
class CachedPageRecordAdmin(admin.ModelAdmin):
    """Read-only: a row that is deleted alone would leave its page in Memcached, where nobody finds it."""

    list_display = ("base_cache_key", "parent_identifier", "supplementary_identifier", "expires")
    search_fields = ("base_cache_key", "parent_identifier", "supplementary_identifier")
    fields = ("base_cache_key", "memcached_key", "parent_identifier", "supplementary_identifier", "expires")
    readonly_fields = fields
    actions = ("purge",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(request.user.has_perm(f"nginx_memcache.{what}_cachedpagerecord") for what in ("view", "change"))

    def has_purge_permission(self, request: HttpRequest) -> bool:
        """Who may delete rows may purge pages."""
        return bool(request.user.has_perm("nginx_memcache.delete_cachedpagerecord"))

    @admin.action(description="Purge selected pages", permissions=["purge"])
    def purge(self, request: HttpRequest, queryset: QuerySet[CachedPageRecord]) -> None:
        """Takes the selected pages out of Memcached, and their rows away."""
        try:
            count = sum(cache.purge_records(portion) for portion in records.portions(queryset))
        except Exception as error:
            self.message_user(request, f"Memcached could not be asked: {error}", messages.ERROR)
        else:
            self.message_user(request, f"{count} page{'' if count == 1 else 's'} purged.", messages.SUCCESS)
