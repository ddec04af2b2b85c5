"""Headers by policy, against what django-cache-headers wrote, byte for byte, but for what was wrong with it."""

import asyncio
import re

import pytest
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.template import engines
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import re_path

from django_larder.cache_headers import apps, conf, policies

pytestmark = pytest.mark.usefixtures("rows")
OURS = "django_larder.cache_headers.middleware.CacheHeadersMiddleware"
INNER = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TIMEOUTS = {
    "all-users": {600: ("^/all/", "/un.nchored"), 0: ("^/all/zero/",)},
    "anonymous-only": {300: ("^/anonymous/",)},
    "anonymous-and-authenticated": {200: ("^/class/",)},
    "per-user": {100: ("^/mine/", r"^/all/\d+/mine/")},
    "own": {50: ("^/own/",)},
}


def own(request, response, user, age):
    response["X-Own"] = f"{user.is_authenticated} {age}"


def settings(**more):
    base = {"policies": {"own": own}, "timeouts": TIMEOUTS} | {name.replace("_", "-"): value for name, value in more.items()}
    return override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[OURS, *INNER], CACHE_HEADERS=base)


SHARED = settings(danger_shared_policies=["per-user", "anonymous-and-authenticated"])


def page(request, said=""):
    response = HttpResponse(f"<p>{request.path}</p>")
    if "status" in request.GET:
        response.status_code = int(request.GET["status"])
    for name in ("Vary", "Cache-Control", "Last-Modified", "ETag"):
        if name in request.GET:
            response[name] = request.GET[name]
    if "cookie" in request.GET:
        response.set_cookie("theme", "dark")
    if "token" in request.GET:
        response.write(get_token(request))
    if "who" in request.GET:
        response.write(str(request.user))
    if "say" in request.GET:
        messages.info(request, "well done")
    if "show" in request.GET:
        response.write(engines["django"].from_string("{% for one in messages %}[{{ one }}]{% endfor %}").render({}, request))
    if "field" in request.GET:
        response.headers["Set-Cookie"] = "a=b"
    return response


def stream(request):
    return StreamingHttpResponse([b"one", b"two"])


def enter(request):
    login(request, User.objects.get(username="alice"))
    if "browser" in request.GET:
        request.session.set_expiry(0)
    return HttpResponse("in", status=int(request.GET.get("status", 200)))


def leave(request):
    logout(request)
    return HttpResponse("out")


def nobody(request):
    request.user = None
    return HttpResponse("nobody")


urlpatterns = [
    re_path("^all/stream/", stream),
    re_path("^all/nobody/", nobody),
    re_path("^enter/", enter),
    re_path("^leave/", leave),
    re_path("", page),
]


@pytest.fixture
def alice():
    return User.objects.create_user("alice", password="secret")


def by(client):
    """Asks through WSGI's handler, or through ASGI's."""
    if isinstance(client, AsyncClient):
        return lambda *arguments, **options: asyncio.run(client.get(*arguments, **options))
    return client.get


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def visitor(request):
    return request.param()


@pytest.fixture
def member(visitor, alice):
    visitor.force_login(alice)
    visitor.cookies["isauthenticated"] = "1"
    return visitor


def written(response):
    names = ("Cache-Control", "X-Accel-Expires", "X-Hash-Cookies", "Vary")
    return tuple(response.get(name) for name in names)


NOTHING = "no-cache", None, None, None
VARY = "Accept-Encoding,Cookie"
TABLE = [
    ("/all/", ("max-age=5, s-maxage=600", "600", "messages", VARY), ("max-age=5, s-maxage=600", "600", "messages", VARY)),
    (
        "/anonymous/",
        ("max-age=5, s-maxage=300", "300", "messages|isauthenticated", VARY),
        ("no-cache", None, "messages|isauthenticated", VARY),
    ),
    (
        "/class/",
        ("max-age=5, s-maxage=200", "200", "messages|isauthenticated", VARY),
        ("max-age=5, s-maxage=200", "200", "messages|isauthenticated", VARY),
    ),
    (
        "/mine/",
        ("max-age=5, s-maxage=100", "100", "messages|sessionid", VARY),
        ("max-age=5, s-maxage=100", "100", "messages|sessionid", VARY),
    ),
    ("/all/zero/", NOTHING, NOTHING),
    ("/elsewhere/", NOTHING, NOTHING),
    ("/own/", NOTHING, NOTHING),
]


@pytest.mark.parametrize("path, anonymous, authenticated", TABLE)
@SHARED
def test_each_policy_writes_what_it_wrote(path, anonymous, authenticated, visitor, alice):
    assert written(by(visitor)(path)) == anonymous
    visitor.force_login(alice)
    visitor.cookies["isauthenticated"] = "1"
    assert written(by(visitor)(path)) == authenticated


@pytest.mark.parametrize("path, control", [("/class/", "private, max-age=5"), ("/mine/", "private, max-age=5"), ("/all/", "max-age=5, s-maxage=600")])
@settings()
def test_what_is_not_for_everybody_is_private_unless_it_is_said_otherwise(path, control, visitor, alice):
    assert "s-maxage" in by(visitor)(path)["Cache-Control"]
    visitor.force_login(alice)
    response = by(visitor)(path)
    assert response["Cache-Control"] == control
    assert response.get("X-Accel-Expires") == (None if "private" in control else "600")
    assert response["Vary"] == VARY


@settings()
def test_an_anonymous_session_has_pages_of_its_own_under_per_user(visitor):
    visitor.cookies["sessionid"] = "x" * 32
    assert by(visitor)("/mine/")["Cache-Control"] == "private, max-age=5"


@settings()
def test_a_policy_of_the_sites_own_comes_on_top_of_no_cache(visitor, alice):
    assert by(visitor)("/own/")["X-Own"] == "False 50"
    visitor.force_login(alice)
    response = by(visitor)("/own/")
    assert response["X-Own"] == "True 50" and response["Cache-Control"] == "no-cache"


async def later(request, response, user, age):
    response["Cache-Control"] = f"max-age={age}"


def test_a_policy_may_be_async_or_ask_the_database(alice):
    def counting(request, response, user, age):
        response["X-Users"] = str(User.objects.count())

    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[OURS, *INNER],
        CACHE_HEADERS={"policies": {"later": later, "counting": counting}, "timeouts": {"later": {7: ("/a",)}, "counting": {7: ("/b",)}}},
    ):
        assert Client().get("/a")["Cache-Control"] == "max-age=7"
        get = by(AsyncClient())
        assert get("/a")["Cache-Control"] == "max-age=7"
        assert get("/b")["X-Users"] == "1"


@settings()
def test_what_is_left_as_it_is(visitor):
    get = by(visitor)
    assert written(get("/all/?Cache-Control=max-age%3D1")) == ("max-age=1", None, None, None)
    assert written(get("/all/?status=404")) == (None, None, None, None)
    assert written(get("/all/nobody/")) == (None, None, None, None)
    with override_settings(DEBUG=True):
        assert written(get("/all/")) == (None, None, None, None)


@settings()
def test_without_the_authentication_of_django_nothing_is_written():
    with override_settings(MIDDLEWARE=[OURS]):
        assert written(Client().get("/all/")) == (None, None, None, None)


@settings()
def test_methods():
    client = Client()
    assert written(client.head("/all/"))[0] == "max-age=5, s-maxage=600"
    assert written(client.post("/all/")) == NOTHING


@settings()
def test_a_streamed_page_is_treated_as_others():
    response = Client().get("/all/stream/")
    assert written(response)[0] == "max-age=5, s-maxage=600"
    assert b"".join(response.streaming_content) == b"onetwo" and "ETag" not in response


@pytest.mark.parametrize(
    "path, control",
    [
        ("/all/7/mine/", "s-maxage=100"),
        ("/all/x/mine/", "s-maxage=600"),
        ("/un-nchored", "s-maxage=600"),
        ("/a/un-nchored", "no-cache"),
        ("/elsewhere/?a=/all/", "no-cache"),
        ("/anonymous/?", "s-maxage=300"),
    ],
)
@settings()
def test_the_longest_expression_wins_and_holds_from_the_beginning(path, control, visitor):
    assert control in by(visitor)(path)["Cache-Control"]


def test_expressions_of_one_length_keep_their_order():
    timeouts = {"per-user": {10: ("^/a", "^/b")}, "all-users": {20: ("^/.", "^/b")}}
    with override_settings(CACHE_HEADERS={"timeouts": timeouts}):
        rules = conf.read()
        assert [(rule.source, rule.age) for rule in rules] == [("^/a", 10), ("^/b", 10), ("^/.", 20), ("^/b", 20)]
        assert conf.find(rules, "/b").age == 10


def test_the_query_and_encoded_letters_are_part_of_what_is_matched():
    with override_settings(
        ROOT_URLCONF=__name__, MIDDLEWARE=[OURS, *INNER], CACHE_HEADERS={"timeouts": {"all-users": {9: (r"^/%C3%A9\?page=\d+$",)}}}
    ):
        assert "s-maxage=9" in Client().get("/é?page=2")["Cache-Control"]
        assert Client().get("/é")["Cache-Control"] == "no-cache"


@settings(browser_cache_seconds=0)
def test_browser_cache_seconds(visitor):
    assert by(visitor)("/all/")["Cache-Control"] == "max-age=0, s-maxage=600"


# ---- what was wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["cookie=1", "token=1", "field=1", "say=1", "Vary=*"])
@settings()
def test_what_is_one_visitors_is_kept_by_nobody(query, visitor):
    response = by(visitor)(f"/all/?{query}")
    assert response["Cache-Control"] == "no-cache" and "X-Accel-Expires" not in response


@settings()
def test_a_token_is_one_visitors_where_it_is_in_the_session_too(visitor):
    with override_settings(CSRF_USE_SESSIONS=True):
        assert by(visitor)("/all/?token=1")["Cache-Control"] == "no-cache"
        assert by(visitor)("/all/?token=1")["Cache-Control"] == "no-cache"


@settings()
def test_an_answer_to_authorization_is_kept_by_nobody():
    assert Client().get("/all/", HTTP_AUTHORIZATION="Token 1")["Cache-Control"] == "no-cache"


@settings()
def test_vary_of_the_view_stays(visitor):
    assert by(visitor)("/all/?Vary=Accept-Language,%20cookie,HX-Request")["Vary"] == "Accept-Encoding,Cookie,Accept-Language,HX-Request"


@settings()
def test_a_forged_session_is_taken_away_and_its_page_kept_by_nobody(visitor, alice):
    for forged in ("123", "12345678"):
        visitor.cookies["sessionid"] = forged
        response = by(visitor)("/all/?who=1")
        assert response.status_code == 200 and response["Cache-Control"] == "no-cache"
        assert response.cookies["sessionid"].value == ""


@settings()
def test_validators_say_whether_the_page_has_changed(visitor):
    get = by(visitor)
    one, same, other = get("/all/"), get("/all/"), get("/all/other")
    assert one["ETag"] == same["ETag"] != other["ETag"] and re.fullmatch('"[0-9a-f]{32}"', one["ETag"])
    assert "Last-Modified" not in one
    assert get("/all/?ETag=%22mine%22")["ETag"] == '"mine"'
    said = get("/all/?Last-Modified=Sun,%2006%20Nov%201994%2008:49:37%20GMT")
    assert said["Last-Modified"] == "Sun, 06 Nov 1994 08:49:37 GMT" and "ETag" not in said
    assert "ETag" not in get("/elsewhere/")


@settings()
def test_who_the_visitor_is_is_asked_only_where_it_matters(alice):
    client = Client()
    client.force_login(alice)
    for path, count in [("/all/?Cache-Control=max-age%3D1", 0), ("/all/?status=404", 0), ("/all/", 2)]:
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        assert len(queries) == count, path


@settings()
def test_nothing_is_remembered_in_the_sites_cache(visitor):
    from django.core.cache import cache

    cache.clear()
    by(visitor)("/all/")
    assert not cache._cache


# ---- isauthenticated ------------------------------------------------------------------------------------------------


@settings()
def test_login_sets_the_cookie_as_long_as_the_session(alice):
    response = Client().get("/enter/?status=302")
    cookie = response.cookies["isauthenticated"]
    assert cookie.value == "1" and cookie["path"] == "/" and cookie["max-age"] == response.cookies["sessionid"]["max-age"]
    assert cookie["expires"] and not cookie["secure"] and not cookie["httponly"] and not cookie["samesite"]
    assert "Cache-Control" not in response
    assert Client().get("/enter/")["Cache-Control"] == "no-cache"


@settings()
def test_a_login_until_the_browser_is_closed(alice):
    cookie = Client().get("/enter/?browser=1").cookies["isauthenticated"]
    assert cookie.value == "1" and not cookie["expires"] and not cookie["max-age"]


@settings()
def test_logout_deletes_it(member):
    response = by(member)("/leave/")
    cookie = response.cookies["isauthenticated"]
    assert (cookie.value, cookie["max-age"], cookie["expires"], cookie["path"]) == ("", 0, "Thu, 01 Jan 1970 00:00:00 GMT", "/")
    assert response["Cache-Control"] == "no-cache"


@settings()
def test_it_follows_a_session_that_slides(member):
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        response = by(member)("/all/")
        assert response.cookies["isauthenticated"]["max-age"] == response.cookies["sessionid"]["max-age"]
        assert response["Cache-Control"] == "no-cache"


@settings()
def test_it_goes_with_a_session_that_ended_elsewhere(member):
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()
    response = by(member)("/all/?who=1")
    assert [response.cookies[name].value for name in ("sessionid", "isauthenticated")] == ["", ""]
    assert response["Cache-Control"] == "no-cache"


REFUSED = {
    "anonymous": b"User is anonymous but sent an isauthenticated cookie",
    "authenticated": b"User is authenticated, but did not send valid isauthenticated cookie",
}


@settings(enable_tampering_checks=True)
def test_tampering_is_refused_and_mended(visitor, alice):
    get = by(visitor)
    assert get("/all/").status_code == 200
    visitor.cookies["isauthenticated"] = ""
    assert get("/elsewhere/").status_code == 200
    visitor.cookies["isauthenticated"] = "1"
    response = get("/elsewhere/?cookie=1")
    assert (response.status_code, response.content) == (400, REFUSED["anonymous"])
    assert response.cookies["isauthenticated"].value == "" and response.cookies["theme"].value == "dark"
    assert response["Cache-Control"] == "no-cache"
    visitor.force_login(alice)
    visitor.cookies["isauthenticated"] = "2"
    response = get("/all/")
    assert (response.status_code, response.content) == (400, REFUSED["authenticated"])
    visitor.cookies.update(response.cookies)
    assert get("/all/").status_code == 200


@settings(enable_tampering_checks=True)
def test_tampering_is_not_looked_for_where_nothing_is_written(visitor):
    visitor.cookies["isauthenticated"] = "1"
    assert by(visitor)("/all/?Cache-Control=max-age%3D1").status_code == 200
    assert by(visitor)("/all/?status=404").status_code == 404


@settings()
def test_tampering_is_not_looked_for_unless_it_is_enabled_at_that_time(visitor):
    visitor.cookies["isauthenticated"] = "1"
    get = by(visitor)
    assert get("/all/").status_code == 200
    with settings(enable_tampering_checks=True):
        assert get("/all/").status_code == 400


@pytest.mark.parametrize("path", ["/anonymous/", "/class/"])
@SHARED
def test_a_page_is_not_kept_for_those_whom_the_visitor_only_claims_to_be_among(path, visitor, alice):
    get = by(visitor)
    visitor.cookies["isauthenticated"] = "1"
    response = get(path)
    assert (response.status_code, response["Cache-Control"]) == (200, "no-cache")
    visitor.cookies.update(response.cookies)
    assert "s-maxage" in get(path)["Cache-Control"]
    visitor.force_login(alice)
    response = get(path)
    assert response["Cache-Control"] == "no-cache" and "X-Accel-Expires" not in response
    if path == "/class/":
        visitor.cookies.update(response.cookies)
        assert "s-maxage" in get(path)["Cache-Control"]


# ---- messages -------------------------------------------------------------------------------------------------------


@settings()
def test_messages_that_wait_are_asked_for_under_an_address_of_their_own(visitor):
    get = by(visitor)
    visitor.cookies.update(get("/elsewhere/?say=1").cookies)
    for path, separator in [("/all/", "?"), ("/all/?a=b", "&")]:
        response = get(path)
        assert response.status_code == 302
        assert re.fullmatch(re.escape(path + separator) + r"dch-uuid=[0-9a-f-]{36}", response["Location"])
        assert response["Cache-Control"] == "no-cache"
        assert written(get(response["Location"])) == NOTHING
    assert get("/elsewhere/").status_code == 200


@settings()
def test_a_page_that_shows_its_messages_is_shown(visitor):
    get = by(visitor)
    visitor.cookies.update(get("/elsewhere/?say=1").cookies)
    response = get("/all/?show=1")
    assert b"[well done]" in response.content and response["Cache-Control"] == "no-cache"
    assert response.cookies["messages"].value == ""


@settings()
def test_messages_in_the_session(visitor, alice):
    with override_settings(MESSAGE_STORAGE="django.contrib.messages.storage.session.SessionStorage"):
        get = by(visitor)
        visitor.cookies.update(get("/elsewhere/?say=1").cookies)
        assert get("/all/").status_code == 302
        response = get("/all/?show=1")
        assert b"[well done]" in response.content and response["Cache-Control"] == "no-cache"


# ---- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, said",
    [
        ([], ["CACHE_HEADERS must be a dictionary", "Write"]),
        ({"timeouts": {"all-user": {5: ("^/",)}}}, ['["timeouts"][\'all-user\']', 'Did you mean "all-users"']),
        ({"timeouts": {"all-users": {5: "^/a"}}}, ["tuple", "('^/a',)"]),
        ({"timeouts": {"all-users": {5: ("^/(a",)}}}, ["'^/(a'", "no regular expression"]),
        ({"timeouts": {"all-users": {"5": ("^/a",)}}}, ["number of seconds"]),
        ({"timeouts": {"all-users": {-5: ("^/a",)}}}, ["number of seconds"]),
        ({"timeouts": {"all-users": ("^/a",)}}, ["seconds to expressions"]),
        ({"policies": {"own": "a.b"}}, ["callable"]),
        ({"browser-cache-seconds": "5"}, ['["browser-cache-seconds"]', "whole number"]),
        ({"danger-shared-policies": ["all-users"]}, ["'all-users'", "need no permission"]),
        ({"danger-shared-policies": "per-user"}, ["list", '["per-user"]']),
    ],
)
def test_wrong_settings_come_with_the_remedy(value, said):
    with override_settings(CACHE_HEADERS=value):
        with pytest.raises(ImproperlyConfigured) as error:
            conf.read()
        assert all(part in str(error.value) for part in said), str(error.value)
        assert [found.id for found in apps.check_settings(None)] == ["cache_headers.E001"]


def test_an_unknown_key_and_a_late_middleware_are_warned_of():
    with override_settings(CACHE_HEADERS={"timeout": {}}, MIDDLEWARE=[*INNER, OURS]):
        found = apps.check_settings(None)
        assert [one.id for one in found] == ["cache_headers.W001", "cache_headers.W002"]
        assert found[0].hint == 'Did you mean "timeouts"?'


def test_built_in_policies_can_be_called_and_replaced():
    from django.test import RequestFactory

    response = HttpResponse()
    with settings():
        policies.all_users(RequestFactory().get("/"), response, AnonymousUser(), 60)
    assert response["Cache-Control"] == "max-age=5, s-maxage=60"
    with override_settings(CACHE_HEADERS={"policies": {"per-user": own}, "timeouts": {"per-user": {5: ("/",)}}}):
        assert conf.read()[0].policy is own
