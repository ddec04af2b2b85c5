"""Pages that refer to snippets."""

from django.db import models
from wagtail.models import Page
from wagtail.snippets.models import register_snippet


@register_snippet
class Banner(models.Model):
    text = models.CharField(max_length=50)


class HomePage(Page):
    """Lists its children."""

    template = "home.html"


class BlogPage(Page):
    banner = models.ForeignKey(Banner, models.SET_NULL, null=True, blank=True, related_name="+")
    template = "blog.html"

    def get_cached_paths(self):
        return ["/", "/amp/"]
