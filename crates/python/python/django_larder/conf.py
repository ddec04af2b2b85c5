"""What does the site say in `settings.LARDER`, and which rules does it name?

`settings.LARDER` is read and checked as a whole when it is first asked for, never at import, so that a process that forks
afterwards begins with nothing open. What is wrong in it is an ImproperlyConfigured that says where, and what to write.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.utils.functional import empty
from django.utils.module_loading import import_string

from ._core import Rules, RulesError

MARKER_AGE_MIN = 10
"""A marker that lasts less would be renewed with nearly every page."""

UNIX_SOCKET = "unix"
"""The word in `trusted_proxies` for whoever connects by a Unix socket, which has no address."""


@dataclass(frozen=True)
class Https:
    """What `LARDER["https"]` says."""

    redirect: bool = False
    """Whether requests by http are sent to https."""
    both_ways: bool = False
    """Whether views without `SSL` are sent back to http: what djangosnippets' SSLRedirect did."""
    exempt: tuple[str, ...] = ()
    """Regular expressions, searched in the path without its first slash, as in SECURE_REDIRECT_EXEMPT."""
    host: str | None = None
    """The host to send to; the one that was asked for without it."""

    def is_exempt(self, path: str) -> bool:
        """Whether a path is left alone."""
        return any(re.search(pattern, path.lstrip("/")) for pattern in self.exempt)


@dataclass(frozen=True)
class Larder:
    """`settings.LARDER`, checked. The fields are its keys."""

    rules: Path | None = None
    """The rule file. A relative path counts from `settings.BASE_DIR`, or else from the working directory."""
    headers: bool = True
    """Whether responses say to other caches what the rules say."""
    identity: bool = True
    """Whether visitors get the signed marker, where the rules have a key for it."""
    segment: Callable[[HttpRequest], str | None] | None = None
    """Says which version of the pages a visitor sees: `staff`, `plan-pro`. None: the one that all see."""
    marker_age: int = 600
    """How long a marker counts, seconds: for so long may somebody who logged out elsewhere be taken for logged in."""
    tag_header: str | None = None
    """The response field that tags are told in, in place of the one that the rules name."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks that Larder connects from, and `"unix"`: whose word on identity and scheme counts."""
    scheme_from: str | None = None
    """The one field in which trusted proxies say the scheme; all known ones without it."""
    admin_url: str = "http://127.0.0.1:9180"
    """The admin listener of `larder serve`."""
    token: str | None = None
    """The token of the admin listener."""
    token_file: Path | None = None
    """A file with that token."""
    timeout: float = 2.0
    """How long the admin listener is waited for, seconds."""
    automatic_tags: bool = False
    """Whether pages are tagged with what they were made from, and purged when that changes."""
    automatic_ignore: tuple[str, ...] = ()
    """What automatic tags do not look at: `"app"`, `"app.model"` or `"app.model.field"`."""
    tags_max: int = 64
    """How many rows of one response are tags of their own; with more only their models are."""
    outbox: bool = True
    """Whether purges are written to a table before they are sent, so that none is lost."""
    retry_every: float = 10.0
    """How often a process tries to send what is left in that table, seconds."""
    using: str | None = None
    """The database of that table; the default one without it."""
    hosts: tuple[str, ...] = ()
    """The hosts on which a path is purged; every host without it, which takes longer where many pages are published."""
    lookup_database: str | None = None
    """The database in which `larder serve` remembers published pages."""
    never_xhr: bool = False
    """Whether answers to scripts say that nobody may keep them."""
    https: Https = Https()
    """Redirects between http and https."""

    def read_token(self) -> str | None:
        """The token of the admin listener, from wherever it is."""
        if self.token is not None or self.token_file is None:
            return self.token
        try:
            return self.token_file.read_text().rstrip("\r\n")
        except OSError as error:
            raise wrong("token_file", f"can't be read: {error}", "name a file that this process may read") from error


def line_of(module: str, text: str) -> str:
    """`mysite/settings.py:12`, where `text` first stands in the settings; the module's name where that can't be told."""
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        lines = Path(file).read_text().splitlines() if file else []
    except OSError:
        lines = []
    for number, line in enumerate(lines, 1):
        if text in line:
            return f"{os.path.relpath(str(file))}:{number}"
    return module


def settings_module() -> str:
    """The name of the settings' module, as far as there is one."""
    holder = getattr(django_settings, "_wrapped", empty)
    return getattr(holder, "SETTINGS_MODULE", None) or os.environ.get("DJANGO_SETTINGS_MODULE") or "settings"


def wrong(key: str, problem: str, remedy: str) -> ImproperlyConfigured:
    """An error about one key: where it is, what is wrong, what to do."""
    name = key.rpartition(".")[2]
    module = settings_module()
    place = line_of(module, f'"{name}"')
    if place == module:
        place = line_of(module, f"'{name}'")
    path = "".join(f'["{part}"]' for part in key.split("."))
    return ImproperlyConfigured(f"{place}: LARDER{path} {problem}. {remedy[0].upper()}{remedy[1:]}.")


def _unknown(key: str, known: list[str], prefix: str = "") -> ImproperlyConfigured:
    near = difflib.get_close_matches(key, known, 1, 0.5)
    remedy = f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(known)}"
    return wrong(f"{prefix}{key}", "is not a key of this setting", remedy.removesuffix("?") + ("?" if near else ""))


# ---- kinds of values ------------------------------------------------------------------------------------------------


def _bool(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong(key, f"must be True or False, not {value!r}", "write one of the two")
    return value


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise wrong(key, f"must be a text, not {value!r}", "write it in quotes")
    return value


def _path(key: str, value: Any) -> Path:
    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise wrong(key, f"must be a path, not {value!r}", 'write it as in "larder.toml" or BASE_DIR / "larder.toml"')
    path = Path(value)
    base = getattr(django_settings, "BASE_DIR", None)
    return Path(base) / path if base is not None and not path.is_absolute() else path


def _seconds(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise wrong(key, f"must be a number of seconds above 0, not {value!r}", "write one, as in 2.0")
    return float(value)


def _count(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise wrong(key, f"must be a number of 0 or more, not {value!r}", "write one, as in 64")
    return value


def _age(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < MARKER_AGE_MIN:
        raise wrong(key, f"must be {MARKER_AGE_MIN} seconds or more, not {value!r}", "write a number, as in 600")
    return value


def _callable(key: str, value: Any) -> Callable[[HttpRequest], str | None]:
    if isinstance(value, str):
        try:
            value = import_string(value)
        except ImportError as error:
            raise wrong(key, f"can't be imported: {error}", 'name a function, as in "mysite.visitors.segment"') from error
    if not callable(value):
        raise wrong(key, f"must be a function or its dotted name, not {value!r}", 'as in "mysite.visitors.segment"')
    return value  # type: ignore[no-any-return]


def _field(key: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9-]+", value):
        raise wrong(key, f"must be the name of a field, not {value!r}", 'write one, as in "Surrogate-Key"')
    return value


def _proxies(key: str, value: Any) -> tuple[str, ...]:
    remedy = 'write a list, as in ["127.0.0.1", "10.0.0.0/8", "unix"]'
    if not isinstance(value, (list, tuple)):
        raise wrong(key, f"must be a list of addresses, not {value!r}", remedy)
    for one in value:
        if one == UNIX_SOCKET:
            continue
        try:
            ipaddress.ip_network(one)
        except (TypeError, ValueError) as error:
            raise wrong(key, f"has {one!r} in it, which is no address and no network: {error}", remedy) from error
    return tuple(value)


def _patterns(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise wrong(key, f"must be a list of regular expressions, not {value!r}", r'write it as in [r"^\.well-known/"]')
    for one in value:
        try:
            re.compile(one)
        except re.error as error:
            raise wrong(key, f"has {one!r} in it, which is no regular expression: {error}", "correct it") from error
    return tuple(value)


def _names(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) and re.fullmatch(r"\w+(\.\w+){0,2}", one) for one in value):
        raise wrong(key, f"must be a list of applications, models and fields, not {value!r}", 'write it as in ["shop.book.views"]')
    return tuple(value)


def _hosts(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise wrong(key, f"must be a list of hosts, not {value!r}", 'write it as in ["www.example.com"]')
    return tuple(_host(key, one) for one in value)


def _host(key: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9.\[\]:-]+", value):
        raise wrong(key, f"must be a host, not {value!r}", 'write it as in "www.example.com"')
    return value


def _https(key: str, value: Any) -> Https:
    if not isinstance(value, Mapping):
        raise wrong(key, f"must be a dictionary, not {value!r}", 'write it as in {"redirect": True}')
    return Https(**_read(value, HTTPS_KINDS, "https."))


Kind = Callable[[str, Any], Any]
HTTPS_KINDS: dict[str, tuple[Kind, bool]] = {
    "redirect": (_bool, False),
    "both_ways": (_bool, False),
    "exempt": (_patterns, False),
    "host": (_host, True),
}
# What reads a value, and whether None may stand for its absence.
KINDS: dict[str, tuple[Kind, bool]] = {
    "rules": (_path, True),
    "headers": (_bool, False),
    "identity": (_bool, False),
    "segment": (_callable, True),
    "marker_age": (_age, False),
    "tag_header": (_field, True),
    "trusted_proxies": (_proxies, False),
    "scheme_from": (_field, True),
    "admin_url": (_text, False),
    "token": (_text, True),
    "token_file": (_path, True),
    "timeout": (_seconds, False),
    "automatic_tags": (_bool, False),
    "automatic_ignore": (_names, False),
    "tags_max": (_count, False),
    "outbox": (_bool, False),
    "retry_every": (_seconds, False),
    "using": (_text, True),
    "hosts": (_hosts, False),
    "lookup_database": (_text, True),
    "never_xhr": (_bool, False),
    "https": (_https, False),
}


def _read(given: Mapping[str, Any], kinds: Mapping[str, tuple[Kind, bool]], prefix: str = "") -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, value in given.items():
        if key not in kinds:
            raise _unknown(str(key), list(kinds), prefix)
        kind, may_be_none = kinds[key]
        read[key] = None if value is None and may_be_none else kind(f"{prefix}{key}", value)
    return read


def check(given: Any) -> Larder:
    """A checked `LARDER`. Raises ImproperlyConfigured for the first thing that is wrong."""
    if not isinstance(given, Mapping):
        place = line_of(settings_module(), "LARDER")
        raise ImproperlyConfigured(f'{place}: LARDER must be a dictionary, not {given!r}. Write LARDER = {{"rules": "larder.toml"}}.')
    read = Larder(**_read(given, KINDS))
    if read.token is not None and read.token_file is not None:
        raise wrong("token_file", 'stands beside "token"', "leave one of the two out")
    address = re.fullmatch(r"https?://[^/\s]+/?", read.admin_url)
    if address is None:
        raise wrong("admin_url", f"is no address: {read.admin_url!r}", 'write it as in "http://127.0.0.1:9180"')
    return read


# ---- read once a process --------------------------------------------------------------------------------------------

_lock = threading.RLock()
_larder: Larder | None = None
_rules: Rules | None = None


def larder() -> Larder:
    """`settings.LARDER`, checked; read once."""
    global _larder
    if _larder is None:
        with _lock:
            if _larder is None:
                _larder = check(getattr(django_settings, "LARDER", {}))
    return _larder


def rules() -> Rules:
    """The rules that `LARDER["rules"]` names; none at all where it names none. Read once."""
    global _rules
    if _rules is None:
        with _lock:
            if _rules is None:
                _rules = _load(larder().rules)
    return _rules


def _load(path: Path | None) -> Rules:
    if path is None:
        return Rules.parse("LARDER", "")
    try:
        return Rules.load(path)
    except RulesError as error:
        raise ImproperlyConfigured(f"The rule file that LARDER[\"rules\"] names is wrong:\n{error}") from error
    except OSError as error:
        remedy = "name an existing file; a relative path counts from BASE_DIR, or else from the working directory"
        raise wrong("rules", f"can't be read: {error}", remedy) from error


def forget(*, setting: str = "LARDER", **_: Any) -> None:
    """Has both read again; for tests that change settings."""
    global _larder, _rules
    if setting in ("LARDER", "BASE_DIR"):
        with _lock:
            _larder = _rules = None


setting_changed.connect(forget, dispatch_uid="django_larder.conf")
