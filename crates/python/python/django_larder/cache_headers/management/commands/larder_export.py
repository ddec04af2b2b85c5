"""`manage.py larder_export`: CACHE_HEADERS as a rule file."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import export


class Command(BaseCommand):
    """Prints a rule file that decides as CACHE_HEADERS does."""

    help = "Prints a rule file of Larder (larder.toml) that decides as CACHE_HEADERS does, its order resolved."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--upstream", default="http://127.0.0.1:8000", metavar="URL", help="where the application listens")
        parser.add_argument(
            "--lookup",
            default="/_larder/identity",
            metavar="PATH",
            help="where LarderMiddleware says who a visitor is; written only if a rule needs it",
        )
        parser.add_argument("--strict", action="store_true", help="fail, if something can't be said as the settings do")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            file = export.exported(options["upstream"], options["lookup"])
            urls = export.check(file)
        except (ImproperlyConfigured, export.RulesError, export.Differs) as error:
            raise CommandError(str(error)) from error
        for remark in file.remarks:
            self.stderr.write(f"note: {remark}")
        if options["strict"] and file.remarks:
            raise CommandError("not everything could be said as the settings do; without --strict the file is printed all the same")
        self.stdout.write(file.text, ending="")
        self.stderr.write(f"The file and CACHE_HEADERS decide the same on {len(urls)} URLs made up from the expressions.")
