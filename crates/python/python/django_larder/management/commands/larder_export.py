"""`manage.py larder_export`: CACHE_HEADERS as a rule file. The same command as `django_larder.cache_headers` has."""

from ...cache_headers.management.commands.larder_export import Command

__all__ = ["Command"]
