"""The site under real servers, behind `larder serve`: who gets a hit, and that nobody sees another's page."""

import os
import random
import re
import sys
import time

import pytest

from conftest import HERE
from serving import Browser, Process, start_larder

SERVERS = {
    "gunicorn": (["gunicorn", "--workers", "2", "--threads", "4", "--bind", "127.0.0.1:0", "project.wsgi"], r"Listening at: http://[\d.]+:(\d+)"),
    "preloaded": (["gunicorn", "--preload", "--workers", "2", "--threads", "4", "--bind", "127.0.0.1:0", "project.wsgi"], r"Listening at: http://[\d.]+:(\d+)"),
    "uvicorn": (["uvicorn", "--port", "0", "--no-access-log", "project.asgi:application"], r"running on http://[\d.]+:(\d+)"),
}


def start(server, environment):
    command, listening = SERVERS[server]
    return Process([sys.executable, "-m", *command], listening, cwd=HERE, env=environment)


@pytest.fixture(scope="module", params=SERVERS)
def served(request, served_database):
    """The ports of Larder and of the application behind it."""
    pytest.importorskip(SERVERS[request.param][0][0])
    rules = HERE / "served.toml"
    application = start(request.param, served_database | {"PROJECT_RULES": str(rules)})
    os.environ["LARDER_MARKER_KEY"] = served_database["LARDER_MARKER_KEY"]
    larder = start_larder(application.port, "--config", str(rules))
    yield larder.port, application.port
    larder.stop()
    application.stop()


@pytest.fixture
def visitor(served):
    """Makes browsers without a history, before Larder."""
    return lambda: Browser(served[0])


def logged_in(visitor, name):
    browser = visitor()
    browser.get(f"/login/{name}/")
    assert browser.cookies["sessionid"] and browser.cookies["larder_id"]
    return browser


def fresh(path):
    """The page under an address that nobody has asked for yet."""
    return f"{path}?{time.monotonic_ns()}"


def said(page):
    return re.search(r"<p>(.*?)</p>", page.text).group(1)


@pytest.mark.parametrize("path", ["/club/", "/hello/", "/later/"])
def test_members_share_one_page_and_strangers_another(visitor, path):
    path = fresh(path)
    alice, bob = logged_in(visitor, "alice"), logged_in(visitor, "bob")
    first = alice.get(path)
    assert "stored" in first.why, first.why
    second = bob.get(path)
    assert "hit" in second.why and second.text == first.text
    stranger = visitor().get(path)
    assert "stored" in stranger.why and "hit" in visitor().get(path).why
    if path.startswith("/later"):
        return
    assert "member" in said(first) and "stranger" in said(stranger)
    # Nor does a browser that was logged in take the page of before.
    assert "private" in first.get("Cache-Control") and "Cookie" in first.get("Vary")


@pytest.mark.parametrize("path", ["/name/", "/cart/", "/later/name/", "/boom/"])
def test_a_page_that_shows_the_visitor_is_made_for_each(visitor, path):
    path = fresh(path)
    alice, bob = logged_in(visitor, "alice"), logged_in(visitor, "bob")
    for _ in range(2):
        pages = [browser.get(path) for browser in (alice, bob, alice)]
        assert not any("hit" in page.why or "stored" in page.why for page in pages), [page.why for page in pages]
        if "name" in path:
            assert [said(page) for page in pages] == ["hello alice", "hello bob", "hello alice"]
    stranger = visitor().get(path)
    assert "alice" not in stranger.text and "bob" not in stranger.text


def test_a_user_has_pages_of_their_own_on_all_devices(visitor):
    path = fresh("/mine/")
    alice, bob = logged_in(visitor, "alice"), logged_in(visitor, "bob")
    assert said(alice.get(path)).startswith("mine alice") and "hit" in alice.get(path).why
    elsewhere = logged_in(visitor, "alice").get(path)
    assert "hit" in elsewhere.why and said(elsewhere).startswith("mine alice")
    first = bob.get(path)
    assert "stored" in first.why and said(first).startswith("mine bob")
    assert said(visitor().get(path)).startswith("mine nobody")


def test_staff_shares_its_desk_and_nobody_else_sees_it(visitor):
    path = fresh("/desk/")
    alice, bob = logged_in(visitor, "alice"), logged_in(visitor, "bob")
    alice.get("/promote/")
    assert said(alice.get(path)) == "desk of staff" and "hit" in alice.get(path).why
    for other in (bob, visitor()):
        assert said(other.get(path)) == "desk of None"
    assert said(bob.get(path)) == "desk of None"


def test_a_forged_marker_or_identity_selects_nothing(visitor):
    path = fresh("/club/")
    alice = logged_in(visitor, "alice")
    alice.get(path)
    assert "hit" in alice.get(path).why
    thief = visitor()
    for cookies in (
        {"larder_id": alice.cookies["larder_id"]},
        {"larder_id": alice.cookies["larder_id"], "sessionid": "x" * 32},
        {"isauthenticated": "1"},
    ):
        thief.cookies = dict(cookies)
        assert "stranger" in thief.get(path).text
    thief.cookies = {}
    page = thief.get(path, Larder_Identity="class=authenticated", Via="1.1 larder")
    assert "stranger" in page.text


def test_the_field_is_not_believed_by_the_application_from_a_visitor(served):
    # Straight to the application, as where somebody forgot to close its port; the field is believed from Larder's address only,
    # and of a request without a visitor's.
    browser = Browser(served[1])
    forged = {"Larder_Identity": 'user="1"', "Via": "1.1 larder", "X_Forwarded_For": "192.0.2.1"}
    assert said(browser.get("/mine/", **forged)).startswith("mine nobody")


def test_logging_out_ends_it_at_once(visitor):
    path = fresh("/club/")
    alice = logged_in(visitor, "alice")
    alice.get(path)
    alice.get("/logout/")
    assert not alice.cookies["larder_id"] and "stranger" in alice.get(path).text


def test_a_session_that_is_another_keeps_its_hits(visitor):
    path = fresh("/club/")
    alice = logged_in(visitor, "alice")
    alice.get(path)
    before = alice.cookies["sessionid"]
    alice.get("/rotate/")
    assert alice.cookies["sessionid"] != before and "hit" in alice.get(path).why


def test_a_visitor_without_a_marker_gets_one_with_their_own_page(visitor):
    path = fresh("/club/")
    alice = logged_in(visitor, "alice")
    alice.get(path)
    del alice.cookies["larder_id"]
    own = alice.get(path)
    assert "hit" not in own.why and "member" in own.text
    assert "hit" in alice.get(path).why


def test_a_cart_does_not_keep_a_stranger_from_hits(visitor):
    path = fresh("/club/")
    visitor().get(path)
    shopper = visitor()
    shopper.get("/fill/")
    assert shopper.cookies["sessionid"] and "hit" in shopper.get(path).why


def test_a_message_is_shown_once_and_to_whom_it_was_for(visitor):
    path = fresh("/noted/")
    visitor().get(path)
    told = visitor()
    told.get("/note/")
    own = told.get(path)
    assert said(own) == "saved" and "hit" not in own.why
    assert said(told.get(path)) == "" and "hit" in told.get(path).why


def test_a_form_is_a_hit_and_works(visitor):
    path = fresh("/form/")
    first, second = visitor(), visitor()
    first.get(path)
    page = second.get(path)
    assert "hit" in page.why and len(re.findall('value="[A-Za-z0-9]{64}"', page.text)) == 1


def test_processes_share_the_key_and_each_reads_the_rules_itself(served, visitor):
    # The pages of two gunicorn workers, whichever answers.
    alice = logged_in(visitor, "alice")
    paths = [fresh("/club/") + str(number) for number in range(12)]
    assert all("stored" in alice.get(path).why for path in paths)
    assert all("hit" in alice.get(path).why for path in paths)


def test_visitors_at_random_see_their_own_pages_and_nobody_elses(visitor):
    chance = random.Random(7)
    # Names of who is logged in, by browser. Nobody is staff but alice, who is promoted in another test.
    browsers = [visitor() for _ in range(6)]
    names = [None] * len(browsers)
    paths = ["/club/", "/hello/", "/name/", "/mine/", "/cart/", "/desk/"]
    asked = 0
    hits = 0
    for _ in range(300):
        which = chance.randrange(len(browsers))
        browser = browsers[which]
        step = chance.random()
        if step < 0.06:
            names[which] = "bob" if which % 2 else "carol"
            browser.get(f"/login/{names[which]}/")
            continue
        if step < 0.1:
            browser.get("/logout/")
            names[which] = None
            continue
        if step < 0.12:
            browser.cookies.pop("larder_id", None)
            continue
        if step < 0.14 and names[which] is None:
            browser.cookies = {"larder_id": chance.choice(browsers).cookies.get("larder_id", "x")}
        name, path = names[which], chance.choice(paths)
        page = browser.get(path + "?at-random")
        asked += 1
        hits += "hit" in page.why
        expected = {
            "/club/": f"club for a {'member' if name else 'stranger'}",
            "/hello/": f"Hello {'member' if name else 'stranger'}",
            "/name/": f"hello {name or 'stranger'}",
            "/mine/": f"mine {name or 'nobody'} ",
            "/cart/": "cart 0",
            "/desk/": "desk of None",
        }[path]
        assert said(page).startswith(expected), (path, name, said(page), page.why)
    assert hits > asked / 3, (hits, asked)


LOOKED_UP = """
[identity]
session_cookies = ["sessionid"]
lookup = "/_larder/identity"
lookup_ttl = "1s"

[[rule]]
path = "/club/"
audience = "anonymous-and-authenticated"
ttl = "1m"
"""


@pytest.mark.parametrize("server", SERVERS)
def test_a_look_up_does_without_a_key(server, served_database, tmp_path):
    pytest.importorskip(SERVERS[server][0][0])
    rules = tmp_path / "larder.toml"
    rules.write_text(LOOKED_UP)
    application = start(server, served_database | {"PROJECT_RULES": str(rules)})
    larder = start_larder(application.port, "--config", str(rules))
    try:
        alice, bob = Browser(larder.port), Browser(larder.port)
        alice.get("/login/alice/")
        bob.get("/login/bob/")
        assert "larder_id" not in alice.cookies
        assert "stored" in alice.get("/club/").why and "hit" in bob.get("/club/").why
        assert "member" in bob.get("/club/").text and "stranger" in Browser(larder.port).get("/club/").text
        assert Browser(larder.port).get("/_larder/identity").status == 404
    finally:
        larder.stop()
        application.stop()


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_schemes_go_both_ways_behind_larder_and_what_ends_tls(server, served_database, tmp_path):
    pytest.importorskip(SERVERS[server][0][0])
    rules = tmp_path / "larder.toml"
    rules.write_text('trusted_proxies = ["127.0.0.1"]\n\n[[rule]]\nmatch = "^/(pay|plain)/"\naudience = "all-users"\nttl = "1m"\n')
    application = start(server, served_database | {"PROJECT_RULES": str(rules), "PROJECT_BOTH_WAYS": "yes"})
    larder = start_larder(application.port, "--config", str(rules))
    try:
        browser = Browser(larder.port)
        secure = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "192.0.2.1"}
        for _ in range(2):
            assert browser.get("/pay/?a=1").get("Location") == "https://site.test/pay/?a=1"
            assert browser.get("/plain/", **secure).get("Location") == "http://site.test/plain/"
            assert "plain GET" in browser.get("/pay/?a=1", **secure).text and "plain GET" in browser.get("/plain/").text
        # The pages are hits, by the scheme that each is for; the redirects never are.
        assert "hit" in browser.get("/pay/?a=1", **secure).why and "hit" in browser.get("/plain/").why
        assert "hit" not in browser.get("/pay/?a=1").why
        assert browser.post("/pay/", a="1").status == 308
    finally:
        larder.stop()
        application.stop()
