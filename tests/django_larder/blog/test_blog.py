"""examples/django-blog, started as its README says: every page is a hit for strangers, and its forms work."""

import os
import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "common"))
from serving import BINARY, ROOT, Browser, Process  # noqa: E402

BLOG = ROOT / "examples" / "django-blog"
PAGES = ["/", "/about/", "/topic/order/", "/topic/visitors/", "/post/shelves/", "/post/what-keeps/", "/accounts/login/", "/static/blog.css"]


@pytest.fixture(scope="module", params=["gunicorn", "uvicorn"])
def blog(request, tmp_path_factory):
    """Its port."""
    pytest.importorskip(request.param)
    state = tmp_path_factory.mktemp("blog")
    command = [sys.executable, "run", "--port", "0", "--server", request.param, "--state", str(state)]
    process = Process(command, r"The blog is at http://127\.0\.0\.1:(\d+)/", cwd=BLOG, env=os.environ | {"LARDER_BIN": BINARY})
    yield process.port
    process.stop()


@pytest.fixture
def visitor(blog):
    """Makes browsers without a history."""
    return lambda: Browser(blog)


def token(page):
    return re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)


def comment(browser, path, name, text):
    page = browser.get(path)
    return page, browser.post(path, name=name, text=text, csrfmiddlewaretoken=token(page)[-1])


def log_in(visitor):
    browser = visitor()
    page = browser.get("/accounts/login/")
    answer = browser.post("/accounts/login/", username="writer", password="writer", csrfmiddlewaretoken=token(page)[0])
    assert answer.status == 302 and browser.cookies["larder_id"]
    return browser


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_a_hit_for_strangers(visitor, path):
    assert visitor().get(path).status == 200
    page = visitor().get(path)
    assert "hit" in page.why
    # What brought the visitor here makes no difference, nor do cookies of others.
    tracked = visitor()
    tracked.cookies = {"_ga": "GA1.1.2.3", "theme": "dark"}
    assert "hit" in tracked.get(path + "?utm_source=letter&fbclid=1").why


def test_a_comment_is_sent_from_a_cached_page_and_seen_by_all(visitor):
    path = "/post/shelves/"
    visitor().get(path)
    writer, reader = visitor(), visitor()
    page, answer = comment(writer, path, "Ada", "As on a shelf.")
    assert "hit" in page.why and answer.status == 302
    thanks = writer.get(path)
    assert "Thank you for your comment, Ada." in thanks.text and "hit" not in thanks.why
    seen = reader.get(path)
    assert "As on a shelf." in seen.text and "Thank you" not in seen.text
    again = writer.get(path)
    assert "hit" in again.why and "Thank you" not in again.text and "As on a shelf." in again.text


def test_another_visitors_token_is_refused(visitor):
    one, other = visitor(), visitor()
    foreign = token(other.get("/post/shelves/"))[-1]
    one.get("/post/shelves/")
    assert one.post("/post/shelves/", name="Eve", text="no", csrfmiddlewaretoken=foreign).status == 403


def test_pages_that_count_comments_are_made_anew(visitor):
    path = "/post/what-keeps/"
    assert "0 comments" in visitor().get("/topic/order/").text
    assert "hit" in visitor().get("/topic/visitors/").why or "hit" in visitor().get("/topic/visitors/").why
    comment(visitor(), path, "Bea", "Bread does.")
    for page in ("/", "/topic/order/"):
        eventually(lambda page=page: "1 comment<" in visitor().get(page).text)
    assert "hit" in visitor().get("/about/").why


def eventually(true):
    """Within five seconds: a purge is sent when the comment is committed, and the visitor need not wait for it."""
    import time

    until = time.monotonic() + 5
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_members_share_pages_of_their_own_and_can_leave(visitor):
    path = "/about/"
    stranger = visitor()
    stranger.get(path)
    one, other = log_in(visitor), log_in(visitor)
    one.get(path)
    page = other.get(path)
    assert "hit" in page.why and "Log out" in page.text and "Log in" not in page.text
    assert "hit" in stranger.get(path).why and "Log out" not in stranger.get(path).text
    # The button on the shared page has each member's own token.
    assert token(page) != token(one.get(path))
    assert other.post("/accounts/logout/", csrfmiddlewaretoken=token(page)[0]).status == 302
    assert not other.cookies["sessionid"] and "Log in" in other.get(path).text


def test_what_is_published_is_on_the_front_page_at_once(visitor):
    visitor().get("/")
    writer = log_in(visitor)
    page = writer.get("/write/")
    post = {"title": "New bread", "slug": "new-bread", "topic": "order", "text": "Baked today."}
    answer = writer.post("/write/", **post, csrfmiddlewaretoken=token(page)[-1])
    assert answer.status == 302
    assert "It is published." in writer.get("/post/new-bread/").text
    for page in ("/", "/topic/order/"):
        eventually(lambda page=page: "New bread" in visitor().get(page).text)
    assert "hit" in visitor().get("/").why


def test_who_is_not_logged_in_can_not_write(visitor):
    assert visitor().get("/write/").get("Location") == "/accounts/login/?next=/write/"
