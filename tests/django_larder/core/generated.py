"""Rule files and requests from a seed: every audience, every way to be known, and what proxies and clients write differently."""

import json
import random
from dataclasses import dataclass, field

SECRET = "0123456789abcdef0123456789abcdef"
KEY_VARIABLE = "LARDER_GENERATED_KEY"
HOSTS = ["a.test", "b.test", "www.a.test", "a.test:8080"]
PATHS = ["/", "/blog/", "/blog/2026/", "/blog/2026/one", "/account", "/account/orders", "/shop/x", "/%C3%A9/", "/a;b/c", "/blog//x"]
QUERIES = ["", "?", "?page=2", "?utm_source=x&page=2", "?b=2&a=1", "?a=1&b=2", "?a=&a=1", "?q=%20+", "?sort=1&utm_campaign="]
AUDIENCES = ["all-users", "anonymous-only", "anonymous-and-authenticated", "per-user", "by-country", "by-class", "by-segment"]


@dataclass
class Site:
    """A rule file."""

    text: str
    marker: bool


@dataclass
class Asked:
    """A request, and who it is from, if a marker proves it."""

    method: str
    scheme: str
    host: str
    target: str
    headers: list = field(default_factory=list)
    proven: tuple | None = None


def site(seed: int) -> Site:
    """One of the rule files."""
    lots = random.Random(f"site {seed}")
    marker = lots.random() < 0.7
    lines = [f"# {seed}"]
    if lots.random() < 0.5:
        lines.append(f"ignore_query = {json.dumps(lots.choice([['utm_*'], [], ['utm_*', 'sort']]))}")
        if lots.random() < 0.5:
            lines.append("sort_query = true")
    lines += ["[identity]", 'session_cookies = ["sessionid", "*_auth"]']
    if marker:
        lines.append(f'marker_keys = ["k1=env:{KEY_VARIABLE}"]')
    if not marker or lots.random() < 0.5:
        lines.append('lookup = "/_larder/identity"')
    if lots.random() < 0.3:
        lines.append('bypass_cookies = ["messages"]')
    lines.append(f'per_user = "{lots.choice(["session", "user"])}"')
    if lots.random() < 0.4:
        lines += ["[xhr]", f"never = {json.dumps(lots.random() < 0.5)}"]
        if lots.random() < 0.5:
            lines.append('signs = ["X-Requested-With: XMLHttpRequest", "X-App: 1, X-Mode: part"]')
    lines += ["[audience.by-country]", 'key = ["header:X-Country", "cookie:theme"]']
    lines += ["[audience.by-class]", 'key = ["class", "query:page"]']
    lines += ["[audience.by-segment]", 'key = ["segment", "user"]']
    for _ in range(lots.randint(1, 7)):
        lines += rule(lots)
    return Site("\n".join(lines) + "\n", marker)


def rule(lots: random.Random) -> list[str]:
    lines = ["[[rule]]"]
    if lots.random() < 0.6:
        lines.append(f"path = {json.dumps(lots.choice(['/blog/*', '/account*', '/', '/blog/2026/*', '/shop/x', '/*', '/%C3%A9/']))}")
    else:
        lines.append(f"match = '{lots.choice(['/blog/[0-9]{4}/', '/.*page=2', '/(account|shop)', '/[^?]*$', '/a;b'])}'")
    if lots.random() < 0.3:
        lines.append(f"host = {json.dumps(lots.choice(['a.test', '*.a.test', 'b.test', 'a.test:8080']))}")
    if lots.random() < 0.15:
        lines.append('methods = ["GET", "HEAD"]')
    if lots.random() < 0.5:
        lines.append(f"tags = {json.dumps(lots.sample(['blog', 'shop', 'news'], lots.randint(1, 2)))}")
    kind = lots.random()
    if kind < 0.1:
        return [*lines, "never = true"]
    if kind < 0.2:
        return [*lines, "pass = true"]
    if kind < 0.25:
        return lines
    lines.append(f'audience = "{lots.choice(AUDIENCES)}"')
    if lots.random() < 0.8:
        lines.append(f'ttl = "{lots.choice([5, 600])}s"')
    if lots.random() < 0.3:
        lines.append('browser_ttl = "5s"')
    if lots.random() < 0.2:
        lines.append('keep_cookies = ["theme"]')
    if lots.random() < 0.2:
        lines.append(lots.choice(["ignore_query = ['page']", "keep_query = ['page']", "keep_query = []"]))
    return lines


def asked(lots: random.Random, made_of: Site, sign) -> Asked:
    """A request. `sign(identity as (class, user, segment), session, expires)` makes a marker."""
    method = lots.choices(["GET", "HEAD", "POST", "OPTIONS"], [80, 10, 8, 2])[0]
    host = lots.choice([*HOSTS, "A.Test", "a.test.", "b.test:80", "b.test:443"])
    request = Asked(method, lots.choice(["http", "https"]), host, lots.choice(PATHS) + lots.choice(QUERIES))
    add = request.headers.append
    cookies = []
    if lots.random() < 0.4:
        cookies.append(("theme", lots.choice(["dark", "light", "", '"a b"'])))
    if lots.random() < 0.2:
        cookies.append(("theme", "second"))
    if lots.random() < 0.5:
        cookies.append(("_ga", "GA1.2.3"))
    if lots.random() < 0.1:
        cookies.append(("messages", lots.choice(["1", ""])))
    if lots.random() < 0.6:
        session = lots.choice(["s1", "s2", "s3"])
        cookies.append((lots.choice(["sessionid", "sessionid", "my_auth"]), session))
        if made_of.marker and lots.random() < 0.8:
            identity = lots.choice([(True, "ann", "staff"), (True, "bob", None), (True, None, None), (False, None, None), (False, None, "de")])
            fate = lots.choices(["good", "other session", "expired", "forged"], [8, 1, 1, 1])[0]
            name = cookies[-1][0]
            marker = sign(identity, (name, session if fate != "other session" else "s9"), 1 if fate == "expired" else 4_000_000_000)
            cookies.append(("larder_id", marker[:-2] + "AA" if fate == "forged" else marker))
            if fate == "good":
                request.proven = identity
        if lots.random() < 0.05:
            cookies.append(("other_auth", "x"))
            request.proven = None
    lots.shuffle(cookies)
    if cookies:
        line = "; ".join(f"{name}={value}" for name, value in cookies)
        cut = line.find("; ") if lots.random() < 0.1 else -1
        for part in [line] if cut < 0 else [line[:cut], line[cut + 2 :]]:
            add((lots.choice(["Cookie", "cookie"]), part))
    if lots.random() < 0.07:
        add(("Authorization", "Basic YTpi"))
    if lots.random() < 0.15:
        add(("X-Requested-With", lots.choice(["XMLHttpRequest", "xmlhttprequest", "com.app"])))
    if lots.random() < 0.1:
        add(("HX-Request", "true"))
    if lots.random() < 0.1:
        request.headers += [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", lots.choice(["empty", "document"]))]
    if lots.random() < 0.1:
        request.headers += [("X-App", "1"), ("X-Mode", "part")]
    if lots.random() < 0.3:
        # As servers hand bytes on: each is a character.
        add(("X-Country", lots.choice(["de", "fr", "", "Österreich".encode().decode("latin-1")])))
    if lots.random() < 0.05:
        add(("X-Country", "second"))
    if lots.random() < 0.1:
        add(("Larder-Identity", "class=authenticated"))
    return request


def meta_of(request: Asked) -> dict:
    """As a server hands it to Django: what came several times is joined."""
    meta = {"REQUEST_METHOD": request.method, "SERVER_NAME": "a.test", "wsgi.version": (1, 0)}
    for name, value in request.headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        joint = "; " if key == "HTTP_COOKIE" else ","
        meta[key] = f"{meta[key]}{joint}{value}" if key in meta else value
    return meta
