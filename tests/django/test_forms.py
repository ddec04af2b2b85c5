"""Forms on pages that many visitors get the same copy of: each sends theirs, and nobody another's.

`./test` runs this with each Django that it installs.
"""

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import BINARY, HERE, ROOT, Browser, start_larder

TOKEN = r'(?:csrfmiddlewaretoken" value|csrf-token" content)="([^"]*)"'


def certificate(folder):
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=site.test", "-addext", "subjectAltName=DNS:site.test", "-days", "2"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "chain.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return f'\n[[tls.certificate]]\nchain = "{folder}/chain.pem"\nkey = "{folder}/key.pem"\n'


@pytest.fixture(params=["http", "https"])
def visitor(request, site, tmp_path):
    """Makes browsers without a history, before a Larder that has nothing yet, by http and by https."""
    rules = (HERE / "forms.toml").read_text()
    configuration = tmp_path / "larder.toml"
    more = {}
    if request.param == "https":
        if not shutil.which("openssl"):
            pytest.skip("openssl is not installed")
        rules = rules.replace("[identity]", '[listen]\nhttps = "127.0.0.1:0"\n\n[identity]') + certificate(tmp_path)
        more["listening"] = r"listening on 127\.0\.0\.1:(\d+) with TLS"
    configuration.write_text(rules)
    process = start_larder(site, "--config", str(configuration), **more)
    yield lambda: Browser(process.port, request.param)
    process.stop()


def tokens(page):
    return re.findall(TOKEN, page.text)


def send(browser, token, path="/feedback/"):
    answer = browser.post(path, name="Käthe", csrfmiddlewaretoken=token)
    return answer.status, answer.text if answer.status == 200 else ""


ACCEPTED, REFUSED = (200, "Thank you, Käthe"), (403, "")


def test_two_visitors_send_the_form_of_one_cached_page(visitor, made):
    first, known, new = visitor(), visitor(), visitor()
    before = made("feedback")
    assert "stored" in first.get("/feedback/").why
    # A form elsewhere on the site, from the application itself: it sets the cookie.
    known.get("/contact/")
    cookie = known.cookies["csrftoken"]
    shown = {who: who.get("/feedback/") for who in (known, new)}
    assert all("hit" in page.why for page in shown.values())
    assert len(tokens(shown[known])) == len(tokens(shown[new])) == 3
    assert not set(tokens(shown[known])) & set(tokens(shown[new]))
    for who, page in shown.items():
        for token in tokens(page):
            assert send(who, token) == ACCEPTED
            assert send(who, token, "/feedback/?second") == ACCEPTED
    # Who has a cookie keeps it.
    assert known.cookies["csrftoken"] == cookie and not shown[known].all("Set-Cookie")
    assert made("feedback") == before + 1


def test_the_page_stays_a_hit_for_whoever_has_sent_a_form(visitor, made):
    who, other = visitor(), visitor()
    before = made("feedback")
    assert send(who, tokens(who.get("/feedback/"))[0]) == ACCEPTED
    # Django invalidates nothing by itself, but a change at this URL does: RFC 9111 §4.4.
    who.get("/feedback/")
    counted = made("feedback")
    assert all("hit" in visitor.get("/feedback/").why for visitor in (who, other, who))
    assert made("feedback") == counted and counted <= before + 2


def test_swapped_tokens_are_refused(visitor):
    one, other = visitor(), visitor()
    pages = [browser.get("/feedback/") for browser in (one, other)]
    assert "hit" in pages[1].why
    for browser, foreign in ((one, pages[1]), (other, pages[0])):
        for token in tokens(foreign):
            assert send(browser, token) == REFUSED
    # Nor is one taken without a cookie.
    assert send(visitor(), tokens(pages[0])[0]) == REFUSED


def test_who_comes_first_has_a_form_like_everybody(visitor):
    first, second = visitor(), visitor()
    page = first.get("/feedback/")
    assert "stored" in page.why and send(first, tokens(page)[0]) == ACCEPTED
    # The secret that the application drew for the page was nobody's.
    second.get("/feedback/")
    assert first.cookies["csrftoken"] != second.cookies["csrftoken"]


def test_many_who_come_at_once_have_forms_of_their_own(visitor, made):
    before = made("feedback")
    browsers = [visitor() for _ in range(12)]
    with ThreadPoolExecutor(len(browsers)) as pool:
        pages = list(pool.map(lambda browser: browser.get("/feedback/"), browsers))
    assert made("feedback") == before + 1
    assert len({token for page in pages for token in tokens(page)}) == len({b.cookies["csrftoken"] for b in browsers}) == 12
    assert all(send(browser, tokens(page)[0]) == ACCEPTED for browser, page in zip(browsers, pages))


def test_every_copy_has_a_token_of_its_own_and_all_of_them_work(visitor):
    browser = visitor()
    pages = [browser.get("/feedback/") for _ in range(4)]
    seen = {token for page in pages for token in tokens(page)}
    assert len(seen) >= 4 and {len(token) for token in seen} == {64}
    assert all(send(browser, token) == ACCEPTED for token in seen)


def test_a_cookie_of_an_older_django_is_read_as_django_reads_it(visitor):
    browser = visitor()
    # Before 4.0 the cookie had a token in it. Every token of the page is one of its secret.
    masked = tokens(browser.get("/feedback/"))[0]
    browser.cookies["csrftoken"] = masked
    page = browser.get("/feedback/")
    assert "hit" in page.why and not page.all("Set-Cookie")
    assert send(browser, tokens(page)[0]) == ACCEPTED


@pytest.mark.parametrize("cookie", ["", "short", "c" * 33, "c" * 31 + "-", "<script>alert(1)</script>"])
def test_a_cookie_that_is_none_is_replaced(visitor, cookie):
    browser = visitor()
    browser.cookies["csrftoken"] = cookie
    page = browser.get("/feedback/")
    assert browser.cookies["csrftoken"] != cookie and "alert" not in page.text
    assert send(browser, tokens(page)[0]) == ACCEPTED


def test_who_logs_in_gets_another_secret_and_forms_that_fit(visitor):
    browser = visitor()
    before = tokens(browser.get("/feedback/"))[0]
    browser.log_in("alice")
    page = browser.get("/feedback/")
    assert send(browser, tokens(page)[0]) == ACCEPTED
    assert send(browser, before) == REFUSED


def test_the_page_is_the_visitors_own_to_everybody_on_the_way(visitor):
    browser = visitor()
    first = browser.get("/feedback/")
    line = next(line for line in first.all("Set-Cookie") if line.startswith("csrftoken="))
    attributes = {part.strip().lower() for part in line.split(";")[1:]}
    assert {"path=/", "samesite=lax", "max-age=31449600"} <= attributes
    assert ("secure" in attributes) == (browser.scheme == "https")
    for page in (first, browser.get("/feedback/"), browser.get("/feedback/", If_None_Match="*", Range="bytes=0-9")):
        assert page.status == 200 and len(page.body) == int(page.get("Content-Length"))
        assert "private" in page.get("Cache-Control") and "cookie" in page.get("Vary").lower()
        assert not page.get("ETag") and not page.get("Last-Modified")


def test_what_is_stored_is_smaller_and_shows_the_same(visitor, browser):
    made = browser().get("/feedback/")
    stored = visitor().get("/feedback/")
    assert "the first of two" in made.text and "the first of two" not in stored.text
    assert len(stored.body) < len(made.body) and "<head>\n<title>Feedback</title>\n<meta" in stored.text
    assert re.search(r"<pre>\n  made \d+    times\n    </pre>", stored.text)

    def words(page):
        text = re.sub(TOKEN, "", re.sub(r"<!--.*?-->", "", page.text))
        return re.sub(r"\d+", "", text).split()

    assert words(made) == words(stored)


def test_a_page_with_a_form_and_a_box_is_one_page_for_all_and_everybody_sees_their_own(visitor, made):
    first, alice, bob = visitor(), visitor(), visitor()
    before = made("boxed")
    assert "<b>Hello stranger</b></div>" in first.get("/boxed/").text
    for browser, name in ((alice, "alice"), (bob, "bob")):
        browser.log_in(name)
    shown = {who: who.get("/boxed/") for who in (alice, bob, first)}
    for (who, page), name in zip(shown.items(), ("alice", "bob", "stranger")):
        assert "hit" in page.why and f"<b>Hello {name}</b></div>" in page.text and "esi:" not in page.text
        assert send(who, tokens(page)[0], "/boxed/") == ACCEPTED
    assert len({tokens(page)[0] for page in shown.values()}) == 3
    assert made("boxed") == before + 1


def test_a_page_with_a_token_and_no_setting_for_it_is_made_for_each(visitor, made):
    for path, name, reason in (("/elsewhere/", "elsewhere", "token-rails"), ("/contact/", "contact", None)):
        before = made(name)
        pages = [visitor().get(path) for _ in range(2)]
        assert made(name) == before + 2
        assert all("hit" not in page.why for page in pages)
        assert reason is None or reason in pages[0].why


@pytest.mark.parametrize("framework", ["rails", "laravel"])
def test_tokens_that_belong_to_a_session_are_refused_by_check(tmp_path, framework):
    configuration = tmp_path / "larder.toml"
    rules = (HERE / "forms.toml").read_text()
    configuration.write_text(rules.replace('csrf = "django"', f'csrf = "{framework}"'))
    checked = subprocess.run([BINARY, "check", str(configuration)], capture_output=True, text=True)
    assert checked.returncode != 0
    assert "session" in checked.stdout + checked.stderr


def test_the_script_of_the_documentation_is_the_one_that_is_tried_here(visitor):
    documented = (ROOT / "docs" / "html.md").read_text()
    script = re.search(r"<script>\n(.*?)</script>", documented, re.S).group(1)
    page = visitor().get("/newsletter/")
    assert script in page.text and "csrfmiddlewaretoken\" value" not in page.text


def test_a_token_that_is_fetched_later_fits_a_page_that_all_share(visitor, made):
    visitor().get("/newsletter/")
    before = made("newsletter")
    browsers = [visitor(), visitor()]
    assert all("hit" in browser.get("/newsletter/").why for browser in browsers)
    assert made("newsletter") == before
    for browser in browsers:
        told = browser.get("/csrf/")
        token = re.search(r'"token": "([^"]+)"', told.text).group(1)
        assert "hit" not in told.why
        assert send(browser, token, "/newsletter/") == ACCEPTED
        assert send(visitor(), token, "/newsletter/") == REFUSED
