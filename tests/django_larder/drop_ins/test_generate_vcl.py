"""`manage.py generate_vcl` in a real Varnish, in front of a Django with CACHE_HEADERS."""

import shutil
import socket
import socketserver
import subprocess
import threading
import time
from io import StringIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import override_settings
from django.urls import re_path

varnishd = shutil.which("varnishd") or shutil.which("varnishd", path="/usr/sbin:/usr/local/sbin")
OURS = "django_larder.cache_headers.middleware.CacheHeadersMiddleware"


def known_by_cookie(get_response):
    """Who sends `sessionid=alice` is alice."""

    def middleware(request):
        # As Django reads it: blanks around a name are nothing.
        name = request.COOKIES.get("sessionid")
        request.user = User(username=name) if name else AnonymousUser()
        return get_response(request)

    return middleware


def own(request, response, user, age):
    response["Cache-Control"] = f"s-maxage={age}"


def page(request):
    page.made += 1
    response = HttpResponse(f"{page.made} {request.user.username or 'anonymous'}")
    response["Content-Length"] = str(len(response.content))
    if "control" in request.GET:
        response["Cache-Control"] = "s-maxage=60"
        response["Vary"] = "Cookie"
    return response


urlpatterns = [re_path("", page)]
CACHE_HEADERS = {
    "policies": {"own": own},
    "timeouts": {
        "all-users": {600: ("^/all/", "/p")},
        "anonymous-only": {600: ("^/anonymous/",)},
        "anonymous-and-authenticated": {600: (r"^/class/\d+/",)},
        "per-user": {600: ("^/mine/", '^/quo"te/')},
        "own": {600: ("^/own/",)},
    },
    "danger-shared-policies": ["per-user", "anonymous-and-authenticated"],
}
SETTINGS = override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[OURS, f"{__name__}.known_by_cookie"], CACHE_HEADERS=CACHE_HEADERS)
# As people have it who had django-cache-headers: what Django says of cookies is left to the hash.
SITE = """
vcl 4.0;
include "%(generated)s";
backend default { .host = "127.0.0.1"; .port = "%(port)d"; }
sub vcl_recv { return (hash); }
sub vcl_backend_response {
    set beresp.http.Vary = regsub(beresp.http.Vary, "Cookie", "Substitute");
}
sub vcl_deliver {
    set resp.http.X-Cache = "MISS";
    if (obj.hits > 0) { set resp.http.X-Cache = "HIT"; }
}
"""


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


class Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


def generated():
    said = StringIO()
    call_command("generate_vcl", stdout=said)
    return said.getvalue()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def varnish(tmp_path_factory):
    if not varnishd:
        pytest.skip("varnish is not installed")
    folder = tmp_path_factory.mktemp("varnish")
    with SETTINGS:
        application = WSGIHandler()
        (folder / "generated.vcl").write_text(generated())
        site = Threaded(("127.0.0.1", 0), Quiet)
        site.set_app(application)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        (folder / "site.vcl").write_text(SITE % {"generated": folder / "generated.vcl", "port": site.server_port})
        port = free_port()
        command = [varnishd, "-j", "none", "-F", "-n", str(folder / "work"), "-a", f"127.0.0.1:{port}", "-f", str(folder / "site.vcl"), "-s", "malloc,16m"]
        with open(folder / "log", "wb") as log:
            child = subprocess.Popen(command, stdout=log, stderr=log)
        begun = time.monotonic()
        while True:
            assert child.poll() is None and time.monotonic() - begun < 60, (folder / "log").read_text()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        page.made = 0
        yield port
        child.terminate()
        child.wait(20)
        site.shutdown()
        site.server_close()


def ask(port, target, *cookies):
    lines = [f"GET {target} HTTP/1.1", "Host: site.test", "Connection: close", *(f"Cookie: {line}" for line in cookies), "", ""]
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        data = b""
        while piece := connection.recv(65536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    assert b" 200 " in head, data
    return body.decode().strip(), b"X-Cache: HIT" in head


def is_shared(port, target, one, other):
    """Whether the second visitor gets what was made for the first."""
    first, _ = ask(port, target, *one)
    second, hit = ask(port, target, *other)
    assert hit == (first == second), (target, one, other, first, second)
    return hit


number = iter(range(10000))


def fresh(path):
    """A URL that nobody has asked for yet."""
    return f"{path}?{next(number)}"


@pytest.mark.parametrize(
    "path, one, other, expected",
    [
        ("/all/", [], ["theme=dark"], True),
        ("/all/", ["sessionid=alice"], [], True),
        ("/all/", [], ["messages=1"], False),
        ("/anonymous/", [], ["theme=dark"], True),
        ("/anonymous/", [], ["isauthenticated=1; sessionid=alice"], False),
        ("/class/1/", ["isauthenticated=1; sessionid=alice"], ["sessionid=bob; isauthenticated=1"], True),
        ("/class/1/", ["isauthenticated=1; sessionid=alice"], [], False),
        ("/mine/", ["sessionid=alice"], ["theme=1;sessionid=alice"], True),
        ("/mine/", ["sessionid=alice"], ["sessionid=bob"], False),
        ("/mine/", ["sessionid=alice"], [], False),
        ('/quo"te/', ["sessionid=alice"], ["sessionid=bob"], False),
        ("/elsewhere/", [], [], False),
        ("/own/", [], [], True),
        ("/own/", [], ["a=b"], False),
    ],
)
def test_visitors_share_what_the_policy_shares(varnish, path, one, other, expected):
    assert is_shared(varnish, fresh(path), one, other) is expected


@pytest.mark.parametrize(
    "path, one, other",
    [
        # With the old hash these pairs were one.
        ("/class/1/", ["messages=1"], ["isauthenticated=1"]),
        ("/class/1/", ["isauthenticated=1"], ["xisauthenticated=10"]),
        ("/class/1/", [], ["xisauthenticated=1; isauthenticated=1"]),
        ("/mine/", ["messages=; sessionid=alice"], ["messages=; sessionid=bob"]),
        ("/mine/", ["messages=ab; sessionid=c"], ["messages=a; sessionid=bc"]),
        ("/mine/", ["messages=a"], ["sessionid=a"]),
        ("/mine/", ["messages="], []),
        # Which of two counts, nobody can say.
        ("/mine/", ["sessionid=alice; sessionid=bob"], ["sessionid=alice"]),
        ("/mine/", ["sessionid=alice; sessionid=bob"], ["sessionid=bob"]),
        ("/mine/", ["a=b", "sessionid=alice"], ["a=b"]),
        ("/mine/", ["sessionid =alice"], []),
        ("/mine/", [";sessionid=alice"], []),
        ("/mine/", ["\xc2\xa0sessionid=alice"], []),
    ],
)
def test_no_two_cookie_fields_are_taken_for_the_same(varnish, path, one, other):
    assert not is_shared(varnish, fresh(path), one, other)


def test_expressions_hold_from_the_beginning_as_in_django(varnish):
    # `/p` is a rule for all. In the middle of another URL it would take the place of that URL's rule.
    assert not is_shared(varnish, fresh("/mine/p"), ["sessionid=alice"], ["sessionid=bob"])
    assert is_shared(varnish, fresh("/p"), ["sessionid=alice"], ["sessionid=bob"])


def test_a_url_that_django_reads_in_another_way_is_not_kept(varnish):
    for target in ("/%6Dine/", "//mine/", "/class/%31/"):
        assert not is_shared(varnish, fresh(target), ["sessionid=alice; isauthenticated=1"], []), target


def test_pages_that_vary_by_cookies_without_a_rule_are_not_kept(varnish):
    assert not is_shared(varnish, fresh("/elsewhere/") + "&control=1", ["sessionid=alice"], [])


def test_the_visitor_can_t_say_what_counts(varnish):
    target = fresh("/mine/")
    ask(varnish, target, "sessionid=alice\r\nHash-Cookies: messages")
    assert ask(varnish, target, "sessionid=bob\r\nHash-Cookies: messages")[0].endswith("bob")


def test_a_policy_that_fails_is_named():
    def broken(request, response, user, age):
        raise KeyError("x")

    with override_settings(CACHE_HEADERS={"policies": {"broken": broken}, "timeouts": {"broken": {1: ("/",)}}}):
        with pytest.raises(CommandError, match="broken"):
            generated()


def test_without_rules_it_is_still_a_vcl():
    with override_settings(CACHE_HEADERS={}):
        assert "sub vcl_hash" in generated()
