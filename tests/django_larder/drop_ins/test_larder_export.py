"""CACHE_HEADERS as a rule file: the same decisions, read by the code that Larder reads rules with."""

import random
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from django.test import RequestFactory, override_settings

from django_larder._core import Rules
from django_larder.cache_headers import conf, export, expressions


def own(request, response, user, age):
    response["X-Own"] = "1"


EVERYTHING = {
    "policies": {"own": own},
    "timeouts": {
        "all-users": {600: ("^/blog/", r"^/blog/\d{4}/", "/", "^/static/"), 31536001: ("^/for-ever/",), 0: ("^/blog/drafts/",)},
        "anonymous-only": {300: (r"^/(news|events)/[-\w]+/$", r"^/search/\?(.*&)?q=")},
        "anonymous-and-authenticated": {200: ("^/shop/", "^/shop/offers/")},
        "per-user": {100: (r"^/accounts?/(?!login)", r"^/[^/]+/mine/", "(?i)^/Dashboard")},
        "own": {50: ("^/blog/by-country/",)},
    },
}


def exported(*arguments):
    said, told = StringIO(), StringIO()
    call_command("larder_export", *arguments, stdout=said, stderr=told)
    return said.getvalue(), told.getvalue()


@override_settings(CACHE_HEADERS=EVERYTHING)
def test_the_file_is_one_that_larder_reads_and_that_decides_the_same():
    text, told = exported("--upstream", "http://app.test:9000")
    rules = Rules.parse("larder.toml", text)
    assert 'upstream = "http://app.test:9000"' in text and rules.lookup_path == "/_larder/identity"
    assert rules.session_cookies == ["sessionid"]
    assert "decide the same on" in told
    ways = {
        "/blog/": ("all-users", 600.0),
        "/blog/by-country/x": (None, None),
        "/blog/drafts/1": (None, None),
        "/news/a-b/": ("anonymous-only", 300.0),
        "/news/a-b/?page=2": ("all-users", 600.0),
        "/search/?a=b&q=x": ("anonymous-only", 300.0),
        "/shop/": ("anonymous-and-authenticated", 200.0),
        "/dashBOARD": ("per-user", 100.0),
        "/for-ever/": ("all-users", 31536000.0),
    }
    for url, expected in ways.items():
        decision = rules.decide("GET", "https", "example.com", url, [])
        assert (decision.audience, decision.ttl) == expected, url


@override_settings(CACHE_HEADERS=EVERYTHING)
def test_what_it_can_t_say_is_said_to_people_and_less_is_kept():
    text, told = exported()
    assert "(?!login), which looks ahead" in told and "'own' of your own" in told
    rules = Rules.parse("larder.toml", text)
    for url in ("/account/settings", "/account/login"):
        decision = rules.decide("GET", "https", "example.com", url, [])
        assert decision.rule is not None and decision.audience is None, url
    with pytest.raises(CommandError, match="not everything"):
        exported("--strict")


def test_the_order_of_equals_and_rules_that_no_url_matches():
    timeouts = {"per-user": {10: ("^/b", "^/\u00e9")}, "all-users": {20: ("^/b", "^/.", "")}}
    with override_settings(CACHE_HEADERS={"timeouts": timeouts}):
        text, told = exported()
        rules = Rules.parse("larder.toml", text)
        assert rules.decide("GET", "http", "a.test", "/b", []).audience == "per-user"
        assert rules.decide("GET", "http", "a.test", "/c", []).audience == "all-users"
        assert rules.decide("GET", "http", "a.test", "/", []).audience == "all-users"
        assert "matches no URL" in told and "lookup" not in text


def test_wrong_settings_are_the_commands_error():
    with override_settings(CACHE_HEADERS={"timeouts": {"nobody": {}}}):
        with pytest.raises(CommandError, match="the name of no policy"):
            exported()


PIECES = [
    "/", "/a", "/blog", "a", "b1", r"\d", r"\d+", r"\w*", r"[-\w]+", "[^/]+", "[a-f0-9]{2,4}", ".*", ".+?", "(a|b|/c)", "(?:x|y/)?", r"\?",
    "page=", r"\.html", "$", r"\b", r"\Z", "(?i:Blog)", "(?:zz)", r"\B", "[^?&=]", "'", "-", "(?:a|ab|/b*)",
]  # fmt: skip


def made_up(chance):
    body = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 5)))
    return chance.choice(["^/", "/", "^", "(?i)^/", "^(?:/)"]) + body


@pytest.mark.parametrize("seed", range(20))
def test_made_up_settings_decide_the_same(seed):
    chance = random.Random(seed)
    names = ["all-users", "anonymous-only", "anonymous-and-authenticated", "per-user"]
    timeouts = {name: {chance.choice([0, 1, 60, 600]): [made_up(chance) for _ in range(4)]} for name in names}
    with override_settings(CACHE_HEADERS={"timeouts": timeouts}):
        file = export.exported("http://127.0.0.1:8000", "/_larder/identity")
        assert not file.wider
        urls = export.check(file)
        rules, larder = conf.read(), Rules.parse("larder.toml", file.text)
        for url in odd_urls(chance):
            export.compare(file, rules, larder, url)
        # The comparison is of something.
        assert len(urls) > 100 and any(larder.decide("GET", "https", "example.com", url, []).rule is not None for url in urls)


def odd_urls(chance):
    for _ in range(300):
        path = "/" + "".join(chance.choice(["a", "b", "/", "blog", "1", "z", "-", "x", "c", "y/", ".html", "é", "BLOG"]) for _ in range(chance.randint(0, 6)))
        query = chance.choice(["", "", {"page": "2"}, {"a": "b", "c": "é/"}])
        request: HttpRequest = RequestFactory().get(path, query or None)
        yield request.get_full_path()


def test_wider_expressions_match_all_that_the_original_matches():
    import re

    for source in [r"^/(a|b)-\1$", "^/(?!x)[a-z]+", r"^/\w+(?<!x)/", r"^(/(a)?)(?(2)b|c)", "^/a(?=b)"]:
        translation = expressions.for_larder(source)
        assert translation.lost, source
        text = f"[[rule]]\nmatch = '{translation.text}'\n"
        rules = Rules.parse("larder.toml", 'upstream = "http://127.0.0.1:1"\n' + text)
        matched = [url for url in export.plain_samples(source) if re.match(source, url)]
        assert matched, source
        for url in matched:
            assert rules.decide("GET", "http", "a.test", url, []).rule == 0, (source, url)


@pytest.mark.parametrize("seed", range(5))
def test_varnish_s_words_mean_the_same(seed):
    import re

    chance = random.Random(f"varnish {seed}")
    # What they have in common with Python's, so that Python can say what they mean.
    looking = ["(?=a|/)", "(?!b)", r"(?<=/)", "(?<!x)", "(?>a+)", "b*+", "(?-i:c)", "[^A-C]"]
    compared = 0
    for _ in range(200):
        source = made_up(chance) + chance.choice(looking) + chance.choice(PIECES)
        try:
            pattern = re.compile(source)
        except re.error:
            # Atomic groups are new in Python 3.11.
            continue
        other = re.compile(f"^(?:{expressions.for_varnish(source).text})")
        for url in export.plain_samples(source):
            assert bool(pattern.match(url)) == bool(other.search(url)), (source, other.pattern, url)
            compared += 1
    assert compared > 1000


def test_parts_that_match_nothing_are_still_an_expression():
    for source in ["^/a(?:\u00e9)?b", r"^/a(?:\s|c)", "^/a[\u00e9x]", "(?i)^/\u212aa", "^/(?:(?!)|b)"]:
        text = expressions.for_larder(source).text
        rules = Rules.parse("larder.toml", f'upstream = "http://127.0.0.1:1"\n[[rule]]\nmatch = \'{text}\'\n')
        urls = ["/ab", "/ac", "/ax", "/ka", "/b"]
        found = [url for url in urls if rules.decide("GET", "http", "a.test", url, []).rule == 0]
        assert found == [url for url in urls if conf._compiled("", source).match(url)] != [], source


def test_a_difference_is_found():
    with override_settings(CACHE_HEADERS={"timeouts": {"all-users": {10: ("^/aa",)}}}):
        file = export.exported("http://127.0.0.1:8000", "/_larder/identity")
        for wrong in ("match = '^/b'", "match = '^/aaa'"):
            with pytest.raises(export.Differs):
                export.check(export.Exported(file.text.replace("match = '^/aa'", wrong), (), file.places, file.wider))
        with pytest.raises(export.Differs):
            export.check(export.Exported(file.text.replace('"10s"', '"11s"'), (), file.places, file.wider))
