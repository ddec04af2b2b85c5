"""A real Django site behind Larder: what may be shared is made once, what is personal is nobody else's, the rest passes."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest


def test_an_anonymous_page_is_made_once_for_everybody(browser, made):
    before = made("home")
    first, second = browser().get("/"), browser().get("/")
    assert (first.status, second.status) == (200, 200)
    assert "fwd=uri-miss" in first.why and "stored" in first.why
    assert "larder; hit" in second.why and "ttl=" in second.why
    assert second.text == first.text
    assert int(second.get("Age")) <= 60
    assert made("home") == before + 1


def test_a_page_asked_for_by_many_at_once_is_made_once(browser, made):
    before = made("slow")
    with ThreadPoolExecutor(20) as pool:
        texts = {answer.text for answer in pool.map(lambda _: browser().get("/slow/"), range(20))}
    assert len(texts) == 1
    assert made("slow") == before + 1


def test_a_page_that_says_nothing_about_caching_is_made_every_time(browser):
    first, second = browser().get("/plain/"), browser().get("/plain/")
    assert second.made == first.made + 1
    assert "fwd=" in second.why and "detail=" in second.why and "hit" not in second.why


@pytest.mark.parametrize("path", ["/greeting/", "/account/"])
def test_two_users_never_see_each_others_page(browser, path):
    alice, bob, stranger = browser(), browser(), browser()
    for name, user in (("alice", alice), ("bob", bob)):
        assert user.log_in(name).status == 302
        assert "sessionid" in user.cookies
    for _ in range(3):
        assert "Hello alice" in alice.get(path).text
        assert "Hello bob" in bob.get(path).text
        seen_by_stranger = stranger.get(path)
        assert "alice" not in seen_by_stranger.text and "bob" not in seen_by_stranger.text
        assert "sessionid" not in stranger.cookies


def test_a_login_hands_its_session_to_nobody_else(browser):
    cookies = []
    for name in ("alice", "bob", "alice"):
        user = browser()
        answer = user.log_in(name)
        assert "hit" not in answer.why
        cookies.append(user.cookies["sessionid"])
    assert len(set(cookies)) == 3


def test_a_wrong_password_stays_outside(browser):
    user = browser()
    user.get("/accounts/login/")
    assert user.post("/accounts/login/", username="alice", password="wrong").status == 403
    assert user.get("/account/").status == 302


def test_every_visitor_gets_a_csrf_token_of_their_own(browser):
    one, other = browser(), browser()
    pages = [one.get("/contact/"), other.get("/contact/")]
    assert one.cookies["csrftoken"] != other.cookies["csrftoken"]
    for page in pages:
        assert page.all("Set-Cookie") and "hit" not in page.why and "stored" not in page.why
    tokens = {re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page.text).group(1) for page in pages}
    assert len(tokens) == 2


def test_a_form_works(browser):
    user, other = browser(), browser()
    page = user.get("/contact/")
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page.text).group(1)
    answer = user.post("/contact/", name="Käthe", csrfmiddlewaretoken=token)
    assert (answer.status, answer.get("Location")) == (302, "/contact/")
    assert "Thank you, Käthe" in user.get("/contact/").text
    assert "Thank you" not in other.get("/contact/").text
    assert "Thank you" not in user.get("/contact/").text, "a message is shown once"


def test_a_form_without_its_token_is_refused(browser):
    assert browser().post("/contact/", name="x").status == 403


def test_a_static_file_is_kept_and_has_validators(browser):
    first, second = browser().get("/static/shop.css"), browser().get("/static/shop.css")
    assert first.status == second.status == 200
    assert "larder; hit" in second.why
    assert second.body == first.body and len(second.body) == int(second.get("Content-Length"))
    assert second.get("Content-Type").startswith("text/css")
    for field, condition in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
        assert second.get(field)
        answer = browser().get("/static/shop.css", **{condition: second.get(field)})
        assert (answer.status, answer.body) == (304, b"")
        assert "larder; hit" in answer.why


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=10-19", 10, 19), ("bytes=-10", None, None), ("bytes=100-", 100, None)]
)
def test_a_part_of_a_static_file_is_cut_from_the_kept_one(browser, asked, first, last):
    whole = browser().get("/static/shop.css").body
    start = len(whole) - 10 if first is None else first
    end = len(whole) - 1 if last is None else last
    part = browser().get("/static/shop.css", Range=asked)
    assert part.status == 206
    assert part.body == whole[start : end + 1]
    assert part.get("Content-Range") == f"bytes {start}-{end}/{len(whole)}"
    assert "larder; hit" in part.why


def test_a_part_beyond_the_end_is_416(browser):
    size = len(browser().get("/static/shop.css").body)
    answer = browser().get("/static/shop.css", Range=f"bytes={size}-")
    assert answer.status == 416
    assert answer.get("Content-Range") == f"bytes */{size}"


@pytest.mark.parametrize("path", ["/", "/static/shop.css"])
def test_head_is_answered_from_the_kept_page_without_a_body(browser, path):
    page = browser().get(path)
    head = browser().request("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.get("Content-Length") == str(len(page.body))
    assert "larder; hit" in head.why


def test_a_page_that_is_always_validated_is_made_once(browser, made):
    before = made("article")
    first, second = browser().get("/article/"), browser().get("/article/")
    assert second.text == first.text and second.status == 200
    assert made("article") == before + 1
    assert "fwd=" in second.why and "fwd-status=304" in second.why
    assert browser().get("/article/", If_None_Match=second.get("ETag")).status == 304


def test_a_stream_arrives_while_it_is_made(browser):
    raw = browser().open("GET", "/stream/")
    assert raw.readline() == b"first\n"
    assert browser().get("/stream/go/").text == "gone on"
    assert raw.read() == b"second\n"


def test_what_is_not_there_is_404_and_says_why(browser):
    answer = browser().get("/nowhere/")
    assert answer.status == 404
    assert "larder; fwd=" in answer.why


def test_an_unknown_host_is_the_applications_to_refuse(browser):
    assert browser().get("/", Host="other.test").status == 400
    assert browser().get("/").status == 200
