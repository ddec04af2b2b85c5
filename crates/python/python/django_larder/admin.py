"""Purges in Django's admin: those that have not reached Larder, and the pages that it has published for nginx."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet
from django.http import HttpRequest

from . import conf, outbox, published
from .client import Refused, Unreachable
from .models import OutboxEntry, PublishedPage
from .orders import urls


class ReadOnly(admin.ModelAdmin):
    """Nothing is added or edited by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        meta = self.opts
        return any(request.user.has_perm(f"{meta.app_label}.{what}_{meta.model_name}") for what in ("view", "change"))


@admin.register(OutboxEntry)
class OutboxEntryAdmin(ReadOnly):
    """What waits, what was refused, and why."""

    list_display = ("what", "state", "attempts", "last_error", "next_attempt", "created")
    list_filter = ("state",)
    search_fields = ("last_error",)
    fields = ("what", "order", "state", "attempts", "last_error", "next_attempt", "created")
    readonly_fields = fields
    actions = ("retry",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEntry]:
        return super().get_queryset(request).using(outbox.alias_of_outbox())

    @admin.display(description="purge")
    def what(self, entry: OutboxEntry) -> str:
        """The order in words."""
        return str(entry)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Who may change entries may have them sent."""
        return bool(request.user.has_perm("django_larder.change_outboxentry"))

    @admin.action(description="Send selected purges now", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        """Sends the selected orders, those that were refused as well."""
        sent = 0
        for entry in queryset:
            one = OutboxEntry.objects.using(outbox.alias_of_outbox()).filter(pk=entry.pk)
            one.update(state=OutboxEntry.State.WAITING)
            became, error = outbox.send_one(one)
            sent += became == "sent"
            if became != "sent":
                self.message_user(request, f"{entry}: {error}", messages.ERROR)
                if became == "waiting":
                    # It is away, and so it is for the others.
                    break
        if sent:
            self.message_user(request, f"{sent} purge{'' if sent == 1 else 's'} sent.", messages.SUCCESS)


class PublishedPageAdmin(ReadOnly):
    """The pages in Memcached, as far as Larder remembers them: to be looked for and purged."""

    list_display = ("url", "rule", "version", "stored", "ends")
    fields = ("url", "rule", "version", "content_type", "stored", "ends", "memcached_key", "labels")
    readonly_fields = fields
    search_fields = ("host",)
    search_help_text = "A URL or a path, with what begins so; a host; or a tag."
    actions = ("purge",)
    show_full_result_count = False
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PublishedPage]:
        return published.present(conf.larder().lookup_database).order_by(*self.ordering)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return (published.search(queryset, search_term) if search_term.strip() else queryset), False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The row is how Larder finds the page in Memcached.
        return False

    def has_purge_permission(self, request: HttpRequest) -> bool:
        """Who may delete published pages may purge them."""
        return bool(request.user.has_perm("django_larder.delete_publishedpage"))

    @admin.display(description="stored", ordering="stored_at")
    def stored(self, page: PublishedPage) -> Any:
        """When it was stored."""
        return published.moment(page.stored_at)

    @admin.display(description="ends", ordering="expires_at")
    def ends(self, page: PublishedPage) -> Any:
        """When it ends by itself."""
        return published.moment(page.expires_at)

    @admin.display(description="key in Memcached")
    def memcached_key(self, page: PublishedPage) -> str:
        """The key, as nginx asks for it."""
        return bytes(page.key).decode("ascii", "backslashreplace")

    @admin.display(description="tags and groups")
    def labels(self, page: PublishedPage) -> str:
        """What it is found by."""
        return ", ".join(published.labels(page)) or "-"

    @admin.action(description="Purge selected pages", permissions=["purge"])
    def purge(self, request: HttpRequest, queryset: QuerySet[PublishedPage]) -> None:
        """Purges the selected pages, in Larder's memory and in Memcached."""
        pages = [page.url for page in queryset]
        try:
            for answer in outbox.send(urls(pages, exact_query=True)):
                about = answer.get("published") or {}
                if not about.get("complete", True):
                    self.message_user(request, "Some pages are taken out of Memcached later: a server is away.", messages.WARNING)
        except (Unreachable, Refused) as error:
            self.message_user(request, f"Nothing was purged: {error}", messages.ERROR)
        else:
            self.message_user(request, f"{len(pages)} page{'' if len(pages) == 1 else 's'} purged.", messages.SUCCESS)


def register() -> None:
    """Shows published pages where the settings say in which database they are remembered."""
    try:
        wanted = conf.larder().lookup_database is not None
    except ImproperlyConfigured:
        # A check tells it.
        return
    if wanted and not admin.site.is_registered(PublishedPage):
        admin.site.register(PublishedPage, PublishedPageAdmin)


register()
