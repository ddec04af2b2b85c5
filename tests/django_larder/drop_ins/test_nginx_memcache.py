"""Pages in a real Memcached, byte for byte as django-nginx-memcache laid them down, but for what was wrong with it."""

import asyncio
import hashlib
import socket
from io import StringIO

import django
import pytest
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.template import engines
from django.template.response import TemplateResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from django_larder._core import page_key
from django_larder.nginx_memcache import apps, cache, marks, records, signals
from django_larder.nginx_memcache.decorators import cache_page_nginx
from django_larder.nginx_memcache.models import CachedPageRecord
from programs import memcached, start_memcached

pytestmark = [pytest.mark.usefixtures("rows"), pytest.mark.skipif(not memcached, reason="memcached is not installed")]
HOST = "site.test"


@pytest.fixture(scope="module")
def program():
    program = start_memcached()
    yield program
    program.stop()


@pytest.fixture(autouse=True)
def settings(program):
    with configured(program):
        caches["default"].clear()
        yield


def configured(program, **more):
    pages = {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache", "LOCATION": f"127.0.0.1:{program.port}", "KEY_PREFIX": "ps"}
    base = {
        "CACHES": {"default": pages},
        "ROOT_URLCONF": __name__,
        "ALLOWED_HOSTS": ["*"],
        "CACHE_NGINX_USE_LOOKUP_TABLE": True,
    }
    return override_settings(**base | more)


def base_key(full_path, version="", host=HOST, cookie="pv"):
    return hashlib.md5(f"{host}{full_path}&{cookie}={version}".encode()).hexdigest()


def raw(program, key):
    """What Memcached has under a key: its flags, the seconds that are left (-1: for ever) and the bytes. None without."""
    with socket.create_connection(("127.0.0.1", program.port), 10) as connection:
        connection.sendall(f"mg {key} f t v\r\n".encode())
        file = connection.makefile("rb")
        first = file.readline().split()
        if first[0] == b"EN":
            return None
        body = file.read(int(first[1]))
        found = {part[:1]: part[1:] for part in first[2:]}
        return int(found[b"f"]), int(found[b"t"]), body


def page_of(program, full_path, version="", **more):
    return raw(program, f"ps:1:{base_key(full_path, version, **more)}")


def html(request, text="page"):
    return HttpResponse(f"<p>{text}</p>\n\n <p>{request.get_full_path()}</p>")


def version(request):
    return "authed" if request.user.is_authenticated else request.GET.get("version", "")


made = []
during = []


@cache_page_nginx
def bare(request):
    made.append(request.path)
    return html(request)


@cache_page_nginx(cache_timeout=60, page_version_fn=version)
def versions(request):
    return html(request, version(request))


@cache_page_nginx(anonymous_only=True)
def anonymous(request):
    return html(request)


@cache_page_nginx(lookup_identifier="shop", supplementary_identifier="news")
def listed(request):
    while during:
        during.pop()()
    return html(request)


@cache_page_nginx(lookup_identifier="shop")
def listed_too(request):
    return html(request)


@cache_page_nginx
def odd(request):
    kind = request.GET.get("kind")
    response = html(request)
    if kind == "stream":
        return StreamingHttpResponse([b"a"])
    if kind == "status":
        response.status_code = 203
    elif kind == "cookie":
        response.set_cookie("theme", "dark")
    elif kind == "field":
        response.headers["Set-Cookie"] = "a=b"
    elif kind == "session":
        request.session["cart"] = [1]
    elif kind == "reads-session":
        response.write(str(request.session.get("cart")))
    elif kind == "token":
        response.write(get_token(request))
    elif kind == "form":
        response.write('<input type="hidden" name="csrfmiddlewaretoken" value="%s">' % ("a" * 64))
    elif kind == "say":
        messages.info(request, "well done")
        response.write(engines["django"].from_string("{% for one in messages %}[{{ one }}]{% endfor %}").render({}, request))
    elif kind == "nonce":
        request._csp_nonce = "x"
    elif kind == "large":
        response.content = b"x" * (2 << 20)
    for name in ("Cache-Control", "Vary", "Content-Type", "Content-Encoding"):
        if name in request.GET:
            response[name] = request.GET[name]
    return response


@cache_page_nginx
def template(request):
    return TemplateResponse(request, engines["django"].from_string("<p>{{ word }}</p>"), {"word": "rendered"})


@cache_page_nginx(cache_timeout=60)
async def later(request):
    return html(request, "later")


@method_decorator(cache_page_nginx(cache_timeout=60, lookup_identifier="classes"), name="dispatch")
class Page(View):
    def get(self, request, number):
        return html(request, number)


class Later(View):
    @method_decorator(cache_page_nginx)
    async def get(self, request):
        return html(request, "later, too")


urlpatterns = [
    path("", bare),
    path("class/<int:number>/", Page.as_view()),
    path("later/class/", Later.as_view()),
    path("bare/", bare),
    path("é/", bare),
    path("versions/", versions),
    path("anonymous/", anonymous),
    path("listed/", listed),
    path("listed/too/", listed_too),
    path("odd/", odd),
    path("template/", template),
    path("later/", later),
]


@pytest.fixture
def client():
    return Client(HTTP_HOST=HOST)


@pytest.fixture
def alice():
    return User.objects.create_user("alice", password="secret")


# ---- byte for byte --------------------------------------------------------------------------------------------------


def test_keys_are_those_that_nginx_asks_for():
    assert cache.get_cache_key("example1.com", "/") == "099af28184a42902e921c1b4c5d9db8b"
    cases = [("a.test:8000", "/%C3%A9/?a=b&c=%20", "authed", "pv"), ("a", "/", 7, "version"), ("a", "/", "ü", "pv")]
    for host, full_path, page_version, cookie in cases:
        assert cache.get_cache_key(host, full_path, page_version, cookie) == base_key(full_path, page_version, host, cookie)
    with override_settings(CACHE_NGINX_COOKIE="version"):
        assert cache.get_cache_key("a", "/") == base_key("/", "", "a", "version")


def test_larder_publishes_under_the_same_keys():
    for target in ("/", "/a/?b=c", "/caf%C3%A9/"):
        for page_version in ("", "mobile"):
            published = page_key("django-nginx-memcache", "ps", "1", "pv", "https", HOST, target, page_version)
            assert published == caches["default"].make_key(cache.get_cache_key(HOST, target, page_version))


@pytest.mark.parametrize("full_path", ["/", "/bare/", "/bare/?a=b&c=d", "/bare/?q=%C3%A9", "/%C3%A9/"])
def test_a_page_lies_where_nginx_looks_with_flags_0(program, client, full_path):
    response = client.get(full_path)
    flags, left, body = page_of(program, full_path)
    assert flags == 0 and 86390 < left <= 86400 and body == response.content
    assert not response.cookies


def test_hosts_and_ports_are_pages_of_their_own(program):
    Client(HTTP_HOST="other.test:8000").get("/bare/")
    assert page_of(program, "/bare/", host="other.test:8000") and not page_of(program, "/bare/", host="other.test")


@pytest.mark.parametrize("timeout, expected", [(60, 60), (None, -1), (0, None), (-1, None), (40 * 86400, 40 * 86400)])
def test_lifetimes(program, client, timeout, expected):
    with override_settings(CACHE_NGINX_TIME=timeout):
        client.get("/bare/")
    found = page_of(program, "/bare/")
    # Beyond thirty days Django says when, and Memcached's clock goes by the second.
    assert (found is None) if expected is None else abs(found[1] - expected) <= 2


def test_without_a_prefix_and_with_a_version(program, client):
    location = f"127.0.0.1:{program.port}"
    pages = {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache", "LOCATION": location}
    with configured(program, CACHES={"default": pages, "other": pages | {"VERSION": 3, "KEY_PREFIX": "x"}}):
        client.get("/bare/")
        assert raw(program, f":1:{base_key('/bare/')}")
        # Not `None:1:`.
        assert CachedPageRecord.objects.get().memcached_key == f":1:{base_key('/bare/')}"
        with override_settings(CACHE_NGINX_ALIAS="other"):
            client.get("/bare/")
            assert raw(program, f"x:3:{base_key('/bare/')}")
            assert CachedPageRecord.objects.get().memcached_key == f"x:3:{base_key('/bare/')}"


def test_versions_are_pages_and_a_cookie(program, client):
    response = client.get("/versions/?version=mobile")
    cookie = response.cookies["pv"]
    assert cookie.OutputString() == "pv=mobile; Path=/"
    assert page_of(program, "/versions/?version=mobile", "mobile")[2] == response.content
    assert page_of(program, "/versions/?version=mobile", "mobile")[1] <= 60
    assert not page_of(program, "/versions/?version=mobile")
    with override_settings(CACHE_NGINX_COOKIE="edition"):
        assert client.get("/versions/?version=mobile").cookies["edition"].value == "mobile"
        assert page_of(program, "/versions/?version=mobile", "mobile", cookie="edition")


def test_bare_or_called_sync_or_async_and_templates(program, client):
    client.get("/template/")
    assert page_of(program, "/template/")[2] == b"<p>rendered</p>"
    response = asyncio.run(AsyncClient().get("/later/"))
    assert page_of(program, "/later/", host="testserver")[2] == response.content
    assert client.get("/later/").status_code == 200
    client.get("/class/3/")
    assert page_of(program, "/class/3/")[1] <= 60
    assert CachedPageRecord.objects.filter(parent_identifier="classes").exists()
    if django.VERSION >= (5,):
        # Before, method_decorator makes no asynchronous methods of asynchronous ones.
        assert b"later, too" in client.get("/later/class/").content
        assert b"later, too" in page_of(program, "/later/class/")[2]
    assert bare.__name__ == "bare" and cache_page_nginx()(html).__name__ == "html"


@pytest.mark.parametrize("method", ["head", "post"])
def test_only_gets_are_stored(program, client, method):
    getattr(client, method)("/bare/")
    assert not page_of(program, "/bare/")


def test_it_can_be_turned_off(program, client):
    with override_settings(CACHE_NGINX=False):
        assert client.get("/bare/").status_code == 200
    assert not page_of(program, "/bare/")


@pytest.mark.parametrize(
    "fields, is_stored",
    [
        ({}, True),
        ({"wsgi.url_scheme": "https"}, False),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, False),
        ({"HTTP_X_FORWARDED_PROTO": "HTTPS"}, False),
        ({"HTTP_X_FORWARDED_SSL": "ON"}, False),
        ({"HTTP_X_FORWARDED_PROTO": "http"}, True),
        ({"HTTP_X_SCHEME": "tls"}, True),
    ],
)
def test_https_can_be_left_out(program, client, fields, is_stored):
    client.get("/bare/", **fields)
    assert page_of(program, "/bare/")
    caches["default"].clear()
    with override_settings(CACHE_NGINX_INCLUDE_HTTPS=False):
        client.get("/bare/", **fields)
        assert bool(page_of(program, "/bare/")) is is_stored
        with override_settings(CACHE_NGINX_ALTERNATIVE_SSL_HEADERS=[("X-Scheme", "TLS")]):
            caches["default"].clear()
            client.get("/bare/", **fields)
            assert bool(page_of(program, "/bare/")) is (fields.get("HTTP_X_SCHEME") is None and "wsgi.url_scheme" not in fields)


def test_pages_for_the_anonymous_only(program, client, alice):
    client.get("/anonymous/")
    assert page_of(program, "/anonymous/")
    caches["default"].clear()
    client.force_login(alice)
    with override_settings(CACHE_NGINX_DANGER_SESSION_PAGES=True):
        client.get("/anonymous/")
    assert not page_of(program, "/anonymous/")


def test_minified_pages_are_what_the_visitor_gets(program, client):
    with override_settings(CACHE_MINIFY_HTML=True):
        response = client.get("/bare/")
    assert response.content == b"<p>page</p>\n<p>/bare/</p>"
    assert page_of(program, "/bare/")[2] == response.content


def test_by_hand(program):
    request = RequestFactory().get("/by-hand/?a=b", HTTP_HOST=HOST)
    response = HttpResponse("by hand")
    cache.cache_response(request, response, 60, "edition", lambda request: "x", "shop", "news")
    assert page_of(program, "/by-hand/?a=b", "x", cookie="edition")[2] == b"by hand"
    assert response.cookies["edition"].value == "x"
    record = CachedPageRecord.objects.get()
    assert (record.parent_identifier, record.supplementary_identifier) == ("shop", "news")
    cache.invalidate_from_request(request, "x", "edition")
    assert not page_of(program, "/by-hand/?a=b", "x", cookie="edition") and not CachedPageRecord.objects.exists()


# ---- what is one visitor's ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        *(f"kind={kind}" for kind in ("stream", "status", "cookie", "field", "session", "token", "form", "say", "nonce")),
        "Cache-Control=Private",
        "Cache-Control=max-age=60,%20NO-STORE",
        "Cache-Control=no-cache",
        'Cache-Control=private="a"',
        "Cache-Control=max-age=%2200%22",
        "Vary=*",
        "Vary=Accept-Encoding,%20Accept-Language",
        "Vary=Cookie",
        "Content-Type=application/json",
        "Content-Type=",
        "Content-Encoding=gzip",
    ],
)
def test_what_is_one_visitors_or_more_than_a_body_is_not_stored(program, client, query):
    full_path = f"/odd/?{query}"
    response = client.get(full_path)
    assert response.status_code in (200, 203)
    request = RequestFactory().get(full_path)
    assert not page_of(program, request.get_full_path()) and not CachedPageRecord.objects.exists()


def test_what_is_everybodys_is_stored(program, client):
    for query in ("", "kind=reads-session", "Cache-Control=max-age=60", "Vary=Accept-Encoding", "Content-Type=text/HTML;%20charset=utf-8"):
        full_path = RequestFactory().get(f"/odd/?{query}").get_full_path()
        client.get(f"/odd/?{query}")
        assert page_of(program, full_path), query


PARTICULAR = {
    "HTTP_AUTHORIZATION": "Basic x",
    "HTTP_X_REQUESTED_WITH": "XMLHttpRequest",
    "HTTP_HX_REQUEST": "true",
    "HTTP_LARDER_IDENTITY": "class=authenticated",
}


@pytest.mark.parametrize("fields", [{name: value} for name, value in PARTICULAR.items()], ids=PARTICULAR)
def test_answers_to_particular_requests_are_not_stored(program, client, fields):
    client.get("/bare/", **fields)
    assert not page_of(program, "/bare/")


def test_other_types_can_be_allowed(program, client):
    with override_settings(CACHE_NGINX_CONTENT_TYPES=["text/html", "application/json"]):
        client.get("/odd/?Content-Type=application/json")
    assert page_of(program, "/odd/?Content-Type=application/json")


def test_a_page_with_something_of_a_session_in_it_is_not_stored_unless_it_is_said_otherwise(program, client, alice):
    client.force_login(alice)
    client.get("/odd/?kind=reads-session")
    assert not page_of(program, "/odd/?kind=reads-session")
    response = client.get("/versions/")
    # nginx then asks for a version that is not there, and the visitor gets their own.
    assert response.cookies["pv"].value == "authed" and not page_of(program, "/versions/", "authed")
    # A view that has not looked at the session has made everybody's page.
    client.get("/bare/")
    assert page_of(program, "/bare/")
    with override_settings(CACHE_NGINX_DANGER_SESSION_PAGES=True):
        client.get("/versions/")
    assert page_of(program, "/versions/", "authed")


def test_the_version_of_one_who_logged_out_is_taken_away(program, client):
    client.cookies["pv"] = "authed"
    response = client.get("/versions/")
    assert response.cookies["pv"]["max-age"] == 0
    assert not client.get("/bare/").cookies


def test_a_user_who_is_known_without_a_session_counts(program):
    request = RequestFactory().get("/by-token/", HTTP_HOST=HOST)
    request.user = User(username="x")
    cache.cache_response(request, HttpResponse("x"))
    assert not page_of(program, "/by-token/")
    request.user = AnonymousUser()
    cache.cache_response(request, HttpResponse("x"))
    assert page_of(program, "/by-token/")


def test_a_language_of_the_visitors_is_not_everybodys(program, client):
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
    ]
    with override_settings(MIDDLEWARE=middleware):
        client.get("/bare/", HTTP_ACCEPT_LANGUAGE="de")
        assert not page_of(program, "/bare/")
        client.get("/bare/", HTTP_ACCEPT_LANGUAGE="en")
        assert page_of(program, "/bare/")


# ---- taking pages away ----------------------------------------------------------------------------------------------


def test_one_page_and_its_row(program, client):
    client.get("/bare/")
    client.get("/bare/?a=b")
    client.get("/versions/?version=m")
    cache.invalidate(HOST, "/bare/")
    assert not page_of(program, "/bare/") and page_of(program, "/bare/?a=b")
    assert set(CachedPageRecord.objects.values_list("pk", flat=True)) == {base_key("/bare/?a=b"), base_key("/versions/?version=m", "m")}
    signals.invalidate_single_page.send(sender=None, request_host=HOST, request_path="/versions/?version=m", page_version="m")
    assert not page_of(program, "/versions/?version=m", "m")


def test_by_identifier_with_all_that_is_below_it(program, client):
    for full_path in ("/listed/", "/listed/?a=b", "/listed/too/", "/bare/"):
        client.get(full_path)
    signals.invalidate_many_pages.send(sender=None, lookup_identifier="shop", supplementary_identifier="news")
    assert [bool(page_of(program, one)) for one in ("/listed/", "/listed/?a=b", "/listed/too/", "/bare/")] == [False, False, True, True]
    cache.bulk_invalidate("nobody")
    cache.bulk_invalidate("shop")
    assert [bool(page_of(program, one)) for one in ("/listed/too/", "/bare/")] == [False, True]
    # Without an identifier, the host is what a page belongs to.
    assert CachedPageRecord.objects.get().parent_identifier == HOST
    cache.bulk_invalidate(HOST)
    assert not page_of(program, "/bare/") and not CachedPageRecord.objects.exists()


def test_many_pages_are_taken_away_in_portions(program):
    count = records.PORTION * 2 + 3
    CachedPageRecord.objects.bulk_create(CachedPageRecord(base_cache_key=f"{n:032x}", parent_identifier="many") for n in range(count))
    caches["default"].set_many({f"{n:032x}": b"x" for n in range(count)})
    cache.bulk_invalidate("many")
    assert not CachedPageRecord.objects.exists()
    assert not caches["default"].get_many([f"{n:032x}" for n in range(count)])


def test_a_page_stored_again_belongs_to_what_it_was_last_stored_for(program):
    request = RequestFactory().get("/moved/", HTTP_HOST=HOST)
    for parent in ("one", "other"):
        cache.cache_response(request, HttpResponse(parent), lookup_identifier=parent)
    cache.bulk_invalidate("one")
    assert page_of(program, "/moved/")[2] == b"other"
    cache.bulk_invalidate("other")
    assert not page_of(program, "/moved/")


def test_without_the_table_single_pages_can_be_taken_away(program, client):
    with override_settings(CACHE_NGINX_USE_LOOKUP_TABLE=False):
        client.get("/bare/")
        assert not CachedPageRecord.objects.exists()
        cache.invalidate(HOST, "/bare/")
        cache.bulk_invalidate(HOST)
    assert not page_of(program, "/bare/")


def test_what_is_taken_away_while_a_page_is_made_is_not_laid_down_again(program, client):
    for order in (
        lambda: cache.invalidate(HOST, "/listed/"),
        lambda: cache.bulk_invalidate("shop"),
        lambda: cache.bulk_invalidate("shop", "news"),
    ):
        during.append(order)
        client.get("/listed/")
        assert not page_of(program, "/listed/") and not CachedPageRecord.objects.exists()
        client.get("/listed/")
        assert page_of(program, "/listed/") and CachedPageRecord.objects.count() == 1
    during.append(lambda: cache.bulk_invalidate("shop", "others"))
    cache.bulk_invalidate("shop")
    client.get("/listed/")
    assert page_of(program, "/listed/")


@pytest.mark.parametrize("moment", ["before the page", "after the page"])
def test_taken_away_between_row_and_page(program, client, monkeypatch, moment):
    remember, read = records.remember, marks.read
    calls = []

    def remembering(*arguments):
        remember(*arguments)
        if moment == "before the page":
            cache.bulk_invalidate("shop")

    def reading(names):
        calls.append(names)
        if moment == "after the page" and len(calls) == 3:
            cache.bulk_invalidate("shop")
        return read(names)

    monkeypatch.setattr(records, "remember", remembering)
    monkeypatch.setattr(marks, "read", reading)
    client.get("/listed/")
    assert not page_of(program, "/listed/") and not CachedPageRecord.objects.exists()


def test_a_row_that_was_written_anew_meanwhile_stays(client):
    client.get("/bare/")
    seen = records.of_keys([base_key("/bare/")])
    client.get("/bare/")
    records.forget(seen)
    assert CachedPageRecord.objects.count() == 1
    records.forget(records.of_keys([base_key("/bare/")]))
    assert not CachedPageRecord.objects.exists()


def test_in_a_transaction_it_happens_when_that_is_committed(program, client):
    client.get("/bare/")
    with transaction.atomic():
        with transaction.atomic():
            cache.invalidate(HOST, "/bare/")
        assert page_of(program, "/bare/")
    assert not page_of(program, "/bare/")
    client.get("/bare/")
    with pytest.raises(KeyError), transaction.atomic():
        cache.bulk_invalidate(HOST)
        raise KeyError
    assert page_of(program, "/bare/")


def test_a_page_made_in_a_transaction_is_stored_when_that_is_committed(program):
    request = RequestFactory().get("/made/", HTTP_HOST=HOST)
    with transaction.atomic():
        cache.cache_response(request, HttpResponse("made"))
        assert not page_of(program, "/made/")
    assert page_of(program, "/made/")[2] == b"made"
    with pytest.raises(KeyError), transaction.atomic():
        cache.cache_response(request, HttpResponse("not committed"))
        raise KeyError
    assert page_of(program, "/made/")[2] == b"made"


# ---- failures -------------------------------------------------------------------------------------------------------


def test_a_page_that_is_too_large_leaves_neither_itself_nor_an_older_one_nor_a_row(program, client):
    key = base_key("/odd/?kind=large")
    caches["default"].set(key, b"older")
    records.remember(key, HOST, None, "f", 60)
    response = client.get("/odd/?kind=large")
    assert response.status_code == 200 and len(response.content) == 2 << 20
    assert not page_of(program, "/odd/?kind=large") and not CachedPageRecord.objects.exists()


def test_without_memcached_there_are_still_pages(client):
    away = {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache", "LOCATION": "127.0.0.1:1"}
    with override_settings(CACHES={"default": away}):
        assert client.get("/bare/").status_code == 200
        assert not CachedPageRecord.objects.exists()
        with pytest.raises(OSError):
            cache.invalidate(HOST, "/bare/")


def test_a_page_that_could_not_be_written_down_is_not_stored(program, client, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("no database")

    monkeypatch.setattr(records, "remember", broken)
    assert client.get("/bare/").status_code == 200
    assert not page_of(program, "/bare/")


# ---- rows that leave ------------------------------------------------------------------------------------------------


def test_rows_leave_when_their_pages_have_ended(program, client, monkeypatch):
    old = {"parent_identifier": HOST}
    CachedPageRecord.objects.create(base_cache_key=base_key("/bare/"), **old)
    CachedPageRecord.objects.create(base_cache_key="0" * 32, **old)
    caches["default"].set(base_key("/bare/"), b"an older one")
    with override_settings(CACHE_NGINX_TIME=1):
        client.get("/odd/")
    records.remember("1" * 32, HOST, None, "ended", -120)
    said = StringIO()
    call_command("nginx_memcache_prune", stdout=said)
    assert said.getvalue().startswith("1 rows of pages that have ended, 1 of pages that are not")
    assert set(CachedPageRecord.objects.values_list("pk", flat=True)) == {base_key("/bare/"), base_key("/odd/")}
    records.remember("1" * 32, HOST, None, "ended", -120)
    from django_larder.nginx_memcache import fill

    monkeypatch.setattr(fill, "PRUNE_ONE_IN", 1)
    client.get("/bare/")
    assert not CachedPageRecord.objects.filter(pk="1" * 32).exists()


def test_a_table_of_the_old_package_is_taken_over():
    table = CachedPageRecord._meta.db_table
    assert table == "nginx_memcache_cachedpagerecord"
    call_command("migrate", "nginx_memcache", "zero", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            f'CREATE TABLE "{table}" ("base_cache_key" varchar(32) NOT NULL PRIMARY KEY, '
            '"parent_identifier" varchar(255) NOT NULL, "supplementary_identifier" varchar(45) NULL)'
        )
        cursor.execute(f"INSERT INTO \"{table}\" VALUES ('{'a' * 32}', 'shop', NULL)")
    call_command("migrate", "nginx_memcache", fake_initial=True, verbosity=0)
    caches["default"].set("a" * 32, b"x")
    assert CachedPageRecord.objects.get().parent_identifier == "shop"
    with connection.cursor() as cursor:
        # As the old package writes.
        cursor.execute(
            f"INSERT INTO \"{table}\" (base_cache_key, parent_identifier, supplementary_identifier) VALUES ('{'b' * 32}', 'shop', 'x')"
        )
    cache.bulk_invalidate("shop")
    assert not CachedPageRecord.objects.exists() and not caches["default"].get("a" * 32)


def test_there_is_no_migration_missing():
    call_command("makemigrations", "nginx_memcache", check=True, dry_run=True, verbosity=0)


# ---- admin ----------------------------------------------------------------------------------------------------------




def test_the_admin_finds_and_purges_and_edits_nothing(program, client, alice):
    client.get("/bare/")
    client.get("/listed/")
    alice.is_staff = True
    alice.save()
    browser = Client(HTTP_HOST=HOST)
    browser.force_login(alice)
    listing = "/admin/nginx_memcache/cachedpagerecord/"
    with override_settings(ROOT_URLCONF="urls_of_tests"):
        assert browser.get(listing).status_code == 403
        for name in ("view", "change", "add"):
            alice.user_permissions.add(Permission.objects.get(codename=f"{name}_cachedpagerecord"))
        page = browser.get(listing, {"q": "shop"}).content.decode()
        assert base_key("/listed/") in page and base_key("/bare/") not in page and "purge" not in page
        one = browser.get(f"{listing}{base_key('/listed/')}/change/").content.decode()
        assert f"ps:1:{base_key('/listed/')}" in one and "<input type=\"submit\"" not in one
        assert browser.get(f"{listing}add/").status_code == 403
        assert browser.post(f"{listing}{base_key('/listed/')}/delete/", {"post": "yes"}).status_code == 403
        order = {"action": "purge", "_selected_action": [base_key("/listed/")]}
        browser.post(listing, order)
        assert page_of(program, "/listed/")
        alice.user_permissions.add(Permission.objects.get(codename="delete_cachedpagerecord"))
        assert b"1 page purged." in browser.post(listing, order, follow=True).content
    assert not page_of(program, "/listed/") and page_of(program, "/bare/")
    assert CachedPageRecord.objects.count() == 1


# ---- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("CACHE_NGINX_TIME", "60", "whole number of seconds"),
        ("CACHE_NGINX_ALIAS", "pages", '"default"'),
        ("CACHE_NGINX_COOKIE", "", '"pv"'),
        ("CACHE_NGINX_ALTERNATIVE_SSL_HEADERS", ("X-Forwarded-Proto", "https"), "comma"),
        ("CACHE_NGINX_CONTENT_TYPES", "text/html", "list"),
    ],
)
def test_wrong_settings_come_with_the_remedy(name, value, said):
    with override_settings(**{name: value}):
        found = apps.check_settings(None)
        assert [one.id for one in found] == ["nginx_memcache.E001"] and name in found[0].msg and said in found[0].msg


def test_a_cache_that_nginx_does_not_read_is_warned_of():
    assert apps.check_settings(None) == []
    with override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}):
        assert [one.id for one in apps.check_settings(None)] == ["nginx_memcache.W001"]


def test_wrong_uses_of_the_decorator_are_told_at_once(client):
    with pytest.raises(TypeError, match="cache_timeout=60"):
        cache_page_nginx(60)
    with pytest.raises(ImproperlyConfigured, match="cache_timeout"):
        cache_page_nginx(cache_timeout="60")
    with override_settings(MIDDLEWARE=[]), pytest.raises(ImproperlyConfigured, match="AuthenticationMiddleware"):
        client.get("/anonymous/")

