#!/usr/bin/env python3
"""What does django_larder cost a response, beside Django's own middleware? CPU time of this process.

    target/python/bin/python bench/python/cost.py [--rounds N] [--check]

It needs Django and the package: `./test python` leaves both in target/python. Nothing else should run meanwhile. With --check it fails
where a decision takes 5 µs or more, or LarderMiddleware 30 µs or more.
"""

import argparse
import io
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import django
from django.conf import settings
from django.urls import re_path

RULES = """
[identity]
session_cookies = ["sessionid"]
marker_keys = ["k1=file:{key}"]
lookup = "/_larder/identity"

[[rule]]
path = "/account/*"
never = true

[[rule]]
path = "/blog/*"
audience = "all-users"
ttl = "10m"
browser_ttl = "5s"
tags = ["blog"]

[[rule]]
path = "/shop/*"
audience = "anonymous-and-authenticated"
ttl = "1m"
"""
NOTHING = io.BytesIO()
COOKIE = "_ga=GA1.1.1402861235.1767225600; _gid=GA1.1.11; theme=dark; csrftoken=abcdefghijklmnopqrstuvwxyz012345"
META = {
    "HTTP_HOST": "example.com",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
    "HTTP_SEC_FETCH_DEST": "document",
    "HTTP_SEC_FETCH_MODE": "navigate",
    "HTTP_SEC_FETCH_SITE": "none",
    "HTTP_COOKIE": COOKIE,
    "SERVER_NAME": "example.com",
    "SERVER_PORT": "443",
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.url_scheme": "https",
}
# What a new project has.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
view = [None]
urlpatterns = [re_path("", lambda request: view[0](request))]
WORDS = "<p>The quick brown fox jumps over the lazy dog, and <a href='/blog/next/'>goes on</a>.</p>\n"


def cpu(work, rounds, times):
    """Microseconds of CPU a call."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time_ns()
        for _ in range(times):
            work()
        best = min(best, time.process_time_ns() - begun)
    return best / times / 1000


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--check", action="store_true")
    chosen = arguments.parse_args()
    folder = tempfile.TemporaryDirectory()
    key, rules_file = Path(folder.name, "key"), Path(folder.name, "larder.toml")
    key.write_text("0123456789abcdef0123456789abcdef")
    rules_file.write_text(RULES.format(key=key))
    settings.configure(
        SECRET_KEY="x",
        ALLOWED_HOSTS=["example.com"],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
        LARDER={"rules": rules_file},
        ROOT_URLCONF="__main__",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "django_larder"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        MESSAGE_STORAGE="django.contrib.messages.storage.session.SessionStorage",
        MIDDLEWARE=MIDDLEWARE,
    )
    django.setup()
    from django.core.handlers.wsgi import WSGIRequest
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpResponse
    from django.middleware.cache import UpdateCacheMiddleware
    from django.middleware.http import ConditionalGetMiddleware
    from django.test import override_settings
    from django_larder._core import Identity, Rules, __version__

    rules = Rules.load(rules_file)
    ann = Identity(True, "ann")

    def request(path="/blog/one", cookie=COOKIE):
        return WSGIRequest(META | {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "page=2", "RAW_URI": f"{path}?page=2", "HTTP_COOKIE": cookie, "wsgi.input": NOTHING})

    pages = {kibibytes: (WORDS * (kibibytes * 1024 // len(WORDS) + 1))[: kibibytes * 1024].encode() for kibibytes in (2, 20, 60)}

    def respond(body):
        return lambda _: HttpResponse(body)

    lines = []

    def row(what, work, less=0.0, times=5000):
        took = cpu(work, chosen.rounds * 8, times // 8) - less
        lines.append((what, took))
        return took

    session = COOKIE + "; sessionid=abcdefghijklmnopqrstuvwxyz012345"
    decided = row(
        "`Rules.decide_meta`, `all-users`",
        lambda: rules.decide_meta("GET", "https", "example.com", "/blog/one?page=2", META),
    )
    known = META | {"HTTP_COOKIE": session}
    by_class = row(
        "`Rules.decide_meta`, by class, the application knows who it is",
        lambda: rules.decide_meta("GET", "https", "example.com", "/shop/one?page=2", known, lambda: ann),
    )
    decision = rules.decide_meta("GET", "https", "example.com", "/blog/one?page=2", META)
    fields = [("Content-Type", "text/html; charset=utf-8"), ("Vary", "Accept-Language"), ("Content-Length", "2048"), ("X-Frame-Options", "DENY")]
    row("`Decision.outward`, four fields", lambda: decision.outward(200, fields))

    def update(body):
        middleware = UpdateCacheMiddleware(respond(body))

        def work():
            asked = request()
            asked._cache_update_cache = True
            middleware.process_response(asked, HttpResponse(body))

        return work

    def bare(body):
        def work():
            request()
            HttpResponse(body)

        return work

    less = cpu(bare(pages[2]), chosen.rounds * 8, 250)
    row("Django's `UpdateCacheMiddleware.process_response`, nothing stored (dummy cache), 2 KiB", update(pages[2]), less, 2000)
    conditional = ConditionalGetMiddleware(respond(pages[2]))
    row("Django's `ConditionalGetMiddleware`, 2 KiB", lambda: conditional(request()), less, 2000)

    # What LarderMiddleware adds to a site's own: two chains that differ by it alone, in turns.
    sizes = {f"/blog/{size}": size for size in pages}
    chains = []
    for first in ([], ["django_larder.middleware.LarderMiddleware"]):
        with override_settings(MIDDLEWARE=first + MIDDLEWARE):
            chains.append(WSGIHandler())
    view[0] = lambda asked: HttpResponse(pages[sizes.get(asked.path, 2)])
    cost = {}
    for what, path, cookie in [
        *((f"no session, HTML of {size} KiB", path, COOKIE) for path, size in sizes.items()),
        ("no session, a page by class", "/shop/one", COOKIE),
        ("`never`", "/account/x", COOKIE),
        ("no rule", "/other", COOKIE),
    ]:
        # Many short turns, in pairs. The quietest twentieth of them counts: in the others somebody else was at the caches.
        pairs = [tuple(cpu(lambda: chain.get_response(request(path, cookie)), 1, 25) for chain in chains) for _ in range(chosen.rounds * 40)]
        quiet = sorted(pairs, key=sum)[: max(len(pairs) // 20, 1)]
        cost[what] = statistics.median(after - before for before, after in quiet)
        before = statistics.median(before for before, _ in quiet)
        lines.append((f"`LarderMiddleware`, {what} (the site's other middleware: {before:.0f})", cost[what]))
    width = max(len(what) for what, _ in lines)
    print(f"django-larder {__version__}, Django {django.__version__}, CPython {platform.python_version()}; µs of CPU")
    for what, took in lines:
        print(f"| {what:<{width}} | {took:6.1f} |")
    if chosen.check and (max(decided, by_class) >= 5 or max(cost.values()) >= 30):
        sys.exit("too slow")


if __name__ == "__main__":
    main()
