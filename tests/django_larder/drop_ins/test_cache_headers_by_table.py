"""The order of the middleware's decisions, written down a second time and held against it on made-up requests."""

import random

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from django_larder.cache_headers.middleware import CacheHeadersMiddleware

AGES = {"all-users": 60, "anonymous-only": 61, "anonymous-and-authenticated": 62, "per-user": 63}
HASHES = {
    "all-users": "messages",
    "anonymous-only": "messages|isauthenticated",
    "anonymous-and-authenticated": "messages|isauthenticated",
    "per-user": "messages|sessionid",
}
TIMEOUTS = {name: {age: [f"^/{name}/"]} for name, age in AGES.items()} | {"own": {9: ["^/own/"]}}


def own(request, response, user, age):
    response["X-Own"] = str(age)


class Case:
    """One request and what the view answers."""

    def __init__(self, chance):
        def seldom(share=0.15):
            return chance.random() < share

        self.debug = seldom(0.05)
        self.user = chance.choice(["none", "anonymous", "anonymous", "authenticated", "authenticated"])
        self.event = seldom(0.1)
        self.control = "max-age=9" if seldom(0.1) else None
        self.status = chance.choice([200] * 8 + [404, 302, 304])
        self.method = chance.choice(["GET"] * 6 + ["HEAD", "POST", "PUT"])
        self.session = chance.choice([None, None, "x" * 32, "short", ""])
        self.marker = chance.choice([None, "", "1", "1", "2"])
        self.checks = chance.random() < 0.5
        self.personal = chance.choice([None] * 8 + ["cookie", "field", "token", "authorization", "star"])
        self.policy = chance.choice([*AGES, *AGES, "own", "elsewhere"])
        self.marked = seldom(0.1)
        self.waiting = seldom()
        self.vary = chance.choice([None, None, "Cookie", "Accept-Language", "cookie, HX-Request"])
        self.shared = chance.choice([[], ["per-user"], ["per-user", "anonymous-and-authenticated"]])

    def path(self):
        return f"/{self.policy}/" + ("?dch-uuid=1" if self.marked else "")

    def request(self):
        request = RequestFactory().generic(self.method, self.path())
        if self.user != "none":
            request.user = User(username="a") if self.user == "authenticated" else AnonymousUser()
        if self.event:
            request._dch_auth_event = True
        for name, value in [("sessionid", self.session), ("isauthenticated", self.marker)]:
            if value is not None:
                request.COOKIES[name] = value
        if self.personal == "authorization":
            request.META["HTTP_AUTHORIZATION"] = "Basic x"
        request._messages = ["one"] if self.waiting else []
        return request

    def view(self, request):
        response = HttpResponse("page", status=self.status)
        if self.vary:
            response["Vary"] = self.vary
        if self.control:
            response["Cache-Control"] = self.control
        if self.personal == "cookie":
            response.set_cookie("a", "b")
        elif self.personal == "field":
            response["Set-Cookie"] = "a=b"
        elif self.personal == "star":
            response["Vary"] = "*"
        elif self.personal == "token":
            request.META["CSRF_COOKIE_NEEDS_UPDATE"] = False
        return response

    def expected(self):
        """Status, Cache-Control, X-Accel-Expires, X-Hash-Cookies."""
        untouched = (self.status, self.control, None, None)
        if self.debug or self.user == "none" or self.control or self.status != 200:
            return untouched
        asks_again = (200, "no-cache", None, None)
        if self.event:
            return asks_again
        logged_in = self.user == "authenticated"
        if self.checks and (self.marker or "") != ("1" if logged_in else ""):
            if logged_in or self.marker:
                return (400, "no-cache", None, None)
        if self.method not in ("GET", "HEAD") or self.personal or self.policy == "elsewhere" or self.marked:
            return asks_again
        if self.waiting:
            return (302, "no-cache", None, None)
        if self.policy == "own":
            return asks_again
        return (200, *self.by_policy(logged_in), HASHES[self.policy])

    def by_policy(self, logged_in):
        age = AGES[self.policy]
        shared = (f"max-age=5, s-maxage={age}", str(age))
        is_private = self.policy == "anonymous-and-authenticated" and logged_in and self.policy not in self.shared
        if self.policy.startswith("anonymous") and not is_private and (self.marker or "") != ("1" if logged_in else ""):
            return ("no-cache", None)
        if self.policy == "anonymous-only":
            return ("no-cache", None) if logged_in else shared
        if self.policy == "per-user" and (logged_in or self.session):
            is_private = not (self.session and "per-user" in self.shared)
        return ("private, max-age=5", None) if is_private else shared

    def expected_vary(self, hashed):
        said = "*" if self.personal == "star" else self.vary
        if hashed is None:
            return said
        others = [name for name in (said or "").replace(" ", "").split(",") if name.lower() not in ("", "cookie")]
        return ",".join(["Accept-Encoding", "Cookie", *others])


@pytest.mark.parametrize("seed", range(8))
def test_the_middleware_decides_by_the_table(seed):
    chance = random.Random(seed)
    seen = set()
    for _ in range(500):
        case = Case(chance)
        headers = {
            "policies": {"own": own},
            "timeouts": TIMEOUTS,
            "enable-tampering-checks": case.checks,
            "danger-shared-policies": case.shared,
        }
        with override_settings(CACHE_HEADERS=headers, DEBUG=case.debug):
            response = CacheHeadersMiddleware(case.view)(case.request())
        names = ("Cache-Control", "X-Accel-Expires", "X-Hash-Cookies")
        found = (response.status_code, *(response.get(name) for name in names))
        assert found == case.expected(), vars(case)
        if found[0] == case.status:
            assert response.get("Vary") == case.expected_vary(found[3]), vars(case)
        seen.add(found)
    # Every row of the table came up.
    assert len(seen) > 12
