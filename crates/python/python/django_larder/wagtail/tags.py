"""Which tags has a Wagtail page, and what purges them?

| tag | on | purged when |
|---|---|---|
| `wagtail.page:5` | the page 5 | it is published, unpublished, moved or deleted; a page below it is; something that it refers to changes |
| `wagtail.below:5` | every page below the page 5 | its slug changes, or it is moved or deleted: all their URLs are others then |

What a page refers to Wagtail knows by its reference index: images, documents, snippets, pages that it links to. A page that
lists others than its children has to be told by `tag_response` or `get_cached_paths`, or by automatic tags.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.db.models.signals import post_save, pre_delete
from wagtail import signals
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.models import Page, ReferenceIndex
from wagtail.snippets import models as snippets

from .. import automatic
from ..purge import purge_tags

UID = "django_larder.wagtail"
OTHERS = ("auth", "contenttypes", "wagtailcore")
"""Applications whose rows pages have keys of, and do not show."""
STEP = Page.steplen
"""Letters of a step of a page's path: its ancestors' paths are beginnings of its own."""


def page_tag(pk: object) -> str:
    """The tag of a page."""
    return f"wagtail.page:{pk}"


def below_tag(pk: object) -> str:
    """The tag of all pages below a page."""
    return f"wagtail.below:{pk}"


def of_page(page: Page) -> list[str]:
    """The tags of a page that is served."""
    return [page_tag(page.pk), *(below_tag(pk) for pk in _ancestors(page))]


def _ancestors(page: Page) -> list[int]:
    paths = [page.path[:end] for end in range(STEP, len(page.path), STEP)]
    # A page's place is its own affair: where an ancestor is moved, its path is changed, and it is purged.
    with automatic.unseen():
        return list(Page.objects.filter(path__in=paths).values_list("pk", flat=True))


def purge_page(page: Page) -> None:
    """What shows a page: itself, its parent, and the pages that refer to it."""
    parent = _parent(page)
    purge_tags(page_tag(page.pk), *([] if parent is None else [page_tag(parent)]), *_referring(page))


def _parent(page: Page) -> int | None:
    path = page.path[:-STEP]
    if not path:
        return None
    with automatic.unseen():
        pk: int | None = Page.objects.filter(path=path).values_list("pk", flat=True).first()
    return pk


def _referring(thing: Model) -> Iterable[str]:
    """The tags of the pages that refer to something."""
    if thing.pk is None:
        return []
    with automatic.unseen():
        pages = ContentType.objects.get_for_model(Page)
        found = ReferenceIndex.get_references_to(thing).filter(base_content_type=pages)
        return [page_tag(pk) for pk in found.values_list("object_id", flat=True).distinct()]


# ---- what happens to pages ---------------------------------------------------------------------------------------------


def published(instance: Page, **_: Any) -> None:
    """Published, or unpublished."""
    purge_page(instance)


def slug_changed(instance: Page, **_: Any) -> None:
    """All below have other URLs; the pages that link to them have Wagtail's links, which are other ones, too."""
    purge_tags(below_tag(instance.pk))


def moved(instance: Page, parent_page_before: Page, parent_page_after: Page, **_: Any) -> None:
    """Both parents list others now."""
    purge_page(instance)
    purge_tags(below_tag(instance.pk), page_tag(parent_page_before.pk), page_tag(parent_page_after.pk))


def page_deleted(sender: type[Model], instance: Model, **_: Any) -> None:
    """Before it is, since its parent and what refers to it are known now."""
    if isinstance(instance, Page):
        purge_page(instance)
        purge_tags(below_tag(instance.pk))


def thing_changed(sender: type[Model], instance: Model, **_: Any) -> None:
    """An image, a document or a snippet."""
    tags = list(_referring(instance))
    if tags:
        purge_tags(*tags)


def connect() -> None:
    """Listens to Wagtail."""
    signals.page_published.connect(published, dispatch_uid=UID)
    signals.page_unpublished.connect(published, dispatch_uid=UID)
    signals.page_slug_changed.connect(slug_changed, dispatch_uid=UID)
    signals.post_page_move.connect(moved, dispatch_uid=UID)
    for model in apps.get_models():
        if issubclass(model, Page):
            pre_delete.connect(page_deleted, sender=model, dispatch_uid=f"{UID}.{model._meta.label}")
    for model in _referred_to():
        post_save.connect(thing_changed, sender=model, dispatch_uid=f"{UID}.{model._meta.label}")
        pre_delete.connect(thing_changed, sender=model, dispatch_uid=f"{UID}.{model._meta.label}")


def _referred_to() -> set[type[Model]]:
    """The models that pages can refer to: images, documents, snippets, and what has a key from a model with references."""
    found: set[type[Model]] = {get_image_model(), get_document_model(), *snippets.SNIPPET_MODELS}
    # Those of whoever stands before Wagtail's own application for snippets.
    found |= {model for model, _ in snippets.DEFERRED_REGISTRATIONS if isinstance(model, type) and issubclass(model, Model)}
    for model in ReferenceIndex.tracked_models:
        for field in model._meta.concrete_fields:
            other = field.related_model
            if isinstance(other, type) and not getattr(field, "wagtail_reference_index_ignore", False):
                found.add(other)
    return {model for model in found if not issubclass(model, Page) and model._meta.app_label not in OTHERS}
