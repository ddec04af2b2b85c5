"""The signed marker: when it is set, renewed and taken off."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from django_larder import conf
from django_larder._core import Identity

RULES = """
[identity]
session_cookies = ["sessionid"]
marker_keys = ["k1=env:LARDER_MARKER_KEY"]
lookup = "/_larder/identity"

[[rule]]
path = "/club/"
audience = "anonymous-and-authenticated"
ttl = "10m"
"""


@pytest.fixture
def visitor(larder, client):
    with larder(RULES, segment="project.visitors.segment"):
        yield client()


def proof(visitor):
    """What the visitor's marker proves of their session."""
    marker, session = visitor.cookies.get("larder_id"), visitor.cookies.get("sessionid")
    if not marker or not marker.value or not session:
        return None
    found = conf.rules().verify_marker(marker.value, ("sessionid", session.value), int(time.time()))
    return found and found[0]


def age(visitor, seconds):
    """Replaces the visitor's marker by one that has so long to go."""
    identity = proof(visitor)
    session = visitor.cookies["sessionid"].value
    visitor.cookies["larder_id"] = conf.rules().sign_marker(identity, ("sessionid", session), int(time.time()) + seconds)


def test_a_visitor_without_a_session_gets_none(visitor):
    assert not visitor.get("/club/").cookies


def test_login_sets_it_and_logout_takes_it_off(visitor, alice):
    response = visitor.get("/login/alice/")
    assert proof(visitor) == Identity(True, str(alice.pk))
    cookie = response.cookies["larder_id"]
    assert cookie["httponly"] and cookie["path"] == "/" and cookie["samesite"] == "Lax" and cookie["max-age"] == 600
    gone = visitor.get("/logout/").cookies["larder_id"]
    assert gone.value == "" and gone["max-age"] == 0


def test_it_is_signed_anew_when_the_session_is_another(visitor, alice):
    visitor.get("/login/alice/")
    before = visitor.cookies["larder_id"].value
    visitor.get("/rotate/")
    assert visitor.cookies["larder_id"].value != before and proof(visitor) == Identity(True, str(alice.pk))


def test_it_is_renewed_in_the_second_half_of_its_life_only(visitor, alice):
    visitor.get("/login/alice/")
    assert "larder_id" not in visitor.get("/club/").cookies
    age(visitor, 310)
    assert "larder_id" not in visitor.get("/club/").cookies
    age(visitor, 290)
    assert "larder_id" in visitor.get("/club/").cookies
    assert proof(visitor) == Identity(True, str(alice.pk))


def test_a_visitor_with_a_good_marker_costs_no_query(visitor, alice):
    from django.db import connection

    visitor.get("/login/alice/")
    with CaptureQueriesContext(connection, ) as queries:
        visitor.get("/plain/")
    assert len(queries) == 0
    age(visitor, 290)
    with CaptureQueriesContext(connection) as queries:
        visitor.get("/plain/")
    assert len(queries) == 2


def test_a_forged_or_foreign_marker_is_replaced(visitor, client, alice, bob):
    other = client()
    other.get("/login/bob/")
    visitor.get("/login/alice/")
    for forged in ("1.k1.x.y", "yes", other.cookies["larder_id"].value):
        visitor.cookies["larder_id"] = forged
        assert proof(visitor) is None
        visitor.get("/club/")
        assert proof(visitor) == Identity(True, str(alice.pk))


def test_a_session_without_a_login_is_signed_as_anonymous(visitor, db):
    visitor.get("/fill/")
    assert proof(visitor) == Identity(False)
    del visitor.cookies["larder_id"]
    visitor.get("/club/")
    assert proof(visitor) == Identity(False)


def test_a_changed_segment_is_told_at_once(visitor, alice):
    visitor.get("/login/alice/")
    visitor.get("/promote/")
    assert proof(visitor) == Identity(True, str(alice.pk), "staff")


def test_a_public_response_is_not_spoiled_by_a_cookie(visitor, alice):
    visitor.get("/login/alice/")
    del visitor.cookies["larder_id"]
    response = visitor.get("/says/", {"Cache-Control": "public, max-age=60"})
    assert not response.cookies and "Cookie" not in response.get("Vary", "")


def test_a_segment_that_can_not_be_told_leaves_the_visitor_unverified(larder, client, alice, caplog):
    with larder(RULES, segment=lambda request: "käse"):
        visitor = client()
        assert visitor.get("/login/alice/").status_code == 200
        assert "larder_id" not in visitor.cookies and "no marker" in caplog.text
    with larder(RULES, segment="project.visitors.broken"):
        visitor = client()
        assert visitor.get("/login/alice/").status_code == 200
        assert "larder_id" not in visitor.cookies and "failed" in caplog.text


def test_the_secret_of_another_key_and_no_identity_at_all(larder, client, alice):
    with larder(RULES, identity=False):
        visitor = client()
        visitor.get("/login/alice/")
        assert "larder_id" not in visitor.cookies


def test_the_marker_is_no_secret_of_somebody_elses_session(visitor, client, alice, bob):
    visitor.get("/login/alice/")
    thief = client()
    thief.get("/login/bob/")
    thief.cookies["larder_id"] = visitor.cookies["larder_id"].value
    assert proof(thief) is None


def test_a_request_whose_user_is_not_its_sessions_changes_nothing(larder, client, alice, bob):
    # As where an API's token says who it is, beside the session's cookie.
    others = {"bob": bob, "nobody": AnonymousUser()}

    def token(get_response):
        def middleware(request):
            if name := request.META.get("HTTP_TOKEN"):
                request.user = others[name]
            return get_response(request)

        return middleware

    import project.visitors

    project.visitors.token = token
    try:
        with larder(RULES, MIDDLEWARE=[*settings.MIDDLEWARE, "project.visitors.token"]):
            visitor = client()
            visitor.get("/login/alice/")
            for name in others:
                assert "larder_id" not in visitor.get("/club/", HTTP_TOKEN=name).cookies
                age(visitor, 290)
                visitor.get("/club/", HTTP_TOKEN=name)
                assert proof(visitor) == Identity(True, str(alice.pk))
    finally:
        del project.visitors.token


# ---- the look-up ----


def test_a_look_up_says_who_the_session_is(visitor, alice):
    assert visitor.get("/_larder/identity")["Larder-Identity"] == "class=anonymous"
    visitor.get("/login/alice/")
    response = visitor.get("/_larder/identity")
    assert response["Larder-Identity"] == f'class=authenticated, user="{alice.pk}"'
    assert response["Cache-Control"] == "no-cache, no-store, must-revalidate"


def test_what_a_visitor_writes_into_the_field_says_nothing(visitor, alice):
    response = visitor.get("/_larder/identity", HTTP_LARDER_IDENTITY='class=authenticated, user="1"')
    assert response["Larder-Identity"] == "class=anonymous"


# ---- asynchronous ----


def test_the_same_in_an_asynchronous_chain(larder, alice):
    async def story():
        visitor = AsyncClient()
        await visitor.aforce_login(alice) if hasattr(visitor, "aforce_login") else await sync_to_async(visitor.force_login)(alice)
        await visitor.get("/later/")
        assert proof(visitor) == Identity(True, str(alice.pk))
        assert "larder_id" not in (await visitor.get("/later/")).cookies
        await visitor.get("/promote/")
        assert proof(visitor) == Identity(True, str(alice.pk), "staff")
        gone = (await visitor.get("/logout/")).cookies["larder_id"]
        assert gone.value == ""

    for segment in ("project.visitors.segment", "project.visitors.later"):
        with larder(RULES, segment=segment):
            from asgiref.sync import async_to_sync

            alice.is_staff = False
            alice.save()
            async_to_sync(story)()


def test_no_thread_is_used_where_none_is_needed(larder):
    from django.core.handlers.asgi import ASGIHandler
    from django.test import AsyncRequestFactory

    from project import views

    ours = ["django_larder.middleware.LarderMiddleware"]
    with larder(RULES, MIDDLEWARE=ours):
        handler = ASGIHandler()

        async def ask():
            import threading

            views.THREADS.clear()
            response = await handler.get_response_async(AsyncRequestFactory().get("/later/"))
            return response, threading.get_ident()

        used = []
        original = asyncio.BaseEventLoop.run_in_executor

        def watched(self, *args):
            used.append(args)
            return original(self, *args)

        asyncio.BaseEventLoop.run_in_executor = watched
        try:
            response, thread = asyncio.run(ask())
        finally:
            asyncio.BaseEventLoop.run_in_executor = original
        assert response.status_code == 200 and views.THREADS == {thread} and not used
