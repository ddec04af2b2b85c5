"""What a real browser makes of Larder over TLS: HTTP/2, many requests at once, the cache, a form, the way to https."""

from chromium import field
from conftest import PARTS, Application


def test_a_page_and_all_its_parts_come_by_http2_and_the_next_visitor_gets_them_from_the_cache(larder, visitor):
    url = f"https://site.test:{larder.secure}/"
    before = Application.made
    for turn in range(2):
        page = visitor()
        _, responses = page.open(url)
        assert page.run("window.parts") == PARTS
        wanted = ["", *(f"part-{number}.js" for number in range(PARTS))]
        assert {responses[name]["protocol"] for name in wanted} == {"h2"}
        assert {responses[name]["status"] for name in wanted} == {200}
        if turn == 1:
            hits = [name for name in wanted if "larder; hit" in field(responses[name], "cache-status")]
            assert hits == wanted
    assert Application.made == before + 1


def test_the_application_is_told_of_https(larder, visitor):
    visitor().open(f"https://site.test:{larder.secure}/only-https")
    fields = next(fields for path, fields in reversed(Application.seen) if path == "/only-https")
    told = {name.lower(): value for name, value in fields.items()}
    assert told["x-forwarded-proto"] == "https"
    assert told["host"] == f"site.test:{larder.secure}"


def test_a_form_is_sent_and_answered(larder, visitor):
    page = visitor()
    page.open(f"https://site.test:{larder.secure}/")
    page.run("document.querySelector('input').value = 'Käse & Brot'")
    _, responses = page.load(lambda: page.run("document.querySelector('button').click()"))
    assert page.text() == "got Käse & Brot"
    assert responses["form"]["protocol"] == "h2"


def test_the_documented_form_fetches_its_token_when_it_is_sent(larder, visitor):
    url = f"https://site.test:{larder.secure}/later/"
    for expected in ("stored", "hit"):
        page = visitor()
        _, responses = page.open(url)
        assert expected in field(responses["later/"], "cache-status")
        page.run("document.querySelector('input').value = 'Käthe'")
        page.load(lambda: page.run("document.querySelector('button').click()"))
        assert page.text() == "got Käthe, fetched when it was needed"
        # What was sent was a change.
        if expected == "stored":
            visitor().open(url)


def test_who_comes_by_http_is_sent_to_https_and_told_to_stay(larder, visitor):
    page = visitor()
    redirects, responses = page.open(f"http://site.test:{larder.plain}/")
    assert [redirect["status"] for redirect in redirects] == [301]
    assert page.run("location.href") == f"https://site.test:{larder.secure}/"
    assert "strict-transport-security" not in {name.lower() for name in redirects[0]["headers"]}
    assert field(responses[""], "strict-transport-security") == "max-age=300"
