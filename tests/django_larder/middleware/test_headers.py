"""What responses say by the rule file, and which are one visitor's."""

from collections.abc import MutableMapping

import pytest
from django.test import RequestFactory, override_settings

SHARED = """
[identity]
session_cookies = ["sessionid"]
bypass_cookies = ["messages"]
marker_keys = ["k1=env:LARDER_MARKER_KEY"]

[[rule]]
path = "/mine/"
never = true

[[rule]]
path = "/form/"
audience = "all-users"
ttl = "10m"
csrf = "django"

[[rule]]
path = "/desk/"
pass = true

[[rule]]
path = "/club/"
audience = "anonymous-and-authenticated"
ttl = "10m"

[[rule]]
match = '^/(plain|says|stream|english|noted)/'
audience = "all-users"
ttl = "10m"
browser_ttl = "5s"
grace = "1m"
tags = ["everything"]
"""
PUBLIC = "max-age=5, s-maxage=600, stale-while-revalidate=60"
NEVER = ("no-cache, no-store, must-revalidate", "no-cache", "0")


@pytest.fixture
def visitor(larder, client):
    with larder(SHARED):
        yield client()


def never(response):
    return tuple(response.get(name) for name in ("Cache-Control", "Pragma", "Expires"))


def test_a_rule_says_how_long_and_by_whom(visitor):
    assert visitor.get("/plain/")["Cache-Control"] == PUBLIC
    assert visitor.get("/stream/")["Cache-Control"] == PUBLIC
    assert visitor.get("/desk/")["Cache-Control"] == "private, no-cache"
    assert never(visitor.get("/mine/")) == NEVER
    assert not visitor.get("/name/").has_header("Cache-Control")


def test_what_the_application_says_stricter_stays(visitor):
    for said in ("no-store", "private", "private, max-age=3"):
        assert visitor.get("/says/", {"Cache-Control": said})["Cache-Control"] == said
    assert visitor.get("/says/", {"Vary": "*"})["Cache-Control"] == "private, no-cache"


def test_vary_is_merged_and_never_overwritten(visitor):
    assert visitor.get("/english/")["Vary"] == "Accept-Language"
    response = visitor.get("/says/", {"Vary": "Origin"})
    assert response["Vary"] == "Origin"


def test_only_a_get_is_shared(visitor):
    assert "s-maxage" not in visitor.post("/form/").get("Cache-Control", "")
    assert visitor.head("/plain/")["Cache-Control"] == PUBLIC


def test_a_page_with_a_token_is_one_visitors(visitor):
    response = visitor.get("/form/")
    assert response["Cache-Control"] == "private, no-cache" and "csrftoken" in response.cookies


def test_a_token_that_is_not_djangos_is_one_visitors_too(visitor, alice, monkeypatch):
    assert visitor.get("/says/", {"X": "y"})["Cache-Control"] == PUBLIC
    from django.http import HttpResponse

    from project import views

    token = "nqSHtQ4Y0pCk9h0Z2mB6wH3ZfZ3yq7qF6mX1T+8x0Uq/0r5bYk3dJ9mQ2sV4c7eXw1aLr8hTzG0nB5iKoP6uYg=="
    form = f'<form><input name="authenticity_token" value="{token}"></form>'
    monkeypatch.setattr(views, "made", lambda text: HttpResponse(form))
    assert visitor.get("/plain/")["Cache-Control"] == "private, no-cache"
    monkeypatch.setattr(views, "made", lambda text: HttpResponse(form, content_type="text/plain"))
    assert visitor.get("/plain/")["Cache-Control"] == PUBLIC
    # A page for all is looked through whoever asks for it: others are given it.
    visitor.force_login(alice)
    assert "larder_id" in visitor.get("/plain/").cookies
    assert visitor.get("/plain/")["Cache-Control"] == PUBLIC
    monkeypatch.setattr(views, "made", lambda text: HttpResponse(form))
    assert visitor.get("/plain/")["Cache-Control"] == "private, no-cache"


def test_a_page_with_a_message_is_one_visitors(visitor):
    assert visitor.get("/noted/")["Cache-Control"] == PUBLIC
    visitor.get("/note/")
    response = visitor.get("/noted/")
    assert "saved" in response.content.decode() and "private" in response["Cache-Control"]
    assert visitor.get("/noted/")["Cache-Control"] == PUBLIC


def test_a_page_that_sets_a_cookie_is_one_visitors(larder, client):
    # django-cache-headers looked at the headers, where Django's cookies are not.
    rules = '[[rule]]\npath = "/fill/"\naudience = "all-users"\nttl = "10m"\n'
    with larder(rules):
        response = client().get("/fill/")
        assert "sessionid" in response.cookies and response["Cache-Control"] == "private, no-cache"


def test_a_cookie_that_the_rule_drops_keeps_no_page_from_being_shared(larder, client):
    rules = '[[rule]]\npath = "/visited/"\naudience = "all-users"\nttl = "10m"\n'
    with larder(rules):
        response = client().get("/visited/")
        assert "visited" in response.cookies and response["Cache-Control"] == "private, no-cache"
    with larder(rules + 'drop_set_cookie = ["visited"]\n'):
        response = client().get("/visited/")
        assert not response.cookies and "s-maxage=600" in response["Cache-Control"]


def test_who_is_logged_in_gets_no_public_page_of_an_audience(larder, client, alice):
    with larder(SHARED):
        visitor = client()
        anonymous = visitor.get("/club/")
        assert "s-maxage=600" in anonymous["Cache-Control"] and anonymous["Vary"] == "Cookie"
        visitor.force_login(alice)
        member = visitor.get("/club/")
        assert "member" in member.content.decode()
        assert "s-maxage" not in member["Cache-Control"] and "private" in member["Cache-Control"]


def test_headers_can_be_left_alone(larder, client):
    with larder(SHARED, headers=False):
        assert not client().get("/plain/").has_header("Cache-Control")


def test_tags_of_rule_response_and_application_are_told_together(visitor):
    assert visitor.get("/plain/")["Surrogate-Key"] == "everything"
    assert visitor.get("/tagged/3/")["Surrogate-Key"] == "post:3 3"
    assert visitor.get("/says/", {"Surrogate-Key": "mine everything"})["Surrogate-Key"] == "mine everything"
    assert not visitor.get("/mine/").has_header("Surrogate-Key")


def test_tags_go_into_the_field_that_the_rules_or_the_setting_name(larder, client):
    with larder(SHARED + '\n[tags]\nfields = ["Cache-Tag"]\n'):
        assert client().get("/tagged/3/")["Cache-Tag"] == "post:3,3"
    with larder(SHARED, tag_header="xkey"):
        assert client().get("/tagged/3/")["xkey"] == "post:3 3"


def test_scripts_answers_are_never_kept_where_the_site_says_so(larder, client):
    script = {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}
    for use in (larder(SHARED + "\n[xhr]\nnever = true\n"), larder(SHARED, never_xhr=True)):
        with use:
            visitor = client()
            assert never(visitor.get("/plain/", **script)) == NEVER
            assert never(visitor.get("/plain/", HTTP_HX_REQUEST="true")) == NEVER
            assert visitor.get("/plain/")["Cache-Control"] == PUBLIC


def test_a_request_that_larder_would_refuse_is_left_alone(larder, client):
    with larder(SHARED), override_settings(ALLOWED_HOSTS=["other.test"]):
        response = client(raise_request_exception=False).get("/plain/")
        assert response.status_code in (200, 400) and "s-maxage" not in response.get("Cache-Control", "")


def test_without_rules_nothing_is_said(client):
    with override_settings(LARDER={}):
        assert not client().get("/plain/").has_header("Cache-Control")


class Elsewhere(MutableMapping):
    """Fields that are not where Django's own are."""

    def __init__(self, fields):
        self.kept = {name.lower(): (name, value) for name, value in fields}

    def __getitem__(self, name):
        return self.kept[name.lower()][1]

    def __setitem__(self, name, value):
        self.kept[name.lower()] = (name, value)

    def __delitem__(self, name):
        del self.kept[name.lower()]

    def __iter__(self):
        return (name for name, _ in self.kept.values())

    def __len__(self):
        return len(self.kept)


@pytest.mark.parametrize("path", ["/plain/", "/mine/", "/desk/", "/none/"])
def test_a_response_that_keeps_its_fields_in_another_way_says_the_same(larder, path):
    from django.http import HttpResponse

    from django_larder.middleware import LarderMiddleware

    def usual(request):
        return HttpResponse("x", headers={"Expires": "0", "Surrogate-Key": "mine", "X-Accel-Expires": "9", "Vary": "Origin"})

    def unusual(request):
        response = usual(request)
        response.headers = Elsewhere(response.items())
        return response

    with larder(SHARED):
        told = [dict(LarderMiddleware(view)(RequestFactory().get(path)).items()) for view in (usual, unusual)]
        assert told[0] == told[1]
        assert ("Expires" in told[0]) is (path in ("/mine/", "/none/")) and told[0]["Vary"] == "Origin"


def test_a_word_that_no_field_can_carry_is_taken_for_one_against_sharing(larder):
    from django.http import HttpResponse

    from django_larder.middleware import LarderMiddleware

    with larder(SHARED):
        told = LarderMiddleware(lambda _: HttpResponse("x", headers={"Cache-Control": "max-age=60\x00"}))(RequestFactory().get("/plain/"))
        assert told["Cache-Control"] == "private, no-cache"
