"""Markers, keys, masks, holes and smaller pages are those of the proxy: by vectors, and by what others make of them."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from django_larder import _core
from django_larder._core import Identity, Rules

ROOT = Path(__file__).parent.parent.parent.parent
SESSION = ("sessionid", "abcdefgh")
EXPIRES = 1_767_225_600
RULES = """
[identity]
session_cookies = ["sessionid"]
marker_keys = ["k1=env:LARDER_VECTOR_KEY", "old=env:LARDER_VECTOR_OLD"]
marker_cookie = "who"
"""


@pytest.fixture
def rules(monkeypatch):
    monkeypatch.setenv("LARDER_VECTOR_KEY", "k1" * 32)
    monkeypatch.setenv("LARDER_VECTOR_OLD", "o" * 32)
    return Rules.parse("larder.toml", RULES)


def marker_by_hand(key_id, secret, payload, session):
    """The marker by its drawing in crates/policy/src/identity/marker.rs, made with Python's own library."""
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    for part in [b"larder identity marker 1", key_id, payload, *session]:
        mac.update(len(part).to_bytes(4, "big") + part)
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (payload, mac.digest())]
    return b".".join([b"1", key_id, *parts]).decode()


def test_markers_are_made_as_drawn(rules):
    payload = b'class=authenticated, user="42", segment="staff", session="sessionid", expires=1767225600'
    expected = marker_by_hand(b"k1", b"k1" * 32, payload, (b"sessionid", b"abcdefgh"))
    identity = Identity(True, "42", "staff")
    assert rules.sign_marker(identity, SESSION, EXPIRES) == expected
    assert rules.verify_marker(expected, SESSION, EXPIRES - 1) == (identity, EXPIRES)
    # The older key still counts.
    older = marker_by_hand(b"old", b"o" * 32, payload, (b"sessionid", b"abcdefgh"))
    assert rules.verify_marker(older, SESSION, EXPIRES - 1) == (identity, EXPIRES)
    assert (rules.marker_keys, rules.marker_cookie, rules.session_cookies) == (2, "who", ["sessionid"])


def test_a_marker_proves_nothing_else(rules):
    marker = rules.sign_marker(Identity(True, "42"), SESSION, EXPIRES)
    for wrong in [
        (marker, ("sessionid", "other"), EXPIRES - 1),
        (marker, ("another", "abcdefgh"), EXPIRES - 1),
        (marker, SESSION, EXPIRES),
        (marker[:-1], SESSION, EXPIRES - 1),
        (marker.replace("k1", "k2"), SESSION, EXPIRES - 1),
        ("", SESSION, 0),
        ("é", SESSION, 0),
    ]:
        assert rules.verify_marker(*wrong) is None, wrong
    for user, session, expires in [("", SESSION, 1), ("é", SESSION, 1), ("x" * 257, SESSION, 1), ("a", ("sessionid", ""), 1), ("a", SESSION, 10**15)]:
        with pytest.raises(ValueError):
            rules.sign_marker(Identity(True, user), session, expires)
    with pytest.raises(ValueError, match="identity.marker_keys"):
        Rules.parse("larder.toml", "").sign_marker(Identity(True), SESSION, 1)


def test_page_keys_are_those_of_the_old_package_and_of_the_proxy():
    key = "099af28184a42902e921c1b4c5d9db8b"
    assert _core.nginx_memcache_key("example1.com", "/") == key
    for host, path, version, cookie in [
        ("example1.com", "/", "", "pv"),
        ("a.test:8000", "/list/?page=2", "authed", "pv"),
        ("a.test", "/%C3%A9/?" + "x" * 3000, "7", "other"),
        ("é.test", "/é", "ß", "pv"),
    ]:
        raw = f"{host}{path}&{cookie}={version}".encode()
        assert _core.nginx_memcache_key(host, path, version, cookie) == hashlib.md5(raw).hexdigest()
    parts = ("", "1", "pv", "https", "example1.com", "/", "")
    assert _core.page_key("django-nginx-memcache", *parts) == f":1:{key}"
    assert _core.page_key("larder", "larder", "1", "pv", "https", "a.test", "/x?y", "") == "larder:https://a.test/x?y"
    assert _core.page_key("larder", "larder", "1", "pv", "http", "a.test", "/%20", "7") == "larder:7:http://a.test/%2520"
    for style, target in [("other", "/"), ("larder", "/" + "x" * 300), ("larder", "no-path")]:
        with pytest.raises(ValueError):
            _core.page_key(style, "larder", "1", "pv", "https", "a.test", target, "")


def vectors():
    """Made by Django itself: crates/html/tests/vectors/make_csrf.py."""
    lines = (ROOT / "crates/html/tests/vectors/csrf.txt").read_text().splitlines()
    return [line.split(" ") for line in lines if not line.startswith("#")]


def test_masked_secrets_are_tokens_that_django_takes():
    from django.middleware import csrf

    secrets = [line[2] for line in vectors() if line[0] == "token"]
    assert len(secrets) >= 16
    for secret in secrets:
        token, other = _core.mask(secret), _core.mask(secret)
        assert token != other
        assert csrf._does_token_match(token, secret)
        assert csrf._unmask_cipher_token(token) == secret
        # A token stands for its secret, as in a cookie of older versions.
        assert csrf._unmask_cipher_token(_core.mask(token)) == secret
    for wrong in ["", "short", "é" * 32, "-" * 32]:
        with pytest.raises(ValueError):
            _core.mask(wrong)


def test_holes_are_where_django_wrote_its_tokens():
    from django.middleware import csrf

    secret = csrf._get_new_csrf_string()
    tokens = [csrf._mask_cipher_secret(secret) for _ in range(3)]
    page = "<form>" + "</form><form>".join(f'<input type="hidden" name="csrfmiddlewaretoken" value="{token}">' for token in tokens) + "</form>"
    holes = _core.csrf_holes(page.encode())
    assert [page[start : start + length] for start, length in holes] == tokens
    assert _core.embeds_token(page.encode()) == "Django"
    assert _core.csrf_holes(b"<p>none</p>") == [] and _core.embeds_token(b"<p>none</p>") is None
    with pytest.raises(ValueError, match="token of Django's"):
        _core.csrf_holes(b'<input name="csrfmiddlewaretoken" value="no token of Django has a dash - in it, has it?">')


def test_pages_get_smaller_as_the_proxy_makes_them():
    page = b"<p>a</p>\n\n   <!-- for people -->\n<pre>  as  it  is </pre>   <b>c</b>"
    assert _core.minify(page) == b"<p>a</p>\n<pre>  as  it  is </pre> <b>c</b>"
    assert _core.minify(_core.minify(page)) is None
    assert _core.minify(b"<p>a") is None
    with pytest.raises(TypeError):
        _core.minify("text")


def test_the_no_cache_set_is_exact():
    expected = [("Cache-Control", "no-cache, no-store, must-revalidate"), ("Pragma", "no-cache"), ("Expires", "0")]
    assert _core.never_headers() == expected


def test_scripts_are_known_by_their_signs():
    xhr = {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}
    old = ["X-Requested-With: XMLHttpRequest"]
    cases = [
        (xhr, None, True),
        (xhr, old, True),
        ({"HTTP_X_REQUESTED_WITH": "xmlhttprequest"}, None, False),
        ({"HTTP_HX_REQUEST": "true"}, None, True),
        ({"HTTP_HX_REQUEST": "true"}, old, False),
        ({"HTTP_SEC_FETCH_MODE": "cors", "HTTP_SEC_FETCH_DEST": "empty"}, None, True),
        ({"HTTP_SEC_FETCH_MODE": "cors"}, None, False),
        ({}, None, False),
    ]
    for meta, signs, expected in cases:
        assert _core.is_script(meta, signs) is expected, (meta, signs)
    with pytest.raises(ValueError):
        _core.is_script({}, ["no sign"])


def test_only_trusted_peers_say_who_asks():
    forwarded = {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9"}
    trusted = ["127.0.0.1", "10.0.0.0/8"]
    cases = [
        (forwarded, "127.0.0.1", "http", None, ("https", "203.0.113.9")),
        (forwarded, "10.1.2.3", "http", None, ("https", "203.0.113.9")),
        (forwarded, "192.0.2.1", "http", None, ("http", "192.0.2.1")),
        (forwarded, "192.0.2.1", "https", None, ("https", "192.0.2.1")),
        ({"HTTP_X_FORWARDED_PROTO": "HTTPS"}, "127.0.0.1", "http", None, ("https", "127.0.0.1")),
        ({"HTTP_X_FORWARDED_SSL": "on"}, "127.0.0.1", "http", None, ("https", "127.0.0.1")),
        ({"HTTP_X_FORWARDED_SSL": "on"}, "127.0.0.1", "http", "X-Forwarded-Proto", ("http", "127.0.0.1")),
        ({"HTTP_X_FORWARDED_SSL": "on", "HTTP_X_FORWARDED_PROTO": "http"}, "127.0.0.1", "https", None, ("http", "127.0.0.1")),
        (forwarded, "", "https", None, ("https", "")),
    ]
    for meta, peer, scheme, field, expected in cases:
        assert _core.secure(meta, peer, scheme, trusted, field) == expected, (meta, peer, field)
    with pytest.raises(ValueError, match="neither an address"):
        _core.secure({}, "127.0.0.1", "http", ["localhost"], None)
