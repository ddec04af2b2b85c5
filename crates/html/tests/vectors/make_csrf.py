"""Makes csrf.txt with a real Django: `python make_csrf.py >> csrf.txt`, once with each version named in it.

Lines: `token VERSION SECRET MASK TOKEN`, made by the function that masks secrets, with the mask it drew; and
`cookie VERSION VALUE SECRET`, where the secret is what the middleware takes from a request with that cookie, `-` for none.
"""

import random
import string

import django
from django.conf import settings

settings.configure(SECRET_KEY="vectors")
django.setup()

from django.http import HttpResponse, parse_cookie  # noqa: E402
from django.middleware import csrf  # noqa: E402
from django.test import RequestFactory  # noqa: E402

ALLOWED = string.ascii_letters + string.digits
chance = random.Random(42)


def draw(length=32):
    return "".join(chance.choice(ALLOWED) for _ in range(length))


def secret_of(cookie):
    request = RequestFactory().get("/")
    request.COOKIES = parse_cookie(f"csrftoken={cookie}")
    try:
        return csrf.CsrfViewMiddleware(lambda _: HttpResponse())._get_secret(request)
    except csrf.InvalidTokenFormat:
        return None


version = django.get_version()
secrets = ["a" * 32, "9" * 32, ALLOWED[:32], ALLOWED[-32:]] + [draw() for _ in range(6)]
for secret in secrets:
    token = csrf._mask_cipher_secret(secret)
    assert csrf._does_token_match(token, secret)
    print("token", version, secret, token[:32], token)

values = [draw(n) for n in (32, 64, 31, 33, 63, 65)] + [draw(31) + "-", draw(63) + "_"]
values += ['"' + draw() + '"', '"' + draw(64) + '"', '"' + draw()]
for value in values:
    known = secret_of(value)
    print("cookie", version, value, known or "-")
