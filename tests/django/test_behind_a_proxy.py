"""The same site with somebody in front: `is_secure()`, addresses and links are right for whoever may say so, and for nobody else."""

import json

import pytest

from conftest import Browser, HERE, start_larder

HTTPS = [
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Proto": "HTTPS"},
    {"X-Forwarded-Proto": "http, https"},
    {"X-Forwarded-Protocol": "https"},
    {"X-Forwarded-Scheme": "https"},
    {"X-Forwarded-SSL": "on"},
    {"Front-End-Https": "on"},
    {"Forwarded": "for=192.0.2.7;proto=https"},
    {"Forwarded": "proto=http, proto=https"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-SSL": "on"},
]
HTTP = [
    {},
    {"X-Forwarded-Proto": "http"},
    {"X-Forwarded-Proto": "https, http"},
    {"X-Forwarded-Proto": "gopher"},
    {"X-Forwarded-Proto": ""},
    {"X-Forwarded-SSL": "off"},
    {"Front-End-Https": "off"},
    {"Forwarded": "proto=https, proto=http"},
    {"Forwarded": 'for="open;proto=https'},
    {"X-Forwarded-Proto": "https", "X-Forwarded-SSL": "off"},
    {"X-Forwarded-Proto": "https", "Forwarded": "proto=http"},
    {"X_Forwarded_Proto": "https"},
    {"X-Forwarded_Proto": "https"},
]


@pytest.fixture(scope="module")
def trusting(site):
    """The port of a Larder that believes the proxy in front of it, which is the test."""
    process = start_larder(site, "--config", str(HERE / "trusting.toml"))
    yield process.port
    process.stop()


@pytest.fixture(scope="module")
def redirecting(site):
    """The same, for a site that is https only."""
    process = start_larder(
        site, "--config", str(HERE / "trusting.toml"), "--set", "https.redirect=true", "--set", "https.hsts=1h"
    )
    yield process.port
    process.stop()


def asker(port, fields, path="/asker/"):
    answer = Browser(port).request("GET", path, fields)
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


def show(fields):
    return ", ".join(f"{name}={value}" for name, value in fields.items()) or "nothing"


@pytest.mark.parametrize("style", ["x-forwarded", "both"])
def test_is_secure_is_what_the_trusted_proxy_says(site, style):
    process = start_larder(site, "--config", str(HERE / "trusting.toml"), "--set", f"forwarded.style={style}")
    try:
        for expected, rows in ((True, HTTPS), (False, HTTP)):
            for fields in rows:
                answer = asker(process.port, fields)
                assert answer["secure"] is expected, show(fields)
                scheme, on, port = ("https", "on", "443") if expected else ("http", "off", "80")
                assert answer["url"] == f"{scheme}://site.test/asker/", show(fields)
                told = answer["told"]
                assert told["HTTP_X_FORWARDED_PROTO"] == scheme, show(fields)
                assert told["HTTP_X_FORWARDED_SSL"] == on and told["HTTP_X_FORWARDED_PORT"] == port
                assert ("HTTP_FORWARDED" in told) is (style == "both")
    finally:
        process.stop()


@pytest.mark.parametrize("fields", HTTPS + HTTP, ids=show)
def test_nobody_else_makes_it_secure_whatever_they_send(larder, fields):
    answer = asker(larder, fields | {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.test", "X-Real-IP": "6.6.6.6"})
    assert answer["secure"] is False
    assert answer["url"] == "http://site.test/asker/"
    assert answer["told"] == {
        "HTTP_HOST": "site.test",
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_X_FORWARDED_HOST": "site.test",
        "HTTP_X_FORWARDED_PORT": "80",
        "HTTP_X_FORWARDED_PROTO": "http",
    }


def test_the_application_is_told_the_visitors_address_and_not_what_they_say_it_is(trusting):
    fields = {"X-Forwarded-For": "6.6.6.6, 192.0.2.7", "X-Forwarded-Proto": "https"}
    told = asker(trusting, fields)["told"]
    assert told == {
        "HTTP_HOST": "site.test",
        "HTTP_FORWARDED": "for=192.0.2.7;host=site.test;proto=https",
        "HTTP_X_FORWARDED_FOR": "192.0.2.7",
        "HTTP_X_FORWARDED_HOST": "site.test",
        "HTTP_X_FORWARDED_PORT": "443",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_SSL": "on",
        "HTTP_X_REAL_IP": "192.0.2.7",
    }


def test_a_page_with_links_is_another_page_by_https(trusting, made):
    before = made("secure")
    browser = Browser(trusting)
    for scheme in ("http", "https", "http", "https"):
        page = browser.request("GET", "/secure/?links", {"X-Forwarded-Proto": scheme})
        assert page.text.startswith(f"{scheme}://site.test/secure/?links ")
    assert "larder; hit" in page.why
    assert made("secure") == before + 2


def test_a_forged_scheme_does_not_choose_or_spoil_a_page(larder, made):
    before = made("secure")
    forged = Browser(larder).request("GET", "/secure/?forged", {"X-Forwarded-Proto": "https", "Forwarded": "proto=https"})
    honest = Browser(larder).get("/secure/?forged")
    assert forged.text == honest.text and honest.text.startswith("http://")
    assert made("secure") == before + 1


def test_a_redirect_to_https_is_kept_for_those_who_come_by_http_only(trusting, made):
    before = made("only_secure redirects")
    browser = Browser(trusting)
    for _ in range(2):
        plain = browser.request("GET", "/only-secure/", {"X-Forwarded-Proto": "http"})
        assert plain.status == 301 and plain.get("Location") == "https://site.test/only-secure/"
        secure = browser.request("GET", "/only-secure/", {"X-Forwarded-Proto": "https"})
        assert secure.status == 200 and secure.text.startswith("secure")
    assert made("only_secure redirects") == before + 1


def test_a_redirect_in_a_circle_is_named_and_never_kept(trusting, made):
    before = made("only_secure redirects")
    for _ in range(3):
        answer = Browser(trusting).request("GET", "/only-secure/?deaf", {"X-Forwarded-Proto": "https"})
        assert answer.status == 301 and "detail=redirect-circle" in answer.why
    assert made("only_secure redirects") == before + 3


def test_a_form_by_https_passes_djangos_check_of_the_origin(trusting):
    secure = {"X-Forwarded-Proto": "https"}
    browser = Browser(trusting)
    page = browser.request("GET", "/contact/", secure)
    token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = {"name": "Ann", "csrfmiddlewaretoken": token}
    for fields, status in (
        (secure | {"Origin": "https://site.test"}, 302),
        (secure | {"Origin": "http://site.test"}, 403),
        # By http, the same page is another site's.
        ({"Origin": "https://site.test"}, 403),
    ):
        assert browser.request("POST", "/contact/", fields, form=form).status == status, fields


def test_an_https_only_site_sends_everybody_there_once(redirecting):
    browser = Browser(redirecting)
    for method, status in (("GET", 301), ("HEAD", 301), ("POST", 308)):
        answer = browser.request(method, "/contact/?a=b", form={"name": "Ann"} if method == "POST" else None)
        assert (answer.status, answer.get("Location")) == (status, "https://site.test/contact/?a=b")
        assert answer.get("Cache-Control") == "no-store" and answer.get("Strict-Transport-Security") is None
    secure = browser.request("GET", "/", {"X-Forwarded-Proto": "https"})
    assert secure.status == 200 and secure.get("Strict-Transport-Security") == "max-age=3600"
    assert browser.request("GET", "/.well-known/acme-challenge/x").status == 404
    assert browser.request("GET", "/_larder/health", {"Host": "10.0.0.1"}).text == "ok\n"
    assert browser.request("GET", "/", {"Host": "evil.test", "X-Forwarded-Proto": "https"}).status == 421
