"""System checks: the usual mistakes, each with what to do about it. docs/django.md lists them.

`manage.py check` runs those that need nothing but the settings; `manage.py check --deploy` also asks whether Larder's admin
listener is there.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from . import conf
from .page import PAGES

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10: what is only in the file's text is not looked at.
    tomllib = None  # type: ignore[assignment]

OURS = "django_larder.middleware.LarderMiddleware"
# What each of these does to a response has to be done when LarderMiddleware sees it.
INSIDE = (
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)
BOTH_WAYS = "django_larder.middleware.SSLRedirectMiddleware"
DJANGO_CACHES = ("django.middleware.cache.UpdateCacheMiddleware", "django.middleware.cache.FetchFromCacheMiddleware")
IDENTITY_PARTS = ("class", "user", "segment")
Check = Callable[[], Iterable[CheckMessage]]


def _error(number: int, problem: str, hint: str) -> CheckMessage:
    return Error(problem, hint=hint, id=f"django_larder.E{number:03}")


def _warning(number: int, problem: str, hint: str) -> CheckMessage:
    return Warning(problem, hint=hint, id=f"django_larder.W{number:03}")


@register("django_larder")
def check_all(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Every check that needs only the settings, the rule file and the site's URLs."""
    try:
        conf.larder()
        conf.rules()
    except ImproperlyConfigured as error:
        return [_error(1, str(error), "LarderMiddleware refuses to start with it.")]
    checks: tuple[Check, ...] = (_warnings, _order, _caches, _identity, _lookup, _scheme, _forms, _messages, _sessions, _pages)
    return [message for check in checks for message in check()]


@register("django_larder", deploy=True)
def check_admin(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Whether purges would reach Larder."""
    try:
        larder = conf.larder()
    except ImproperlyConfigured:
        return []
    address = urlsplit(larder.admin_url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    hint = "Start larder serve, or name its admin listener in LARDER['admin_url']. Without it no purge is done."
    try:
        connection = kind(address.hostname or "", address.port, timeout=larder.timeout)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
        connection.close()
    except (OSError, http.client.HTTPException) as error:
        return [_warning(14, f"Nobody answers at LARDER['admin_url'], {larder.admin_url}: {error}.", hint)]
    if status != 200:
        return [_warning(14, f"What answers at LARDER['admin_url'], {larder.admin_url}, is not Larder: status {status}.", hint)]
    return []


# ---- each -----------------------------------------------------------------------------------------------------------


def _file() -> dict[str, Any]:
    """The rule file as it is written; empty where that can't be read here."""
    path = conf.larder().rules
    if path is None or tomllib is None:
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _rules() -> list[dict[str, Any]]:
    rules = _file().get("rule", [])
    return rules if isinstance(rules, list) else []


def _is_on() -> bool:
    return OURS in settings.MIDDLEWARE


def _takes_identity(file: dict[str, Any]) -> bool:
    """Whether a rule has pages for some visitors only, so that they have to be verified."""
    named = file.get("audience", {})
    for rule in file.get("rule", []):
        audience = rule.get("audience")
        if audience == "anonymous-and-authenticated":
            return True
        if audience == "per-user" and file.get("identity", {}).get("per_user") == "user":
            return True
        if any(part in IDENTITY_PARTS for part in named.get(audience, {}).get("key", [])):
            return True
    return False


def _warnings() -> Iterable[CheckMessage]:
    text = conf.rules().warnings
    if text:
        yield _warning(2, f"The rule file:\n{text}", "larder check says the same of it.")


def _order() -> Iterable[CheckMessage]:
    if not _is_on():
        return
    place = settings.MIDDLEWARE.index(OURS)
    before = [name for name in settings.MIDDLEWARE[:place] if name in INSIDE]
    if before:
        names = ", ".join(name.rpartition(".")[2] for name in before)
        yield _error(
            3,
            f"LarderMiddleware stands behind {names} in MIDDLEWARE, and does not see what they do to responses.",
            f'Make "{OURS}" the first of MIDDLEWARE.',
        )


def _caches() -> Iterable[CheckMessage]:
    both = [name.rpartition(".")[2] for name in settings.MIDDLEWARE if name in DJANGO_CACHES]
    if _is_on() and both:
        yield _warning(
            4,
            f"{' and '.join(both)} beside LarderMiddleware: pages are kept twice, and a purge does not reach those that Django keeps.",
            "Take both out of MIDDLEWARE.",
        )


def _identity() -> Iterable[CheckMessage]:
    if not _is_on():
        return
    larder, rules, file = conf.larder(), conf.rules(), _file()
    if larder.rules is not None and not _named(settings.SESSION_COOKIE_NAME, rules.session_cookies):
        yield _error(
            5,
            f"SESSION_COOKIE_NAME is {settings.SESSION_COOKIE_NAME!r}, which is not among identity.session_cookies of the rules: "
            "Larder takes everybody who is logged in for anonymous.",
            f'Write session_cookies = ["{settings.SESSION_COOKIE_NAME}"] below [identity] in the rule file.',
        )
    if not _takes_identity(file):
        return
    wants_marker = larder.identity and rules.marker_keys > 0
    if not wants_marker and rules.lookup_path is None:
        yield _error(
            6,
            "Rules tell visitors apart by who they are, and there is no secret to sign that with, and no look-up.",
            'Add marker_keys = ["2026-11=env:LARDER_MARKER_KEY"] below [identity] in the rule file, with LARDER["identity"] not False.',
        )
    missing = [name for name in INSIDE if "Session" in name or "Authentication" in name]
    missing = [name for name in missing if name not in settings.MIDDLEWARE]
    if missing and "django.contrib.auth" in settings.INSTALLED_APPS:
        names = " and ".join(name.rpartition(".")[2] for name in missing)
        yield _warning(
            7,
            f"Rules tell visitors apart by who they are, and {names} is not in MIDDLEWARE: nobody is known.",
            "Add it behind LarderMiddleware, or leave the warning if middleware of your own sets request.user.",
        )
    if not larder.trusted_proxies:
        yield _warning(
            8,
            "Rules have pages for some visitors only, and Larder is not believed when it says for whom one is to be made: "
            "none of them are shared.",
            'Name the addresses that Larder connects from: LARDER["trusted_proxies"] = ["127.0.0.1"].',
        )
    elif rules.marker_keys == 0 and rules.lookup_path is not None:
        yield _warning(
            19,
            "Rules have pages for some visitors only, and what Larder says of them is believed without a proof: whoever connects "
            'from LARDER["trusted_proxies"] can have the pages of any user made.',
            'Add marker_keys = ["2026-11=env:LARDER_MARKER_KEY"] below [identity] in the rule file, for Larder and for the site.',
        )


def _named(cookie: str, names: Iterable[str]) -> bool:
    for name in names:
        head, star, tail = name.partition("*")
        if name == cookie or (star and cookie.startswith(head) and cookie.endswith(tail) and len(cookie) >= len(head) + len(tail)):
            return True
    return False


def _lookup() -> Iterable[CheckMessage]:
    path = conf.rules().lookup_path
    if path is None or not _is_on():
        return
    from django.urls import Resolver404, get_resolver

    from .views import identity

    try:
        match = get_resolver().resolve(path)
    except Resolver404:
        yield _error(
            9,
            f"Larder asks at {path} who a visitor is (identity.lookup of the rules), and there is no such URL.",
            'Add path("", include("django_larder.urls")) to ROOT_URLCONF.',
        )
        return
    except Exception:  # A URLconf that does not load is told by Django's own check.
        return
    if match.func is not identity:
        yield _warning(
            10,
            f"Larder asks at {path} who a visitor is, and {match.view_name or match.func!r} answers.",
            'Put path("", include("django_larder.urls")) first in ROOT_URLCONF, if that view does not say Larder-Identity.',
        )


def _scheme() -> Iterable[CheckMessage]:
    larder, file = conf.larder(), _file()
    header = settings.SECURE_PROXY_SSL_HEADER
    hint = 'Write SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https").'
    if larder.https.both_ways or BOTH_WAYS in settings.MIDDLEWARE:
        others = {
            "SECURE_HSTS_SECONDS": settings.SECURE_HSTS_SECONDS,
            "SECURE_SSL_REDIRECT": settings.SECURE_SSL_REDIRECT,
            "https.redirect of the rules": file.get("https", {}).get("redirect"),
            "https.hsts of the rules": file.get("https", {}).get("hsts"),
        }
        for name in (name for name, is_on in others.items() if is_on):
            yield _error(
                11,
                f"Views without SSL are sent back to http (both_ways, SSLRedirectMiddleware), and {name} sends everybody to https: "
                "a circle.",
                "Take one of the two out.",
            )
    if not file:
        return
    style = file.get("forwarded", {}).get("style", "x-forwarded")
    extra = dict(line.partition(":")[::2] for line in file.get("forwarded", {}).get("extra", []) if isinstance(line, str))
    said = {"HTTP_" + name.strip().upper().replace("-", "_"): value.strip() for name, value in extra.items()}
    if style != "forwarded":
        said["HTTP_X_FORWARDED_PROTO"] = "$scheme"
    by_https = bool(file.get("https")) or "https" in file.get("listen", {})
    if header is None:
        if by_https and not larder.trusted_proxies:
            yield _warning(
                12, "Larder is asked by https, and request.is_secure() does not hear of it: SECURE_PROXY_SSL_HEADER is not set.", hint
            )
        return
    name, value = header
    expected = {"$scheme": "https", "$on": "on", "$https": "on"}.get(said.get(name, ""), said.get(name))
    if expected is None:
        yield _warning(
            12,
            f"SECURE_PROXY_SSL_HEADER reads {name}, which Larder does not write (forwarded.style is {style!r}): "
            "no request is secure, and a client may say what it likes.",
            hint if style != "forwarded" else 'Write style = "both" below [forwarded] in the rule file. ' + hint,
        )
    elif value != expected:
        yield _warning(12, f"SECURE_PROXY_SSL_HEADER waits for {name}: {value!r}, and Larder writes {expected!r}.", hint)


def _forms() -> Iterable[CheckMessage]:
    if not any(rule.get("csrf") == "django" for rule in _rules()):
        return
    if settings.CSRF_USE_SESSIONS:
        yield _error(
            13,
            'A rule says csrf = "django", and CSRF_USE_SESSIONS keeps the secret in the session, where Larder can\'t read it: '
            "forms on cached pages are refused.",
            'Set CSRF_USE_SESSIONS = False, or take csrf = "django" out of the rule.',
        )
    elif settings.CSRF_COOKIE_NAME != conf.rules().csrf_cookie:
        yield _error(
            13,
            f"CSRF_COOKIE_NAME is {settings.CSRF_COOKIE_NAME!r}, and csrf.cookie of the rules is {conf.rules().csrf_cookie!r}: "
            "forms on cached pages are refused.",
            f'Write cookie = "{settings.CSRF_COOKIE_NAME}" below [csrf] in the rule file.',
        )


def _messages() -> Iterable[CheckMessage]:
    if "django.contrib.messages" not in settings.INSTALLED_APPS or not _is_on():
        return
    file = _file()
    shares = any("audience" in rule for rule in _rules())
    storage = settings.MESSAGE_STORAGE.rpartition(".")[2]
    bypass = file.get("identity", {}).get("bypass_cookies", [])
    if shares and storage in ("FallbackStorage", "CookieStorage") and not _named("messages", bypass):
        yield _warning(
            15,
            "Messages to a visitor wait in the cookie 'messages' until a page is made for them, and shared pages are made for all.",
            'Write bypass_cookies = ["messages"] below [identity] in the rule file.',
        )


def _sessions() -> Iterable[CheckMessage]:
    if _is_on() and settings.SESSION_SAVE_EVERY_REQUEST:
        yield _warning(
            16,
            "SESSION_SAVE_EVERY_REQUEST sets a cookie with every answer to somebody who has a session, so that none of these are stored.",
            "Set it to False, if the pages of visitors with a session are to be shared.",
        )


def _pages() -> Iterable[CheckMessage]:
    if PAGES and not _is_on():
        yield _warning(
            17, f"@page of {PAGES[0].view} has no effect: LarderMiddleware is not in MIDDLEWARE.", f'Make "{OURS}" the first of it.'
        )
    for page in PAGES:
        try:
            page.rules  # noqa: B018
        except ImproperlyConfigured as error:
            yield _error(18, str(error), "The view fails with it.")
