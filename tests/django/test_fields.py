"""Fields of visitors that an application would misunderstand, and fields of the application that Larder leaves alone."""

import json

import pytest

from conftest import HERE, TRIPLE, Browser, start_gunicorn, start_larder


@pytest.fixture(scope="module")
def credulous(site):
    """The port of the same site under a gunicorn that takes underscores for dashes, as CGI does and others do."""
    process = start_gunicorn("--header-map", "dangerous")
    yield process.port
    process.stop()


@pytest.fixture(scope="module")
def passing(credulous):
    """Larder in front of it, with a field that it lets through."""
    names = ["--set", "underscores=pass", "--set", "underscores_pass=SM_USER"]
    process = start_larder(credulous, *names)
    yield process.port
    process.stop()


FORGED = {"X_Forwarded_Proto": "https", "X-Forwarded_For": "6.6.6.6", "SM_USER": "ann", "Sm_User": "bob"}


def asker(port, fields):
    answer = Browser(port).request("GET", "/asker/", fields)
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


def test_without_larder_underscores_are_believed(credulous):
    answer = asker(credulous, FORGED)
    assert answer["secure"] is True and answer["told"]["HTTP_X_FORWARDED_FOR"] == "6.6.6.6"


def test_behind_larder_no_spelling_says_who_asks(passing):
    answer = asker(passing, FORGED)
    assert answer["secure"] is False
    assert answer["told"]["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert answer["told"]["HTTP_X_FORWARDED_PROTO"] == "http"


def test_what_the_site_lets_through_arrives(passing):
    assert asker(passing, {"SM_USER": "ann", "SM_OTHER": "x"})["told"]["HTTP_SM_USER"] == "ann"


def test_a_refused_name_is_told(credulous):
    process = start_larder(credulous, "--set", "underscores=reject")
    try:
        answer = Browser(process.port).get("/")
        assert answer.status == 200
        answer = Browser(process.port).request("GET", "/", {"SM_USER": "ann"})
        assert answer.status == 400 and "detail=underscored-field" in answer.why
    finally:
        process.stop()


def test_a_page_is_not_kept_for_another_method_than_it_was_made_for(larder):
    browser = Browser(larder)
    override = {"X-HTTP-Method-Override": "DELETE"}
    assert browser.request("GET", "/thing/", override).text.startswith("GET ")
    assert browser.get("/thing/").text.startswith("GET ")
    assert "larder; hit" in browser.get("/thing/").why


def test_a_client_without_delete_still_deletes_and_the_page_is_made_anew(larder):
    browser = Browser(larder)
    first = browser.get("/things/1/")
    assert browser.get("/things/1/").text == first.text
    answer = browser.request("POST", "/things/1/", {"X-HTTP-Method-Override": "DELETE"}, form={})
    assert answer.status == 200 and answer.text.startswith("DELETE ")
    again = browser.get("/things/1/")
    assert again.text.startswith("GET ") and again.text != first.text


def test_the_no_cache_triple_for_scripts_passes_as_it_is(larder, made):
    browser = Browser(larder)
    page = browser.get("/?script")
    before = made("thing")
    for path in ("/?script", "/plain/", "/thing/?script"):
        for _ in range(2):
            answer = browser.get(path, X_Requested_With="XMLHttpRequest")
            assert {name: answer.all(name) for name in TRIPLE} == TRIPLE, path
            assert "hit" not in answer.why
    assert made("thing") == before + 2
    again = browser.get("/?script")
    assert again.text == page.text and "larder; hit" in again.why


def test_the_triple_passes_under_a_rule_that_would_share_the_page(visitor):
    for _ in range(2):
        answer = visitor().get("/blog/", X_Requested_With="XMLHttpRequest")
        assert answer.all("Cache-Control") and "no-store" in answer.all("Cache-Control")[0]


def test_a_host_that_is_not_the_sites_is_answered_as_the_site(site):
    process = start_larder(site, "--config", str(HERE / "trusting.toml"), "--set", "default_host=site.test")
    try:
        answer = json.loads(Browser(process.port).request("GET", "/asker/", {"Host": "evil.test"}).text)
        assert answer["url"] == "http://site.test/asker/" and answer["told"]["HTTP_X_FORWARDED_HOST"] == "site.test"
        secure = {"Host": "evil.test", "X-Forwarded-Proto": "https"}
        first = Browser(process.port).request("GET", "/secure/?default", secure)
        assert first.text.startswith("https://site.test/secure/?default ")
        again = Browser(process.port).request("GET", "/secure/?default", secure | {"Host": "site.test"})
        assert again.text == first.text and "larder; hit" in again.why
    finally:
        process.stop()


def test_a_rules_scheme_is_djangos_too(site, tmp_path):
    configuration = tmp_path / "larder.toml"
    configuration.write_text(
        (HERE / "trusting.toml").read_text()
        + "[https]\nredirect = true\n"
        + '[[rule]]\npath = "/secure/*"\nscheme = "http"\naudience = "all-users"\nttl = "1m"\n'
    )
    process = start_larder(site, "--config", str(configuration))
    try:
        browser = Browser(process.port)
        secure = {"X-Forwarded-Proto": "https"}
        answer = browser.request("GET", "/secure/?rule", secure)
        assert (answer.status, answer.get("Location")) == (301, "http://site.test/secure/?rule")
        assert browser.get("/secure/?rule").text.startswith("http://site.test/secure/?rule ")
        answer = browser.get("/asker/")
        assert (answer.status, answer.get("Location")) == (301, "https://site.test/asker/")
        assert json.loads(browser.request("GET", "/asker/", secure).text)["secure"] is True
    finally:
        process.stop()
