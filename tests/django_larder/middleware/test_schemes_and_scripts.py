"""The two small middlewares, and the same as settings of the one."""

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, override_settings

XHR = {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}
TRIPLE = {"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache", "Expires": "0"}
SSL_REDIRECT = override_settings(MIDDLEWARE=["django_larder.middleware.SSLRedirectMiddleware"])
NEVER_XHR = override_settings(MIDDLEWARE=["django_larder.middleware.NeverCacheXhrMiddleware"])


def location(response):
    return response.status_code, response.get("Location")


# ---- scripts ----


@NEVER_XHR
def test_a_scripts_answer_is_never_kept(client):
    response = client().get("/says/", {"Cache-Control": "public, max-age=60"}, **XHR)
    assert {name: response[name] for name in TRIPLE} == TRIPLE
    response = client().post("/plain/", **XHR)
    assert {name: response[name] for name in TRIPLE} == TRIPLE


@NEVER_XHR
@pytest.mark.parametrize("value", ["xmlhttprequest", "fetch", ""])
def test_others_are_left_alone_but_for_vary(client, value):
    response = client().get("/says/", {"Cache-Control": "public, max-age=60", "Vary": "Origin"}, HTTP_X_REQUESTED_WITH=value)
    assert response["Cache-Control"] == "public, max-age=60" and not response.has_header("Pragma")
    # Or a shared cache answers a script from a page, which the one that this replaces let happen.
    assert response["Vary"] == "Origin, X-Requested-With"


@NEVER_XHR
def test_the_same_in_an_asynchronous_chain():
    async def ask():
        return await AsyncClient().get("/later/", headers={"x-requested-with": "XMLHttpRequest"})

    assert async_to_sync(ask)()["Expires"] == "0"


# ---- schemes ----


@SSL_REDIRECT
def test_views_are_sent_to_their_scheme_both_ways(client):
    assert location(client().get("/pay/?a=1")) == (301, "https://testserver/pay/?a=1")
    assert location(client().get("/plain/?a=1", secure=True)) == (301, "http://testserver/plain/?a=1")
    assert location(client().get("/open/", secure=True)) == (301, "http://testserver/open/")
    assert client().get("/pay/", secure=True).status_code == 200
    assert client().get("/plain/").status_code == 200


@SSL_REDIRECT
def test_the_view_does_not_get_the_keyword(client):
    assert "[]" in client().get("/pay/", secure=True).content.decode()


@SSL_REDIRECT
def test_no_post_is_lost(client):
    # The one that this replaces raised a RuntimeError with DEBUG, and made a GET of it without.
    for debug in (True, False):
        with override_settings(DEBUG=debug):
            assert location(client().post("/pay/", {"a": "1"})) == (308, "https://testserver/pay/")


@SSL_REDIRECT
def test_a_redirect_is_kept_nowhere(client):
    assert client().get("/pay/")["Cache-Control"] == "no-store"


@SSL_REDIRECT
def test_behind_a_proxy_the_visitors_scheme_counts(client):
    with override_settings(LARDER={}):
        assert client().get("/pay/", HTTP_X_FORWARDED_PROTO="https").status_code == 200
    with override_settings(LARDER={}, SECURE_PROXY_SSL_HEADER=None):
        # Nobody said that this may be believed, of whoever wrote it.
        for field in ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_SSL"):
            assert client().get("/pay/", **{field: "https"}).status_code == 301


@pytest.mark.parametrize("field", [{"HTTP_X_FORWARDED_SSL": "on"}, {"HTTP_X_FORWARDED_PROTO": "HTTPS"}, {"HTTP_FORWARDED": "proto=https"}])
def test_trusted_proxies_are_believed_in_all_their_spellings(client, field):
    with SSL_REDIRECT, override_settings(SECURE_PROXY_SSL_HEADER=None, LARDER={"trusted_proxies": ["127.0.0.1"]}):
        assert client().get("/pay/", REMOTE_ADDR="127.0.0.1", **field).status_code == 200
        assert client().get("/pay/", REMOTE_ADDR="192.0.2.1", **field).status_code == 301
        # Two that differ mean http.
        assert client().get("/pay/", HTTP_X_FORWARDED_PROTOCOL="http", **field).status_code == 301


def test_an_unclear_scheme_makes_no_circle_to_where_the_visitor_came_from(client):
    with SSL_REDIRECT, override_settings(LARDER={"trusted_proxies": ["unix"]}):
        assert client().get("/pay/", REMOTE_ADDR="", HTTP_X_FORWARDED_PROTO="https").status_code == 200
        assert client().get("/pay/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_PROTO="https").status_code == 301


@SSL_REDIRECT
def test_the_same_for_an_asynchronous_view():
    async def ask(path):
        return await AsyncClient().get(path)

    assert location(async_to_sync(ask)("/pay/")) == (301, "https://testserver/pay/")


def test_redirects_as_settings_of_the_one_middleware(larder, client):
    with larder("", https={"redirect": True, "exempt": [r"^\.well-known/", "^says/"]}):
        assert location(client().get("/plain/?a=1")) == (301, "https://testserver/plain/?a=1")
        assert location(client().post("/plain/")) == (308, "https://testserver/plain/")
        assert client().get("/plain/", secure=True).status_code == 200
        assert client().get("/says/").status_code == 200
        # A view that says that it is by http too is not sent there, nor back.
        assert client().get("/open/").status_code == 200 and client().get("/open/", secure=True).status_code == 200
    with larder("", https={"both_ways": True, "host": "www.site.test"}):
        assert location(client().get("/pay/")) == (301, "https://www.site.test/pay/")
        assert location(client().get("/plain/", secure=True)) == (301, "http://testserver/plain/")
    with larder(""):
        assert client().get("/plain/", secure=True).status_code == 200


def test_a_host_that_is_not_the_sites_is_no_place_to_be_sent_to(client):
    with SSL_REDIRECT:
        response = client(raise_request_exception=False).get("/pay/", HTTP_HOST="evil.test")
        assert response.status_code == 400
