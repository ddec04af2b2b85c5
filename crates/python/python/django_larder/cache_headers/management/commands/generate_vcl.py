"""`manage.py generate_vcl`: the cookies that tell pages apart, for Varnish."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from ... import vcl


class Command(BaseCommand):
    """Prints a `vcl_hash` and a `vcl_backend_response` made from CACHE_HEADERS."""

    help = (
        "Prints the part of a Varnish configuration (vcl_hash, vcl_backend_response) that is made from CACHE_HEADERS. "
        "Include it before your own."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(vcl.text(), ending="")
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
