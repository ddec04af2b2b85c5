"""What `larder nginx-conf` prints, in a real nginx, before stand-ins for Memcached and Larder that see every byte."""

import hashlib
import random
import re
import shutil
import subprocess
import time

import pytest

from fronting import LarderStandIn, MemcachedStandIn, Nginx, accepts, ask, free_port, has_md5, make_certificate, nginx, printed

pytestmark = pytest.mark.skipif(not nginx or not shutil.which("openssl"), reason="nginx and openssl are not installed")
md5_only = pytest.mark.skipif(not has_md5, reason="libnginx-mod-http-set-misc is not installed")

SITE = """
upstream = "http://127.0.0.1:8000"
trusted_proxies = ["127.0.0.1"]
hosts = ["site.test", "*.shop.test"]
"""
SERVER = '[publish.memcached]\nservers = ["127.0.0.1:11211"]\n'
DJANGO = SERVER + 'style = "django-nginx-memcache"\nprefix = "ps"\n'


def rule(where, *lines, audience="all-users"):
    shared = ["ttl = '1h'", "publish = 'nginx'"] if audience else []
    return "\n".join(["[[rule]]", where, f"audience = '{audience}'" if audience else "", *shared, *lines, ""])


RULES = {
    "nothing published": "",
    "a prefix": SERVER + rule("path = '/blog/*'"),
    "a path with what nginx reads": SERVER + rule("path = '/a(1)$;{x}\"b\"'"),
    "an expression": SERVER + rule(r"""match = '^/[0-9]{4}/[^/]+/(?:page/\d+/)?(\?|$)'"""),
    "an expression with everything": SERVER + rule(r"""match = '''^/(?i:AB)\b[\]"';{}$\\-]+\x41(?-u:\xff)?.*x$'''"""),
    "an expression without end": SERVER + rule("match = '^/(a+)+b'") + rule("path = '/*'"),
    "a pass before it": SERVER + rule("path = '/a/*'", "pass = true", audience=None) + rule("path = '/*'"),
    "hosts": SERVER + rule("path = '/a'", "host = 'x.shop.test'") + rule("path = '/*'", "host = ['site.test', '*.y.shop.test']"),
    "several kinds": SERVER
    + rule("path = '/feed'", "publish_type = 'application/atom+xml; charset=utf-8'", "browser_ttl = '5s'", "cdn_ttl = '1m'")
    + rule("path = '/robots.txt'", "publish_type = 'text/plain'")
    + rule("path = '/*'", audience="anonymous-only"),
    "two servers": '[publish.memcached]\nservers = ["127.0.0.1:11211", "unix:/run/m.sock"]\n' + rule("path = '/*'"),
    "fields": SERVER.replace("\n", '\nfields = ["Refresh: $b \\"c\\"; \\\\d", "Strict-Transport-Security: max-age=5"]\n', 1) + rule("path = '/*'"),
    "a long host": SERVER + rule("path = '/*'", f"host = '{'a' * 60}.shop.test'"),
    "signs": SERVER + rule("path = '/*'") + "[xhr]\nsigns = ['X-A: b, X-C: d']\n",
    "bypass cookies": SERVER + rule("path = '/*'") + "[identity]\nbypass_cookies = ['messages', 'a.b*']\nsession_cookies = ['x*']\n",
    "MD5": DJANGO + rule("path = '/*'"),
    "trusted versions": DJANGO
    + rule("path = '/*'", audience="own").replace("[[rule]]", "[audience.own]\nkey = ['segment']\n[[rule]]")
    + "[danger]\ntrust_page_version_cookie = true\n[identity]\nlookup = '/_who'\n",
    "the same in the other style": SERVER
    + rule("path = '/*'", audience="own").replace("[[rule]]", "[audience.own]\nkey = ['segment']\n[[rule]]")
    + "[danger]\ntrust_page_version_cookie = true\n[identity]\nlookup = '/_who'\n",
    "underscores": SERVER + rule("path = '/*'"),
}


def site_of(name):
    text = SITE + RULES[name]
    if name == "underscores":
        text = 'underscores = "pass"\nunderscores_pass = ["SM_USER"]\n' + text
    if name == "fields":
        text = text.replace("[publish.memcached]\nfields", "[https]\nhsts = '30d'\n[publish.memcached]\nfields")
    return text


@pytest.mark.parametrize("name", RULES)
def test_nginx_accepts_what_is_printed(tmp_path, name):
    if name in ("MD5", "trusted versions") and not has_md5:
        pytest.skip("libnginx-mod-http-set-misc is not installed")
    certificate, key = make_certificate(tmp_path)
    for flags in ([], ["--tls", certificate, key], ["--application", "--name", "shop_1"]):
        site, _ = printed(tmp_path, site_of(name), *flags)
        accepts(tmp_path, site)


def test_two_sites_are_in_one_nginx(tmp_path):
    one, _ = printed(tmp_path, SITE + RULES["several kinds"])
    two, _ = printed(tmp_path, SITE.replace(".test", ".example") + RULES["several kinds"], "--name", "other")
    accepts(tmp_path, one + "\n" + two)


class Front:
    """nginx before the two stand-ins."""

    def __init__(self, folder, rules, tls=False, more=()):
        self.memcached, self.larder = MemcachedStandIn(), LarderStandIn()
        self.application = LarderStandIn()
        rules = re.sub(r"127\.0\.0\.1:8000", f"127.0.0.1:{self.application.port}", rules)
        rules = re.sub(r"127\.0\.0\.1:11211", f"127.0.0.1:{self.memcached.port}", rules)
        flags = ["--set", f"listen.http=127.0.0.1:{self.larder.port}", *more]
        if tls:
            flags += ["--tls", *make_certificate(folder)]
        site, self.said = printed(folder, rules, *flags)
        self.nginx = Nginx(folder, site, tls)
        self.port = self.nginx.plain

    def looked_up(self, target="/", **request):
        """Which keys a request is looked up under; and that it then is asked of Larder."""
        self.memcached.taken()
        self.larder.taken()
        answer = ask(self.port, target, **request)
        keys = self.memcached.taken()
        assert answer.status == 400 or len(self.larder.taken()) == 1, (target, request, answer.raw)
        return keys

    def stop(self):
        self.nginx.stop()
        for server in (self.memcached, self.larder, self.application):
            server.end()


@pytest.fixture(scope="module")
def make_front(tmp_path_factory):
    fronts = []

    def make(rules, **options):
        fronts.append(Front(tmp_path_factory.mktemp("front"), rules, **options))
        return fronts[-1]

    yield make
    for front in fronts:
        front.stop()


PAGES = (
    SITE
    + 'ignore_query = ["@tracking"]\n'
    + SERVER
    + 'fields = ["X-Frame-Options: DENY", "Content-Security-Policy: default-src $5"]\n'
    + "[https]\nhsts = '30d'\n"
    + "[identity]\nsession_cookies = ['sessionid', '*_auth', 'my_app.sid']\nbypass_cookies = ['messages']\n"
    + rule("path = '/private/*'", "pass = true", audience=None)
    + rule("path = '/feed'", "publish_type = 'application/atom+xml; charset=utf-8'", "cdn_ttl = '1m'")
    + rule("path = '/robots.txt'", "publish_type = 'text/plain'")
    + rule(r"match = '^/\d{4}/$'", audience=None)
    + rule("path = '/only-get/*'", "methods = ['GET']")
    + rule("match = '^/wild/(a+)+b'")
    + rule("path = '/anonymous/*'", "browser_ttl = '5s'", audience="anonymous-only")
    + rule("path = '/*'", "browser_ttl = '5s'")
)


@pytest.fixture(scope="module")
def front(make_front):
    return make_front(PAGES, tls=True)


def key_of(target, scheme="http", host="site.test"):
    page = f"{scheme}://{host}".encode() + (target if isinstance(target, bytes) else target.encode("latin-1"))
    return b"larder:" + page.replace(b"%", b"%25").replace(b" ", b"%20")


def test_a_page_is_answered_with_what_its_rule_says_and_nobody_else_is_asked(front):
    front.memcached.pages = {key_of(target): b"<p>" + target.encode() for target in ("/", "/anonymous/", "/feed", "/robots.txt")}
    cases = [
        ("/", "text/html; charset=utf-8", "max-age=5", []),
        ("/anonymous/", "text/html; charset=utf-8", "max-age=5, private", ["Cookie"]),
        ("/feed", "application/atom+xml; charset=utf-8", "max-age=0, s-maxage=60", []),
        ("/robots.txt", "text/plain", "max-age=0", []),
    ]
    front.larder.taken()
    for target, kind, cache_control, vary in cases:
        answer = ask(front.port, target)
        assert (answer.status, answer.body) == (200, b"<p>" + target.encode())
        assert answer.all("Content-Type") == [kind]
        assert answer.all("Cache-Control") == [cache_control]
        assert [value for value in answer.all("Vary") if value != "Accept-Encoding"] == vary
        assert answer.all("X-Frame-Options") == ["DENY"] and answer.all("Content-Security-Policy") == ["default-src $5"]
        assert answer.all("Strict-Transport-Security") == []
        assert answer.all("Cache-Status") == ["nginx-memcached; hit"]
    assert front.larder.taken() == []
    front.memcached.pages = {}


# The bug of the old recipe: `$uri` has no query, so that `/list/?page=2` was answered with `/list/`.
def test_the_query_is_part_of_the_page(front):
    front.memcached.pages = {key_of("/list/"): b"first page"}
    assert ask(front.port, "/list/").body == b"first page"
    for target in ("/list/?page=2", "/list/?", "/list/?utm_source=x"):
        assert front.looked_up(target) == [key_of(target)]
    front.memcached.pages = {}


# The bug of the old recipe: `$uri` is decoded and normal, so that pages of encoded paths were never found, or another's.
def test_the_path_is_looked_up_as_it_was_sent(front):
    front.memcached.pages = {key_of("/a b"): b"wrong", key_of("/b"): b"wrong", key_of("/a/b"): b"wrong"}
    for target in ("/a%20b", "/a/../b", "/./b", "/a//b", "/%62", "/a%2Fb", "/a%2fb"):
        assert front.looked_up(target) == [key_of(target)]
    front.memcached.pages = {}


ODD = ["/", "/?", "/??", "/%", "/%zz", "/a%", "/a//", "//", "///a", "/a/./b", "/a/../b", "/.%2e/x", "/a%2F", "/a;b=c", "/a?b=%20&c=+"]
ODD += ["/\xe9", "/caf%C3%A9", "/caf\xc3\xa9", "/\xff\xfe", "/a'b\"c", "/<>|^`{}[]\\", "/~", "/a?b?c", "/a?/../b", "/a=&=", "/%41", "/$uri"]
ODD += ["/a?" + "x" * n for n in (190, 200, 207, 208, 209, 210, 220, 230, 240, 300, 900)] + ["/" + "%41" * n for n in (40, 41, 42, 43, 60)]


def odd_targets(count):
    chance = random.Random(7)
    pieces = [*"ab/?&=;+~:@!$'()*,-_\xe9\xff\"<>\\^`{|}[]", "//", "/./", "a/../", "%2F", "%25", "%20", "%e9", "%C3%A9", "%", "%0", "\xc3\xa9"]
    return ODD + ["/" + "".join(chance.choices(pieces, k=chance.randint(0, 16))) for _ in range(count)]


def test_the_key_is_larders_for_hundreds_of_odd_targets(front):
    looked_up = 0
    for target in odd_targets(400):
        if re.match(r"/(private|wild|feed|robots)", target):
            continue
        keys = front.looked_up(target)
        if keys:
            assert keys == [key_of(target)], target
            looked_up += 1
        else:
            # What nginx refuses (400), and what can be no key.
            assert len(key_of(target)) > 250 or ask(front.port, target).status == 400 or not target.startswith("/"), target
    assert looked_up > 300


@md5_only
def test_the_key_is_that_of_django_nginx_memcache_for_hundreds_of_odd_targets(make_front):
    front = make_front(SITE + DJANGO + 'scheme = "http"\n' + rule("path = '/*'"))
    looked_up = 0
    for target in odd_targets(400):
        keys = front.looked_up(target)
        if keys:
            page = b"site.test" + target.encode("latin-1") + b"&pv="
            assert keys == [b"ps:1:" + hashlib.md5(page).hexdigest().encode()], target
            looked_up += 1
    assert looked_up > 300
    assert front.looked_up("/", host="x.shop.test") == [b"ps:1:" + hashlib.md5(b"x.shop.test/&pv=").hexdigest().encode()]


def test_larder_is_asked_for_the_very_target(front):
    for target in odd_targets(60):
        front.larder.taken()
        if ask(front.port, target).status != 400:
            ((first, _),) = front.larder.taken()
            assert first == b"GET " + target.encode("latin-1") + b" HTTP/1.1"


# What Larder leaves out of a target (`#`, an absolute URL's host) is never part of a key that finds a page.
def test_a_url_in_another_form_finds_no_other_page(front):
    front.memcached.pages = {key_of("/x"): b"x"}
    assert ask(front.port, "http://site.test/x").body == b"x"
    assert ask(front.port, "/x", host="SITE.test").body == b"x"
    for request in (
        {"target": "http://x.shop.test/x"},
        {"target": "http://site.test/x", "host": "x.shop.test"},
        {"target": "/x#y"},
        {"target": "http://site.test?x"},
        {"target": "/x", "host": "site.test:81"},
        {"target": "/x", "host": "evil.test"},
        {"target": "/x", "host": "site.test.evil.test"},
        {"target": "/x", "host": None, "version": "HTTP/1.0"},
    ):
        assert key_of("/x") not in front.looked_up(**request), request
    front.memcached.pages = {}


def test_every_host_has_pages_of_its_own(front):
    for host in ("x.shop.test", "a.b.shop.test", "X.Shop.Test"):
        assert front.looked_up("/x", host=host) == [key_of("/x", host=host.lower())]
    for host in ("shop.test", ".shop.test", "xshop.test", "x.shop.test:80"):
        assert front.looked_up("/x", host=host) == [], host


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_https_is_told_from_http_and_http2_has_the_same_keys(front):
    front.memcached.pages = {key_of("/x"): b"by http", key_of("/x", "https"): b"by https"}
    assert ask(front.port, "/x").body == b"by http"
    at = f"https://site.test:{front.nginx.secure}/x"
    to = ["--resolve", f"site.test:{front.nginx.secure}:127.0.0.1", "-H", "Host: site.test"]
    for version in ("--http1.1", "--http2"):
        done = subprocess.run(["curl", "-ski", version, *to, at], capture_output=True, text=True, check=True)
        assert done.stdout.endswith("by https") and "max-age=2592000" in done.stdout, done.stdout
    front.memcached.pages = {}
    front.memcached.taken()
    other = subprocess.run(["curl", "-ski", "--http2", *to[:2], "-H", "Host: evil.test", at], capture_output=True, text=True, check=True)
    assert "from larder" in other.stdout and front.memcached.taken() == []
    targets = ["/a/%2e%2e/x", "/caf%C3%A9?a=%20", "/a//b"]
    for target in targets:
        command = ["curl", "-sk", "--http2", "--path-as-is", *to, f"https://site.test:{front.nginx.secure}{target}"]
        subprocess.run(command, capture_output=True, check=True)
    assert front.memcached.taken() == [key_of(target, "https") for target in targets]


def test_rules_are_tried_in_their_order_over_the_url_as_sent(front):
    for target in ("/private/x", "/2024/", "/wild/aab", "/wild/x"):
        expected = [] if target != "/wild/x" else front.looked_up(target)
        assert front.looked_up(target) == expected, target
    for target in ("/2024/x", "/20245/", "/2024/?a", "/Private/x", "/%70rivate/x", "/x?/private/x"):
        assert front.looked_up(target) == [key_of(target)], target


EXPRESSIONS = [
    r"^/a/b$", r"/a/\d+/", r"^/(?i)Ab", r"/a[^/]*/c", r"^/a.?b", r"^/\?", r"/.*\?page=\d$", r"/[a-c]{2,3}(?:/|$)", r"^/(?:b|a/(?:b|c))\b",
    r"^/(?:[^/?]+/){2}$", r"/%[0-9A-F]{2}", r"/.*\.(?:css|js)(?:\?|$)", r"/\w+-\w", r"^/[^a-z0-9]", r"/a|/b", r"/.*//",
]


# Which rule it was shows in what browsers may do.
def test_expressions_mean_in_nginx_what_they_mean_in_the_rules(make_front):
    rules = [rule(f"match = '{source}'", f"browser_ttl = '{number}s'") for number, source in enumerate(EXPRESSIONS, 1)]
    front = make_front(SITE + SERVER + "".join(rules))
    front.memcached.any_page = b"page"
    chance = random.Random(3)
    pieces = ["a", "b", "c", "A", "/", "/", "1", "23", "?", "page=", "-", ".", ".css", "%2F", "%C3", "&", "_"]
    seen = set()
    for _ in range(1500):
        target = "/" + "".join(chance.choices(pieces, k=chance.randint(0, 7)))
        flags = [(re.compile(source.replace("(?i)", ""), re.ASCII | (re.I if "(?i)" in source else 0)), source) for source in EXPRESSIONS]
        first = next((number for number, (pattern, _) in enumerate(flags, 1) if pattern.match(target)), None)
        answer = ask(front.port, target)
        if answer.status != 400:
            actual = answer.get("Cache-Control")
            assert actual == (None if first is None else f"max-age={first}"), target
            seen.add(first)
    assert len(seen) > 10, seen


def test_only_get_and_head_without_a_sign_of_somebody_are_looked_up(front):
    yes = [
        {},
        {"fields": ["Cookie: theme=dark; xsessionid=1; sessionid2=x; a=sessionid=1"]},
        {"fields": ["Cookie: theme=messages=1"]},
        {"fields": ["X-Requested-With: com.example.app"]},
        {"fields": ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]},
        {"fields": ["Cache-Control: no-cache"]},
        {"fields": ["X_Requested_With: XMLHttpRequest"]},
    ]
    no = [
        {"method": "POST", "fields": ["Content-Length: 0"]},
        {"method": "PUT", "fields": ["Content-Length: 0"]},
        {"method": "OPTIONS"},
        {"fields": ["Cookie: sessionid=1"]},
        {"fields": ["Cookie: a=b;sessionid=1"]},
        {"fields": ["Cookie: a=b", "Cookie: sessionid=1"]},
        {"fields": ["Cookie: a=b; \t sessionid =1"]},
        {"fields": ["Cookie: SessionId=1"]},
        {"fields": ["Cookie: my_auth=1"]},
        {"fields": ["Cookie: my.app_sid=1"]},
        {"fields": ["Cookie: messages=1"]},
        {"fields": ["Cookie: x=" + "; " * 3000 + "sessionid=1"]},
        {"fields": ["Authorization: Basic eDp5"]},
        {"fields": ["X-Requested-With: XMLHttpRequest"]},
        {"fields": ["HX-Request: true"]},
        {"fields": ["Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"]},
        {"fields": ["Upgrade: websocket"]},
        {"fields": ["Content-Length: 2"], "body": b"ab"},
    ]
    for request in yes:
        assert front.looked_up("/x", **request) == [key_of("/x")], request
    for request in no:
        assert front.looked_up("/x", **request) == [], request


def test_no_cookie_keeps_nginx_busy(make_front):
    front = make_front(SITE + SERVER + rule("path = '/*'"))
    lines = [" " * 7000, "SESS" + " " * 7000, "_" * 7000, "_ " * 3500, "; " * 3500, "a_session " * 700, "remember_" * 700, "sessionid" + " " * 7000]
    begun = time.monotonic()
    for line in lines:
        for _ in range(20):
            assert front.looked_up("/x", fields=[f"Cookie: a=b;{line}"]) in ([], [key_of("/x")])
    # Some hundredths each if one of them took as many steps as it may.
    assert time.monotonic() - begun < 4


def test_a_rule_for_get_alone_keeps_heads_from_being_looked_up(front):
    assert front.looked_up("/x", method="HEAD") == []


def test_heads_are_looked_up_where_they_have_the_rules_of_gets(make_front):
    front = make_front(SITE + SERVER + rule("path = '/*'"))
    assert front.looked_up("/x", method="HEAD") == [key_of("/x")]
    front.memcached.pages = {key_of("/x"): b"page"}
    answer = ask(front.port, "/x", "HEAD")
    assert (answer.body, answer.all("Content-Length"), answer.get("Cache-Status")) == (b"", ["4"], "nginx-memcached; hit")


# The forgery of the old recipe: `pv=([^;]+)` was found in any cookie's name, and believed.
@md5_only
def test_a_cookie_of_page_versions_is_not_believed_and_where_it_is_only_whole(make_front):
    def key(version):
        return [b"ps:1:" + hashlib.md5(f"site.test/x&pv={version}".encode()).hexdigest().encode()]

    forged = ["xPV=authed", "pv=authed", "PV=authed", "a=b; pv=authed", "xpv=authed", "a=pv=authed"]
    plain = make_front(SITE + DJANGO + 'scheme = "http"\n' + rule("path = '/*'"))
    for cookie in forged:
        assert plain.looked_up("/x", fields=[f"Cookie: {cookie}"]) == key(""), cookie
    own = rule("path = '/*'", audience="own").replace("[[rule]]", "[audience.own]\nkey = ['segment']\n[[rule]]")
    trust = "[danger]\ntrust_page_version_cookie = true\n[identity]\nlookup = '/_who'\nsession_cookies = ['sessionid']\n"
    trusting = make_front(SITE + DJANGO + 'scheme = "http"\n' + own + trust)
    for cookie, version in [
        ("pv=gold", "gold"),
        ("a=b; pv=gold", "gold"),
        ("pv=gold; sessionid=1", "gold"),
        ("xPV=gold", ""),
        ("PV=gold", ""),
        ("xpv=gold", ""),
        ("a=pv=gold", ""),
        ("pv=a b", ""),
        ("pv=go&ld", ""),
        ("pv=", ""),
    ]:
        assert trusting.looked_up("/x", fields=[f"Cookie: {cookie}"]) == key(version), cookie
    assert trusting.looked_up("/x", fields=["Cookie: sessionid=1; pv="]) == []
    # In the other style, too, a version is part of the key and nothing else.
    other = make_front(SITE + SERVER + own + trust)
    assert other.looked_up("/x", fields=["Cookie: pv=gold"]) == [b"larder:gold:http://site.test/x"]
    assert other.looked_up("/x") == [key_of("/x")]


@pytest.mark.parametrize(
    "says",
    [b"", b"SERVER_ERROR out of memory\r\n", b"garbage", b"VALUE other 0 1\r\nx\r\nEND\r\n", b"\r\n", b"VALUE\r\n", b"close"],
    ids=["nothing", "an error", "garbage", "another key", "an empty line", "half a line", "nothing and goes"],
)
def test_whatever_memcached_says_is_no_error_for_a_visitor(front, says):
    front.memcached.says = says
    try:
        answer = ask(front.port, "/x")
        assert (answer.status, answer.body) == (200, b"from larder")
    finally:
        front.memcached.says = None


def test_without_memcached_everything_is_larders(make_front):
    front = make_front(SITE + SERVER.replace("11211", str(free_port())) + rule("path = '/*'"))
    for _ in range(3):
        assert ask(front.port, "/x").body == b"from larder"


def test_without_larder_the_application_is_asked_where_that_was_asked_for(make_front):
    front = make_front(SITE + SERVER + rule("path = '/*'"), more=["--application"])
    assert ask(front.port, "/x").body == b"from larder" and front.application.taken() == []
    front.larder.end()
    for method in ("GET", "HEAD", "POST"):
        assert ask(front.port, "/x", method, fields=["Content-Length: 0", "X-Forwarded-For: 6.6.6.6"]).status == 200
    seen = front.application.taken()
    assert len(seen) == 3 and all(("x-forwarded-for", "127.0.0.2") in fields for _, fields in seen)


def test_what_visitors_say_of_themselves_and_of_purging_does_not_reach_larder(front):
    forged = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-SSL: on", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6"]
    forged += ["X-Forwarded-Host: evil.test", "Larder-Identity: class=authenticated", "Front-End-Https: on", "X_Forwarded_For: 6.6.6.6"]
    forged += ["X-Refresh: 1", "Larder-Token: guessed", "Clear-Cache: true", "X-LiteSpeed-Purge: *", "SM_USER: root", "X-Kept: yes"]
    front.larder.taken()
    ask(front.port, "/private/", fields=forged)
    ((_, fields),) = front.larder.taken()
    fields = [field for field in fields if field[0] != "connection"]
    assert sorted(fields) == [
        ("host", "site.test"),
        ("x-forwarded-for", "127.0.0.2"),
        ("x-forwarded-host", "site.test"),
        ("x-forwarded-port", str(front.port)),
        ("x-forwarded-proto", "http"),
        ("x-kept", "yes"),
    ]


@pytest.mark.parametrize("method", ["PURGE", "BAN", "URIBAN", "REFRESH", "PURGEKEYS", "PURGETAGS"])
def test_purges_are_kept_out(front, method):
    front.larder.taken()
    front.memcached.taken()
    assert ask(front.port, "/x", method).status == 405
    assert front.larder.taken() == [] and front.memcached.taken() == []


def test_what_is_compressed_says_so_to_caches_on_the_way(front):
    front.memcached.pages = {key_of("/big"): b"<p>" * 2000}
    answer = ask(front.port, "/big", fields=["Accept-Encoding: gzip"])
    assert answer.all("Content-Encoding") == ["gzip"] and "Accept-Encoding" in answer.all("Vary")
    front.memcached.pages = {}


def test_connections_to_both_are_kept(front):
    before = [len(server.connections) for server in (front.memcached, front.larder)]
    for _ in range(20):
        assert ask(front.port, "/x").body == b"from larder"
    after = [len(server.connections) for server in (front.memcached, front.larder)]
    assert all(late - early <= 1 for early, late in zip(before, after)), (before, after)
