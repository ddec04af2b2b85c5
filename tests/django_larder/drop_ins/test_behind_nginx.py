"""nginx with a configuration as people have it who had django-nginx-memcache, and with the one that docs/django-migration.md gives."""

import re
import socketserver
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from django_larder.nginx_memcache import cache
from django_larder.nginx_memcache.decorators import cache_page_nginx
from fronting import Nginx, ask, has_md5, nginx
from programs import memcached, start_memcached

pytestmark = pytest.mark.skipif(
    not (nginx and memcached and has_md5), reason="nginx, memcached and libnginx-mod-http-set-misc are not installed"
)
ROOT = Path(__file__).parent.parent.parent.parent
# The shape of what the old package told people to write.
OLD = """
upstream django_of_old { server 127.0.0.1:%(django)d; }
server {
    listen 80;
    default_type text/html;
    location / {
        if ($http_x_forwarded_proto = HTTPS) { return 412; }
        set $page_version "";
        if ($http_cookie ~* "pv=([^;]+)(?:;|$)") { set $page_version $1; }
        set_md5 $hash_key $http_host$uri&pv=$page_version;
        set $memcached_key ps:1:$hash_key;
        memcached_pass 127.0.0.1:%(memcached)d;
        error_page 401 403 404 405 412 502 = @django;
    }
    location @django { proxy_pass http://django_of_old; proxy_set_header Host $http_host; }
}
"""
made = []


@cache_page_nginx(page_version_fn=lambda request: request.GET.get("as", ""))
def page(request, rest):
    made.append(request.get_full_path())
    return HttpResponse(f"<p>{len(made)} {request.get_full_path()}</p>")


@cache_page_nginx(page_version_fn=lambda request: request.COOKIES.get("device", ""))
def by_device(request):
    made.append(request.get_full_path())
    return HttpResponse(f"<p>{len(made)} {request.COOKIES.get('device')}</p>")


urlpatterns = [path("device/", by_device), path("<path:rest>", page)]


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


class Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def django():
    program = start_memcached()
    pages = {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": f"127.0.0.1:{program.port}",
        "KEY_PREFIX": "ps",
    }
    with override_settings(ROOT_URLCONF=__name__, CACHES={"default": pages}, MIDDLEWARE=["django.middleware.common.CommonMiddleware"]):
        server = Threaded(("127.0.0.1", 0), Quiet)
        server.set_app(WSGIHandler())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"django": server.server_port, "memcached": program.port}
        server.shutdown()
        server.server_close()
    program.stop()


@pytest.fixture(scope="module")
def old(django, tmp_path_factory):
    front = Nginx(tmp_path_factory.mktemp("old"), OLD % django)
    yield front
    front.stop()


def documented(django, memcached):
    """The configuration in the documentation, with these ports."""
    text = (ROOT / "docs" / "django-migration.md").read_text()
    (site,) = re.findall(r"```nginx\n(.*?)```", text, re.S)
    return site.replace("127.0.0.1:8000", f"127.0.0.1:{django}").replace("127.0.0.1:11211", f"127.0.0.1:{memcached}")


@pytest.fixture(scope="module")
def new(django, tmp_path_factory):
    front = Nginx(tmp_path_factory.mktemp("new"), documented(**django))
    yield front
    front.stop()


@pytest.fixture(autouse=True)
def empty(django):
    caches["default"].clear()


def from_nginx(front, target, *fields):
    """Whether nginx answers without asking Django, with the same page."""
    count = len(made)
    answer = ask(front.plain, target, fields=fields)
    assert answer.status == 200, answer.raw
    return len(made) == count, answer


def is_hit(front, target, *fields):
    is_at_once, first = from_nginx(front, target, *fields)
    assert not is_at_once
    hit, second = from_nginx(front, target, *fields)
    assert not hit or second.body == first.body
    assert not hit or second.get("Content-Type").startswith("text/html")
    return hit


@pytest.mark.parametrize("front", ["old", "new"])
def test_a_running_nginx_goes_on_hitting(front, request):
    front = request.getfixturevalue(front)
    assert is_hit(front, "/a/b/")
    cache.invalidate("site.test", "/a/b/")
    assert is_hit(front, "/a/b/")


@pytest.mark.parametrize("front", ["old", "new"])
def test_page_versions_are_found_by_the_cookie(front, request):
    front = request.getfixturevalue(front)
    first = ask(front.plain, "/device/", fields=["Cookie: device=phone"])
    assert first.get("Set-Cookie") == "pv=phone; Path=/"
    hit, second = from_nginx(front, "/device/", "Cookie: device=phone; pv=phone")
    assert hit and second.body == first.body
    hit, other = from_nginx(front, "/device/", "Cookie: device=desk; pv=desk")
    assert not hit and b"desk" in other.body


def test_pages_with_a_query_or_encoded_letters_are_found_by_the_new_one_only(old, new):
    for target in ("/list/?page=2", "/caf%C3%A9/", "/a%20b/?q=%C3%BC"):
        caches["default"].clear()
        assert not is_hit(old, target)
        caches["default"].clear()
        assert is_hit(new, target)
    caches["default"].clear()
    ask(new.plain, "/list/")
    # What was wrong in the old one: this is `/list/`.
    assert from_nginx(old, "/list/?page=2")[0]
    assert not from_nginx(new, "/list/?page=2")[0]


def test_only_the_whole_name_is_the_cookie(new):
    ask(new.plain, "/v/?as=x")
    assert not from_nginx(new, "/v/?as=x", "Cookie: xpv=x")[0]
    assert from_nginx(new, "/v/?as=x", "Cookie: a=b; pv=x")[0]


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
def test_other_methods_are_djangos(new, method):
    ask(new.plain, "/m/")
    count = len(made)
    ask(new.plain, "/m/", method=method, fields=["Content-Length: 0"])
    assert len(made) == count + (method != "GET")


def test_without_memcached_django_answers(django, tmp_path):
    front = Nginx(tmp_path, documented(django["django"], memcached=1))
    try:
        assert ask(front.plain, "/away/").status == 200
    finally:
        front.stop()
