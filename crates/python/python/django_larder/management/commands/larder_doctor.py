"""`manage.py larder_doctor`: what is wrong between this site and its Larder, as far as Django can tell; and `larder doctor`.

`larder doctor` asks the application and the public address from outside. What it can't see is here: the settings, the
outbox, the token, and whether the running Larder goes by the rule file that this site goes by.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from ... import conf, outbox
from ...client import Refused, Unreachable
from ..asking import admin, remedy, whole

OURS = "django_larder"
PROBES = ("/", "/admin/", "/accounts/login/")
"""Paths at which rules are held against each other, beside those of --path."""
NOBODYS_TAG = "django-larder-doctor"
"""No page has it: a purge of it shows whether purges are accepted, and purges nothing."""
Finding = tuple[str, str, str, str | None]
"""Verdict, name, what was found, and what to do about it."""


class Command(BaseCommand):
    """Runs the checks, asks the admin listener, and calls `larder doctor` where it is installed."""

    help = "Says what is wrong between this site and its Larder. Exit status 1: there are problems."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--public", metavar="URL", help="the site as visitors reach it; larder doctor looks at it, too")
        parser.add_argument("--origin", metavar="URL", help="the site's scheme and host [default: --public, or LARDER['hosts']]")
        parser.add_argument("--path", action="append", default=[], help="a page to look at, as in /blog/; can be repeated")
        parser.add_argument("--larder", metavar="PROGRAM", help="the program larder [default: LARDER_BIN, or as it is found]")
        parser.add_argument("--only-django", action="store_true", help="does not call larder doctor")

    def handle(self, *args: Any, **options: Any) -> None:
        problems = 0
        for verdict, name, says, to_do in self.findings(options):
            problems += verdict == "problem"
            style = {"problem": self.style.ERROR, "warning": self.style.WARNING, "ok": self.style.SUCCESS}.get(verdict)
            self.stdout.write(f"  {(style or str)(f'{verdict:8}')}  {name}: {says}")
            if to_do:
                self.stdout.write(f"{'':12}to change it: {to_do}")
        if not options["only_django"]:
            problems += self.outside(options)
        if problems:
            raise CommandError("There are problems.")

    def findings(self, options: dict[str, Any]) -> Iterator[Finding]:
        """What Django can tell."""
        try:
            conf.larder()
            conf.rules()
        except ImproperlyConfigured as error:
            yield "problem", "settings", str(error), None
            return
        yield from self.checks()
        yield from self.listener()
        yield from self.same_rules(options)

    def checks(self) -> Iterator[Finding]:
        """The system checks of this package, those of `check --deploy` and those of the database included."""
        # The one about the listener is left out: it is looked at more closely here.
        found = [one for one in self.messages() if one.id != f"{OURS}.W014"]
        for message in found:
            yield "problem" if message.level >= ERROR else "warning", message.id or OURS, message.msg, message.hint
        alias = outbox.alias_of_outbox()
        if conf.larder().outbox and not outbox.has_table(alias):
            says = f"there is no table for it in the database {alias!r}: a purge is lost if Larder is away"
            yield "problem", "outbox", says, "manage.py migrate django_larder"
        elif not found:
            yield "ok", "settings", "the system checks have found nothing", None

    def messages(self) -> list[Any]:
        """What the checks say."""
        from django.db import connections

        found = run_checks(tags=[OURS], include_deployment_checks=True, databases=list(connections))
        return [message for message in found if (message.id or "").startswith(OURS)]

    def listener(self) -> Iterator[Finding]:
        """Whether purges are accepted."""
        try:
            admin().post("/purge", {"tags": [NOBODYS_TAG]})
        except (Unreachable, Refused) as error:
            yield "problem", "purges", "Larder does not accept them", remedy(error)
        else:
            yield "ok", "purges", f"Larder accepts them at {conf.larder().admin_url}", None

    def same_rules(self, options: dict[str, Any]) -> Iterator[Finding]:
        """Whether the running Larder decides as the rule file does."""
        if conf.larder().rules is None:
            yield (
                "warning",
                "rules",
                "LARDER names no rule file",
                'LARDER = {"rules": "larder.toml"}, the one that larder serve has',
            )
            return
        origin = options["origin"] or options["public"] or (f"https://{conf.larder().hosts[0]}" if conf.larder().hosts else None)
        if origin is None:
            yield (
                "skipped",
                "rules",
                "not held against those of the running Larder, since the site's host is not known",
                "--origin https://example.com",
            )
            return
        for url in whole(dict.fromkeys([*options["path"], *PROBES]), origin):
            parts = urlsplit(url)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            try:
                here = json.loads(conf.rules().explain_json("GET", parts.scheme, parts.netloc, target, []))
                there = admin().get("/explain", [("url", url)], "application/json").json()
            except (Unreachable, Refused, ValueError) as error:
                yield "skipped", "rules", f"not held against those of the running Larder: {error}", None
                return
            if difference := _difference(here, there):
                says = f"the running Larder has other rules than {conf.larder().rules}: {url}: {difference}"
                yield "problem", "rules", says, "send larder serve a SIGHUP, or let both have the same file"
                return
        yield "ok", "rules", "the running Larder decides as the rule file says", None

    def outside(self, options: dict[str, Any]) -> int:
        """What `larder doctor` says; how many problems it has."""
        program = options["larder"] or os.environ.get("LARDER_BIN") or shutil.which("larder")
        if program is None or shutil.which(program) is None:
            self.stdout.write("  skipped   larder doctor: there is no program larder here; --larder says where it is")
            return 0
        command = [program, "doctor"]
        if conf.larder().rules is not None:
            command += ["--config", str(conf.larder().rules)]
        if options["public"]:
            command += ["--public", options["public"]]
        if len(command) == 2:
            self.stdout.write("  skipped   larder doctor: it needs a rule file (LARDER['rules']) or --public")
            return 0
        for path in options["path"][:8]:
            command += ["--path", path]
        self.stdout.write(f"\n{' '.join(['larder', *command[1:]])}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.stdout.write(done.stdout + done.stderr)
        return int(done.returncode != 0)


def _difference(here: Any, there: Any) -> str | None:
    """What of two explanations decides otherwise."""
    for name in ("outcome", "because", "rule", "lifetimes"):
        one, other = (_comparable(said.get(name)) for said in (here, there))
        if one != other:
            return f"{name} {json.dumps(one)} here, {json.dumps(other)} there"
    return None


def _comparable(said: Any) -> Any:
    """Without where it stands: the two may name the file otherwise."""
    return {name: value for name, value in said.items() if name != "place"} if isinstance(said, dict) else said
