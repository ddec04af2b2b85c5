"""The URL at which Larder asks who a visitor is: `path("", include("django_larder.urls"))`, in the site's outermost URLs."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import conf, views

_lookup = conf.rules().lookup_path
urlpatterns: list[URLPattern] = []
if _lookup is not None:
    urlpatterns.append(path(_lookup.lstrip("/"), views.identity, name="larder_identity"))
