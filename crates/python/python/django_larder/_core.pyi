"""The compiled part of django_larder: decisions made by the same code as the proxy's."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

__version__: str

class RulesError(ValueError):
    """A rule file that is wrong. `str()` is the whole report: every problem with its place and what to write instead."""

    file: str
    """The file's name, as it was given."""
    line: int | None
    """The line of the first problem, from 1; None where something is missing as a whole."""
    text: str
    """All problems, one a line: `larder.toml:3:1: what is wrong (what to write)`."""

@final
class Identity:
    """Who a visitor is, as the application says: logged in or not, by which name, in which segment."""

    def __init__(self, authenticated: bool, user: str | None = None, segment: str | None = None) -> None: ...
    @property
    def authenticated(self) -> bool: ...
    @property
    def user(self) -> str | None: ...
    @property
    def segment(self) -> str | None: ...
    def field(self) -> str:
        """The value of the response field Larder-Identity. Raises ValueError for parts that can't be written."""
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Decision:
    """What becomes of a request by the rules."""

    @property
    def rule(self) -> int | None:
        """Index of the rule that matched, from 0 in the order of the file."""
    @property
    def place(self) -> str | None:
        """Where that rule stands: "larder.toml:12"."""
    @property
    def way(self) -> str:
        """"open" (the response decides), "share", "pass", "never" or "look-up" (the application is asked who the visitor is)."""
    @property
    def reason(self) -> str | None:
        """The stable name of why, for "pass" and "never": docs/reasons.md."""
    @property
    def audience(self) -> str | None:
        """Whom the rule shares its pages with, by the name in the file."""
    @property
    def tags(self) -> list[str]:
        """The rule's tags."""
    @property
    def ttl(self) -> float | None:
        """How long the rule keeps its pages, seconds."""
    @property
    def key(self) -> bytes:
        """The bytes under which the page lies in Larder."""
    @property
    def needs_confirmation(self) -> bool:
        """Whether the page is another than an anonymous visitor's, so that it counts only if it says `Vary: Larder-Identity`."""
    @property
    def forms(self) -> bool:
        """Whether the rule gives each visitor tokens of their own in forms (`csrf = "django"`)."""
    def outward(
        self, status: int, headers: Sequence[tuple[str, str]], *, personal: bool = False
    ) -> tuple[list[tuple[str, str]], list[str]]:
        """What a response with these fields says to caches other than Larder: fields to set, names to remove.

        `headers` has every field of the response, Set-Cookie among them, once for each cookie. `personal` says that the
        page was made for this visitor alone.
        """

@final
class Writer:
    """Writes on responses, whose fields it takes as Django keeps them: name and value, by the name in lower case."""

    def __init__(self, tag_field: str, separator: str) -> None:
        """`tag_field` is the response field that tags are told in, `separator` what stands between two."""
    def write(
        self,
        decision: Decision,
        response: Any,
        fields: dict[str, tuple[str, str]],
        given: dict[str, None] | None,
        speaks: bool,
        personal: bool,
        asks: bool,
        has_own_rule: bool,
    ) -> bool:
        """Writes on a response what the rules say, and answers whether it now says something to caches that are not Larder.

        First its tags: the rule's and those of `given`, behind those that are there. Pages that nobody stores get none. Then,
        if it `speaks`, what it says to caches that are not Larder. `personal`: it was made for this visitor alone; an HTML page
        that embeds somebody's token is taken for that, too. `asks`: Larder asks for a page that is nobody's in particular.
        `has_own_rule`: its rule is not the file's, so that Larder does not know it.
        """

@final
class Rules:
    """A checked rule file."""

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Rules:
        """Reads a rule file. Raises RulesError for what is wrong in it, OSError where it can't be read."""
    @staticmethod
    def parse(name: str, text: str) -> Rules:
        """Reads a rule file that is text already; `name` is what problems call it."""
    @property
    def warnings(self) -> str:
        """What is allowed but hardly meant, one a line; "" where there is nothing."""
    @property
    def session_cookies(self) -> list[str]: ...
    @property
    def marker_cookie(self) -> str:
        """The name of the cookie with the signed marker."""
    @property
    def marker_keys(self) -> int:
        """How many keys there are to sign markers with; 0: none are signed."""
    @property
    def lookup_path(self) -> str | None:
        """The path at which Larder asks who a visitor is."""
    @property
    def csrf_cookie(self) -> str: ...
    @property
    def tag_field(self) -> str:
        """The response field that tags are told in."""
    @property
    def tag_separator(self) -> str:
        """What stands between two tags there."""
    @property
    def xhr_never(self) -> bool:
        """Whether scripts' requests are never stored (`[xhr] never`)."""
    def decide(
        self,
        method: str,
        scheme: str,
        host: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        identity: Callable[[], Identity | None] | None = None,
    ) -> Decision:
        """What becomes of a request.

        `target` is path and query as they were sent. `identity` is called where the page depends on who the visitor is;
        None from it means that nobody is logged in. Without it the request's marker is what counts, as in the proxy.
        Raises ValueError for a request that Larder would refuse.
        """
    def decide_meta(
        self,
        method: str,
        scheme: str,
        host: str,
        target: str,
        meta: Mapping[str, Any],
        identity: Callable[[], Identity | None] | None = None,
    ) -> Decision:
        """The same, from the META of a Django request; only what the decision needs of it is read."""
    def explain(
        self,
        method: str,
        scheme: str,
        host: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        identity: Callable[[], Identity | None] | None = None,
    ) -> str:
        """The decision and all that it rests on, for people."""
    def explain_json(
        self,
        method: str,
        scheme: str,
        host: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        identity: Callable[[], Identity | None] | None = None,
    ) -> str:
        """The same as JSON."""
    def sign_marker(self, identity: Identity, session_cookie: tuple[str, str], expires: int) -> str:
        """The marker that proves who the session is until `expires`, seconds since 1970. Raises ValueError without a key."""
    def told(self, identity: str, proof: str | None = None) -> tuple[bool | None, str | None, str | None]:
        """For whom Larder wants a page to be made, by its two fields: logged in or not, user, segment; None for a part not told.

        Raises ValueError where what is told does not count: docs/rules.md#proof.
        """
    def verify_marker(self, marker: str, session_cookie: tuple[str, str], now: int) -> tuple[Identity, int] | None:
        """Whom a marker names and until when; None where it proves nothing."""

def never_headers() -> list[tuple[str, str]]:
    """The fields that forbid every cache to keep a response."""

def is_script(meta: Mapping[str, Any], signs: Sequence[str] | None = None) -> bool:
    """Whether a request is a script's.

    `signs` are fields with their values, as in `[xhr] signs` of a rule file; without them those that Larder knows scripts by.
    """

def page_key(
    style: str,
    prefix: str,
    version: str,
    cookie: str,
    scheme: str,
    host: str,
    target: str,
    page_version: str,
) -> str:
    """The key in Memcached under which Larder publishes a page for nginx; `style` is the rules' publish.key_style."""

def nginx_memcache_key(host: str, full_path: str, page_version: str = "", cookie: str = "pv") -> str:
    """The base key of django-nginx-memcache: the MD5 sum, without prefix and version."""

def minify(html: bytes) -> bytes | None:
    """The page with less of what nobody sees; None where it is left as it is."""

def csrf_holes(html: bytes) -> list[tuple[int, int]]:
    """Where Django's tokens stand in a page: (offset, length) of each.

    Raises ValueError where there is, or may be, a token that can't be replaced with certainty.
    """

def embeds_token(html: bytes) -> str | None:
    """What kind of token against forged requests a page embeds, if any."""

def mask(secret: str) -> str:
    """A Django CSRF secret masked anew, as a form has it. Raises ValueError for what is no secret."""

def secure(
    meta: Mapping[str, Any], peer: str, scheme: str, trusted: Sequence[str], field: str | None = None
) -> tuple[str, str]:
    """The effective scheme and client address of a request; forwarded fields count from trusted peers only.

    `peer` and `scheme` are the connection's, `trusted` addresses and networks. With `field` that field alone says the scheme.
    """
