"""`@page` and `tag_response`."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import AsyncClient

from django_larder.page import PAGES, TAGS, Page, page, tag_response

RULES = '[[rule]]\npath = "/*"\nnever = true\n'


@pytest.mark.parametrize(
    ("path", "said", "tag"),
    [
        ("/paged/", "max-age=5, s-maxage=600, stale-while-revalidate=60", "paged"),
        ("/paged-later/", "max-age=0, s-maxage=600", "later"),
        ("/paged-class/", "max-age=0, s-maxage=600", "class"),
        ("/paged-class-later/", "max-age=0, s-maxage=600", "class"),
    ],
)
def test_it_wins_over_the_file_for_functions_and_classes(larder, client, path, said, tag):
    async def later():
        return await AsyncClient().get(path)

    with larder(RULES):
        for response in (client().get(path), client().get(path), async_to_sync(later)()):
            assert response["Cache-Control"] == said and response["Surrogate-Key"] == tag


def test_larder_alone_is_told_the_grace(larder, client):
    with larder(""):
        # It obeys s-maxage, which forbids stale pages.
        response = client().get("/paged/", HTTP_VIA="1.1 larder", HTTP_X_FORWARDED_FOR="192.0.2.1")
        assert response["Surrogate-Control"] == "max-age=600+60;larder"


def test_who_sees_another_version_gets_it_alone(larder, client):
    with larder(""):
        assert "s-maxage=600" in client().get("/versioned/")["Cache-Control"]
        other = client().get("/versioned/?version=staff")["Cache-Control"]
        assert "private" in other and "s-maxage" not in other


def test_methods_that_change_something_are_not_shared(larder, client):
    with larder(""):
        assert "s-maxage" not in client().post("/paged/").get("Cache-Control", "")


def test_the_site_keeps_one_rule_for_a_class(larder, client):
    with larder(""):
        client().get("/paged-class/")
        before = len(PAGES)
        client().get("/paged-class/")
        assert len(PAGES) == before


REFUSED = [
    ({"audience": "everybody"}, "audience must be one of all-users"),
    ({"ttl": -1}, "ttl must be a number of seconds"),
    ({"ttl": True}, "ttl must be a number of seconds"),
    ({"browser_ttl": None, "grace": float("inf")}, "grace must be"),
    ({"tags": "blog"}, "tags must be a list"),
    ({"tags": ["a b"]}, "can't be a tag"),
    ({"version": str, "audience": "per-user"}, "version goes with"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=[str(given) for given, _ in REFUSED])
def test_what_can_not_be_right_is_refused_where_the_decorator_stands(given, said):
    with pytest.raises(ValueError, match=said):
        page(**given)


def test_what_the_rules_refuse_names_the_view(larder):
    @page(ttl="ten minutes")
    def view(request):
        return HttpResponse()

    said = PAGES.pop()
    with larder(""), pytest.raises(ImproperlyConfigured, match=r"@page of test_page.*view:\d+"):
        said.rules  # noqa: B018


def test_durations_are_written_as_in_a_file():
    def keys(**given):
        more = {"ttl": None, "audience": None, "browser_ttl": None, "grace": None, "tags": (), "version": None}
        return Page("view", **(more | given)).keys

    assert keys(ttl=600)["ttl"] == "600s" and keys(ttl=timedelta(minutes=1))["ttl"] == "60s"
    assert keys(ttl=0.5)["ttl"] == "500ms" and keys(ttl="10m")["ttl"] == "10m" and keys(ttl=0)["ttl"] == "0s"


def test_every_audience_of_the_decorator_is_one_of_the_rules(larder):
    from django_larder.page import AUDIENCES

    with larder(""):
        for audience in AUDIENCES:
            Page("v", ttl=1, audience=audience, browser_ttl=None, grace=None, tags=(), version=None).rules  # noqa: B018


def test_tags_are_kept_once_and_in_order():
    response = tag_response(HttpResponse(), "a", 3, "a")
    tag_response(response, "b")
    assert list(response.__dict__[TAGS]) == ["a", "3", "b"]


@pytest.mark.parametrize("tag", ["", "a b", "a,b", "a\tb", "a\nb", "käse", "x" * 1025])
def test_what_can_be_no_tag_is_refused(tag):
    with pytest.raises(ValueError, match="can't be a tag"):
        tag_response(HttpResponse(), tag)
