"""Each system check: when it speaks, and that it is silent where all is well."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.conf import settings
from django.core import checks
from django.test import override_settings

from django_larder import checks as ours

IDENTITY = '[identity]\nsession_cookies = ["sessionid"]\nbypass_cookies = ["messages"]\n'
KEYS = IDENTITY + 'marker_keys = ["k1=env:LARDER_MARKER_KEY"]\n'
RULE = '\n[[rule]]\npath = "/*"\naudience = "anonymous-and-authenticated"\nttl = "1m"\n'
GOOD = KEYS + RULE
FORM = IDENTITY + '\n[[rule]]\npath = "/form/"\naudience = "all-users"\nttl = "1m"\ncsrf = "django"\n'
TRUSTED = {"trusted_proxies": ["127.0.0.1"]}
MIDDLEWARE = settings.MIDDLEWARE


def said():
    return [message.id.removeprefix("django_larder.") for message in checks.run_checks(tags=["django_larder"])]


def test_a_site_where_all_is_well_hears_nothing(larder):
    with larder(GOOD, **TRUSTED):
        assert said() == []


CASES = {
    "E001": (GOOD, {"headers": 3}),
    "E001 rules": ("[[rule]]\n", {}),
    "W002": (GOOD + '\n[[rule]]\npath = "/never-reached"\nnever = true\n', TRUSTED),
    "E003": (GOOD, TRUSTED | {"MIDDLEWARE": [*MIDDLEWARE[1:], MIDDLEWARE[0]]}),
    "E003 gzip": (GOOD, TRUSTED | {"MIDDLEWARE": ["django.middleware.gzip.GZipMiddleware", *MIDDLEWARE]}),
    "W004": (GOOD, TRUSTED | {"MIDDLEWARE": [*MIDDLEWARE, "django.middleware.cache.UpdateCacheMiddleware"]}),
    "E005": (GOOD, TRUSTED | {"SESSION_COOKIE_NAME": "shop"}),
    "E006": (GOOD, TRUSTED | {"identity": False}),
    "W007": (GOOD, TRUSTED | {"MIDDLEWARE": MIDDLEWARE[:1]}),
    "W008": (GOOD, {}),
    "W012 unset": ('trusted_proxies = ["192.0.2.1"]\n' + GOOD + "\n[https]\nredirect = true\n", {"SECURE_PROXY_SSL_HEADER": None}),
    "W012 case": (GOOD, TRUSTED | {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "HTTPS")}),
    "W012 style": (GOOD + '\n[forwarded]\nstyle = "forwarded"\n', TRUSTED),
    "W012 other": (GOOD, TRUSTED | {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_SSL", "on")}),
    "E011": (GOOD, TRUSTED | {"https": {"both_ways": True}, "SECURE_HSTS_SECONDS": 3600}),
    "E011 redirect": (GOOD, TRUSTED | {"https": {"both_ways": True}, "SECURE_SSL_REDIRECT": True}),
    "E011 alone": (GOOD, TRUSTED | {"MIDDLEWARE": [*MIDDLEWARE, ours.BOTH_WAYS], "SECURE_SSL_REDIRECT": True}),
    "E013": (FORM, {"CSRF_USE_SESSIONS": True}),
    "E013 name": (FORM, {"CSRF_COOKIE_NAME": "token"}),
    "W015": (GOOD.replace("bypass_cookies", "#"), TRUSTED),
    "W019": (GOOD.replace("marker_keys", "lookup = '/_larder/identity'\n#"), TRUSTED),
    "W016": (GOOD, TRUSTED | {"SESSION_SAVE_EVERY_REQUEST": True}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told(larder, case):
    rules, keys = CASES[case]
    with larder(rules, **keys):
        assert case.split()[0] in said()


SILENT = {
    "other ways to say https": (GOOD + '\n[forwarded]\nextra = ["X-Forwarded-SSL: $on"]\n', ("HTTP_X_FORWARDED_SSL", "on")),
    "wildcards": (GOOD.replace('["sessionid"]', '["session*"]'), ("HTTP_X_FORWARDED_PROTO", "https")),
}


@pytest.mark.parametrize("case", SILENT)
def test_what_is_right_in_another_way_is_let_be(larder, case):
    rules, header = SILENT[case]
    with larder(rules, **TRUSTED, SECURE_PROXY_SSL_HEADER=header):
        assert said() == []


def test_forms_that_work_are_let_be(larder):
    with larder(FORM):
        assert said() == []


LOOKUP = GOOD.replace("[identity]", '[identity]\nlookup = "/_larder/identity"')


def test_a_look_up_without_its_url_is_told(larder):
    with larder(LOOKUP, **TRUSTED):
        assert said() == []
    with larder(LOOKUP, **TRUSTED, ROOT_URLCONF="project.visitors"):
        import project.visitors

        project.visitors.urlpatterns = []
        try:
            assert "E009" in said()
        finally:
            del project.visitors.urlpatterns
    with larder(LOOKUP.replace("/_larder/identity", "/plain/"), **TRUSTED):
        # The address of a page of the site: whichever comes first answers.
        assert said() == []


def test_a_decorator_without_the_middleware_is_told(larder):
    with larder("", MIDDLEWARE=MIDDLEWARE[1:]):
        __import__("project.urls")
        assert "W017" in said()


def test_a_decorator_that_the_rules_refuse_is_told(larder):
    from django_larder.page import PAGES, page

    @page(ttl="soon")
    def view(request):
        pass

    try:
        with larder(GOOD, **TRUSTED):
            assert said() == ["E018"]
    finally:
        PAGES.pop()


def test_every_message_has_an_id_and_a_hint(larder):
    for rules, keys in CASES.values():
        with larder(rules, **keys):
            for message in checks.run_checks(tags=["django_larder"]):
                assert message.hint and message.id.startswith("django_larder."), message


# ---- --deploy ----


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" and self.server.is_larder else 404)
        self.end_headers()

    def log_message(self, *args):
        pass


def deploy(address):
    with override_settings(LARDER={"admin_url": address}):
        return [message.id for message in ours.check_admin(None)]


def test_an_admin_listener_that_is_not_there_is_told_at_deployment_only():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert deploy(f"http://127.0.0.1:{nobody.getsockname()[1]}") == ["django_larder.W014"]
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        server.is_larder = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert deploy(address) == []
        server.is_larder = False
        assert deploy(address) == ["django_larder.W014"]
        server.shutdown()
    assert "W014" not in said()
