"""Pages that Larder asks for: for whom they are made, and which are confirmed."""

import base64
import hmac
import time

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.test import AsyncClient, RequestFactory

from conftest import KEY
from django_larder._core import Rules
from django_larder.visit import is_trusted

RULES = """
[identity]
session_cookies = ["sessionid"]
marker_keys = ["k1=env:LARDER_MARKER_KEY"]

[audience.desk]
key = ["segment"]

[[rule]]
path = "/desk/"
audience = "desk"
ttl = "10m"

[[rule]]
path = "/*"
audience = "anonymous-and-authenticated"
ttl = "10m"
"""
MEMBER = "class=authenticated"


@pytest.fixture
def site(larder, client):
    with larder(RULES, segment="project.visitors.segment", trusted_proxies=["127.0.0.1"]):
        yield client()


def proof_of(told, key_id="k1", key=KEY, expires=None):
    """As docs/rules.md says."""
    expires = str(int(time.time()) + 300 if expires is None else expires)
    parts = [part.encode() for part in ("larder identity page 1", key_id, told, expires)]
    mac = hmac.new(key.encode(), b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256").digest()
    return f"{key_id}.{expires}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def ask(client, path, told=None, **more):
    """As Larder asks."""
    fields = {"HTTP_VIA": "1.1 larder", "HTTP_USER_AGENT": "Larder", "REMOTE_ADDR": "127.0.0.1"}
    if told is not None:
        fields |= {"HTTP_LARDER_IDENTITY": told, "HTTP_LARDER_IDENTITY_PROOF": proof_of(told)}
    return client.get(path, **(fields | more))


def confirmed(response):
    return "larder-identity" in response.get("Vary", "").lower()


@pytest.mark.parametrize("path", ["/club/", "/hello/", "/plain/"])
def test_a_page_for_members_is_made_without_a_session_and_confirmed(site, path):
    response = ask(site, path, MEMBER)
    assert confirmed(response) and "stranger" not in response.content.decode()
    # Larder sets the lifetime by its rule, and would obey a `private`.
    assert not response.has_header("Cache-Control")


def test_a_page_for_strangers_is_one_and_needs_no_cookie(site):
    response = ask(site, "/club/", "class=anonymous")
    assert "stranger" in response.content.decode()
    response = ask(site, "/club/")
    assert "stranger" in response.content.decode() and not confirmed(response)


@pytest.mark.parametrize("path", ["/name/", "/cart/", "/mine/", "/desk/", "/later/name/"])
def test_a_page_that_shows_more_than_was_told_is_not_confirmed(site, path):
    response = ask(site, path, MEMBER)
    assert not confirmed(response) and "no-cache" in response["Cache-Control"]


def test_what_was_not_told_is_not_made_up(site, caplog):
    """A fragment kept under nobody's name would be shown to strangers."""
    from django_larder.visit import NotShared, SomeUser, Visit

    fields = {"HTTP_LARDER_IDENTITY": MEMBER, "HTTP_LARDER_IDENTITY_PROOF": proof_of(MEMBER)}
    visit = Visit(RequestFactory().get("/", HTTP_VIA="1.1 larder", REMOTE_ADDR="127.0.0.1", **fields))
    user = SomeUser(visit)
    assert user.is_authenticated and not user.is_anonymous and user.is_active and visit.beyond is None
    for read in (
        lambda: user.pk,
        lambda: user.username,
        lambda: getattr(user, "is_staff", False),
        lambda: user.has_perm("x"),
        lambda: str(user),
        lambda: f"{user}",
        lambda: user == user,
        lambda: {user},
        lambda: visit.segment,
    ):
        visit.beyond = None
        with pytest.raises(NotShared):
            read()
        assert visit.beyond
    # Nothing is wrong, and nobody is warned.
    assert ask(site, "/name/", MEMBER).status_code == 409 and not [line for line in caplog.records if line.levelname == "WARNING"]


def test_a_view_that_needs_a_real_user_is_answered_without_an_error(site):
    response = ask(site, "/boom/", MEMBER)
    assert response.status_code == 409 and not confirmed(response)
    with pytest.raises(LookupError):
        # What fails of itself goes on failing.
        site.force_login(__import__("django.contrib.auth.models", fromlist=["User"]).User.objects.create_user("carol"))
        site.get("/boom/")


def test_a_page_for_a_user_is_made_for_them_and_nobody_else(site, alice, bob):
    for user in (alice, bob):
        response = ask(site, "/mine/", f'user="{user.pk}"')
        assert confirmed(response) and f"mine {user.username} {user.pk}" in response.content.decode()
    alice.is_active = False
    alice.save()
    for nobody in (alice.pk, 999999):
        response = ask(site, "/mine/", f'user="{nobody}"')
        assert not confirmed(response) and "mine alice" not in response.content.decode()


def test_a_page_for_a_segment_is_what_the_view_is_told(site):
    response = ask(site, "/desk/", 'segment="staff"')
    assert confirmed(response) and "desk of staff" in response.content.decode()
    # Whoever has a segment may be logged in or not: that is no part of the key.
    response = ask(site, "/club/", 'segment="staff"')
    assert not confirmed(response)


def test_the_segment_of_a_visitors_own_request_is_the_sites_word(site, alice):
    assert "desk of None" in site.get("/desk/").content.decode()
    alice.is_staff = True
    alice.save()
    site.force_login(alice)
    assert "desk of staff" in site.get("/desk/").content.decode()


def test_a_version_that_is_one_visitors_is_not_confirmed(site):
    assert confirmed(ask(site, "/versioned/", MEMBER))
    response = ask(site, "/by-staff/", MEMBER)
    assert not confirmed(response) and response["Cache-Control"] == "private, no-cache"


FORGED = [
    {"REMOTE_ADDR": "192.0.2.1"},
    {"REMOTE_ADDR": ""},
    {"HTTP_VIA": "1.1 other"},
    {"HTTP_VIA": ""},
    {"HTTP_X_FORWARDED_FOR": "192.0.2.1"},
    {"HTTP_FORWARDED": "for=192.0.2.1;proto=http"},
]


@pytest.mark.parametrize("forged", FORGED, ids=lambda forged: "-".join(f"{k}={v}" for k, v in forged.items()))
def test_nobody_else_is_believed(site, alice, forged):
    for told in (MEMBER, f'user="{alice.pk}"', 'segment="staff"'):
        for path in ("/club/", "/mine/", "/desk/"):
            response = ask(site, path, told, **forged)
            body = response.content.decode()
            assert not confirmed(response) and not any(word in body for word in ("member", "alice", "staff")), (told, path)


def test_by_default_nobody_is_believed(larder, client):
    with larder(RULES):
        assert "stranger" in ask(client(), "/club/", MEMBER).content.decode()


def test_only_a_get_is_made_for_somebody(site):
    fields = {"HTTP_VIA": "1.1 larder", "REMOTE_ADDR": "127.0.0.1", "HTTP_LARDER_IDENTITY": MEMBER}
    fields["HTTP_LARDER_IDENTITY_PROOF"] = proof_of(MEMBER)
    assert "stranger" in site.post("/club/", **fields).content.decode()


def test_what_larder_would_not_write_is_not_read():
    without_keys = Rules.parse("larder.toml", "")
    for text, told in [
        ("class=authenticated", (True, None, None)),
        ("class=anonymous", (False, None, None)),
        ('user="42"', (None, "42", None)),
        ('segment="a \\"b\\" \\\\ c"', (None, None, 'a "b" \\ c')),
        ('class=authenticated, user="42", segment="s"', (True, "42", "s")),
        ('class=authenticated, segment="s"', (True, None, "s")),
        ("", None),
        (", user=\"42\"", None),
        ("class=staff", None),
        ('class=authenticated, class=anonymous', None),
        ('user="a"b"', None),
        ('user="42', None),
        ('user="42"\n', None),
    ]:
        if told is None:
            with pytest.raises(ValueError):
                without_keys.told(text)
        else:
            assert without_keys.told(text) == told, text


UNPROVEN = {
    "none": ({"HTTP_LARDER_IDENTITY_PROOF": None}, "without Larder-Identity-Proof"),
    "another key's": ({"HTTP_LARDER_IDENTITY_PROOF": proof_of(MEMBER, key="f" * 32)}, "is not what its proof is of"),
    "an unknown key's": ({"HTTP_LARDER_IDENTITY_PROOF": proof_of(MEMBER, key_id="k2")}, "not among the application's identity.marker_keys"),
    "of something else": ({"HTTP_LARDER_IDENTITY_PROOF": proof_of("class=anonymous")}, "is not what its proof is of"),
    "old": ({"HTTP_LARDER_IDENTITY_PROOF": proof_of(MEMBER, expires=1767225600)}, "has expired"),
    "nonsense": ({"HTTP_LARDER_IDENTITY_PROOF": "k1"}, "not as Larder writes it"),
}


@pytest.mark.parametrize(("fields", "why"), UNPROVEN.values(), ids=UNPROVEN)
def test_who_has_no_key_can_not_have_pages_made_for_others(site, caplog, fields, why):
    """As from another proxy on the same machine, that says nothing of its visitors."""
    fields = {"HTTP_VIA": "1.1 larder", "REMOTE_ADDR": "127.0.0.1", "HTTP_LARDER_IDENTITY": MEMBER} | fields
    response = site.get("/club/", **{name: value for name, value in fields.items() if value is not None})
    assert "stranger" in response.content.decode() and not confirmed(response)
    [line] = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert line.startswith("'/club/' is made for whoever asks") and why in line


def test_without_keys_what_larder_says_is_believed_without_proof(larder, client):
    rules = RULES.replace('marker_keys = ["k1=env:LARDER_MARKER_KEY"]', 'lookup = "/_larder/identity"')
    with larder(rules, trusted_proxies=["127.0.0.1"]):
        assert confirmed(ask(client(), "/club/", MEMBER, HTTP_LARDER_IDENTITY_PROOF=""))


def test_where_nobody_can_know_visitors_nobody_is_believed(larder, client):
    """As where trusted proxies are named for the scheme alone."""
    with larder('[[rule]]\npath = "/*"\naudience = "all-users"\nttl = "1m"\n', trusted_proxies=["127.0.0.1"]):
        response = ask(client(), "/club/", MEMBER)
        assert "stranger" in response.content.decode() and not confirmed(response)


def test_a_session_of_larders_own_request_for_one_user_gets_no_marker(larder, client, alice):
    rules = RULES.replace('"anonymous-and-authenticated"', '"per-user"')
    with larder(rules):
        visitor = client()
        visitor.force_login(alice)
        response = ask(visitor, "/name/")
        # Larder stores it for that session: nothing may keep it from that.
        assert "hello alice" in response.content.decode()
        assert not response.cookies and not response.has_header("Cache-Control")


def test_the_same_in_an_asynchronous_chain(larder, alice):
    async def story():
        site = AsyncClient()
        fields = {"via": "1.1 larder", "larder-identity": MEMBER, "larder-identity-proof": proof_of(MEMBER)}
        for path, is_confirmed in (("/club/", True), ("/later/", True), ("/later/name/", False), ("/name/", False)):
            response = await site.get(path, headers=fields, REMOTE_ADDR="127.0.0.1")
            assert confirmed(response) is is_confirmed, path
        fields["larder-identity"] = f'user="{alice.pk}"'
        fields["larder-identity-proof"] = proof_of(fields["larder-identity"])
        response = await site.get("/later/name/", headers=fields)
        assert confirmed(response) and "hello alice" in response.content.decode()

    with larder(RULES, trusted_proxies=["127.0.0.1"]):
        async_to_sync(story)()


def reads_early(attribute):
    def middleware(get_response):
        def handle(request):
            getattr(request.user, attribute)
            return get_response(request)

        return handle

    return middleware


@pytest.mark.parametrize(("attribute", "is_confirmed"), [("is_authenticated", True), ("username", False)])
def test_middleware_that_looks_at_the_user_before_the_view_sees_whom_the_page_is_for(larder, client, alice, attribute, is_confirmed):
    import project.visitors

    project.visitors.early = reads_early(attribute)
    try:
        more = {"MIDDLEWARE": [*settings.MIDDLEWARE, "project.visitors.early"]}
        with larder(RULES, trusted_proxies=["127.0.0.1"], **more):
            response = ask(client(), "/club/", MEMBER)
            assert confirmed(response) is is_confirmed and "stranger" not in response.content.decode()
            response = ask(client(), "/mine/", f'user="{alice.pk}"')
            assert confirmed(response) and "mine alice" in response.content.decode()
    finally:
        del project.visitors.early


def test_addresses_networks_and_sockets():
    trusted = ("127.0.0.1", "10.0.0.0/8", "2001:db8::/32")
    for address in ("127.0.0.1", "10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3"):
        assert is_trusted(address, trusted), address
    for address in ("", "127.0.0.2", "11.0.0.1", "::1", "localhost", "10.1.2.3, 10.1.2.3"):
        assert not is_trusted(address, trusted), address
    assert is_trusted("", ("unix",)) and not is_trusted("127.0.0.1", ("unix",))
