"""The part of a Varnish configuration that is made from CACHE_HEADERS: by which cookies a page is told from others.

A cookie counts by its whole name, and its value goes into the hash between its name and a `;`, which neither can have in it. Where
a Cookie field is unclear (the same name twice, bytes that applications take for blanks), all of it goes in. What Varnish took
and what Django says in X-Hash-Cookies have to be the same, or the page is not kept: Django reads `/%61` as `/a`, Varnish does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from . import conf, expressions

ALL = "*"
"""In Hash-Cookies: every cookie counts, because nobody says which."""

_HEAD = """\
# Made by `manage.py generate_vcl` from CACHE_HEADERS: make it anew when that changes.
# Include it before your own vcl_hash and vcl_backend_response: Varnish runs them one after the other.
import std;
"""

_HASH_HEAD = """
sub vcl_hash {
    std.collect(req.http.Cookie, "; ");
    unset req.http.Hash-Cookies;
"""

_HASH_TAIL = """
    if (req.http.Hash-Cookies) {
        hash_data("hash-cookies=" + req.http.Hash-Cookies);
        call larder_hash_cookies;
    }
}
"""

_UNCLEAR = r"""
sub larder_hash_cookies {
    # Blanks and letters that applications may take for nothing could hide a name.
    if (req.http.Hash-Cookies == "*" || req.http.Cookie ~ "[^\x20-\x7E]"%(twice)s) {
        hash_data("cookie=" + req.http.Cookie);
    } else {
"""

_ONE_COOKIE = """\
        if (req.http.Hash-Cookies ~ "(^|\\|){name}($|\\|)") {{
            if (req.http.Cookie ~ "(^|;) *{name} *=") {{
                hash_data("{plain}=" + regsub(req.http.Cookie, "^(.*;)? *{name} *=([^;]*).*$", "\\2") + ";");
            }} else {{
                hash_data("{plain};");
            }}
        }}
"""

_BACKEND = """
sub vcl_backend_response {
    if (beresp.http.X-Hash-Cookies) {
        if (bereq.http.Hash-Cookies != "*" && beresp.http.X-Hash-Cookies != bereq.http.Hash-Cookies) {
            set beresp.ttl = 5s;
            set beresp.grace = 0s;
            set beresp.uncacheable = true;
            return (deliver);
        }
    } elseif (bereq.http.Hash-Cookies != "*" && beresp.http.Vary ~ "(?i)(^|,) *cookie *(,|$)") {
        # It varies by cookies that are not in the hash.
        set beresp.ttl = 5s;
        set beresp.grace = 0s;
        set beresp.uncacheable = true;
        return (deliver);
    }
}
"""


def text() -> str:
    """All of it."""
    rules = conf.read()
    hashed = [(rule, _hash_cookies(rule)) for rule in rules if rule.age]
    names = sorted({name for _, cookies in hashed if cookies != ALL for name in cookies.split("|")})
    chain = "".join(_branches(hashed))
    parts = [_HEAD, _cookies(names), _HASH_HEAD, chain, _HASH_TAIL, _BACKEND]
    return "".join(parts)


def _branches(rules: Iterable[tuple[conf.Rule, str]]) -> Iterator[str]:
    word = "if"
    for rule, cookies in rules:
        translation = expressions.for_varnish(rule.source)
        yield f"    # {rule.policy_name}, {rule.age} s: {expressions.on_one_line(rule.source)}\n"
        if translation.is_impossible:
            yield "    # matches nothing: a URL is sent in ASCII, with other letters as %C3%A9\n"
            continue
        # As Python's `match`, which begins at the beginning.
        yield f'    {word} (req.url ~ "^(?:{translation.text})") {{\n        set req.http.Hash-Cookies = "{cookies}";\n    }}\n'
        word = "elseif"


def _cookies(names: Iterable[str]) -> str:
    names = list(names)
    twice = "".join(f'\n        || req.http.Cookie ~ "(^|;) *{_quoted(name)} *=.*; *{_quoted(name)} *="' for name in names)
    single = "".join(_ONE_COOKIE.format(name=_quoted(name), plain=name) for name in names)
    return _UNCLEAR % {"twice": twice} + single + "    }\n}\n"


def _quoted(name: str) -> str:
    return re.sub(r"([^A-Za-z0-9_!#%&'~-])", r"\\\1", name)


def _hash_cookies(rule: conf.Rule) -> str:
    """What a policy says for somebody who is logged in."""
    request, response = HttpRequest(), HttpResponse()
    request.method, request.path, request.path_info = "GET", "/", "/"
    request.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    try:
        rule.apply(request, response, _somebody())
    except Exception as error:
        remedy = "Have it answer a plain request for / by an unsaved user; this is how it is asked which cookies count"
        raise conf.wrong(f'["policies"][{rule.policy_name!r}]', f"failed: {error!r}", remedy) from error
    said = response.get("X-Hash-Cookies", "").strip()
    if not said:
        return ALL
    if not re.fullmatch(r"[!#-+\--:<-\[\]-~|]+", said) or '"' in said:
        raise conf.wrong(f'["policies"][{rule.policy_name!r}]', f"says X-Hash-Cookies: {said}", 'Name cookies, with "|" between them')
    return said


def _somebody() -> Any:
    """A user who is in no database."""
    if not settings.configured:
        raise ImproperlyConfigured("there are no settings")
    try:
        from django.contrib.auth import get_user_model

        return get_user_model()()
    except (ImproperlyConfigured, LookupError):
        return AnonymousUser()
