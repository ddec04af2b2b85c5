"""Who asks: a visitor, or Larder on behalf of all who share a page?

Larder asks for a shared page without the visitor's cookies and address, and says in `Larder-Identity` for whom it is to be
made ("what is unkeyed is unsent", docs/rules.md). What a client wrote into that field counts for nothing: it is believed from
`LARDER["trusted_proxies"]` only, of a GET or HEAD that came through Larder on nobody's behalf, and, where the rules have keys, with
the proof that Larder signed with one of them; it is taken off otherwise.

Of such a request the application may know what it was told, and nothing else. What it looks at beyond that (another attribute of
the user, the session) would be one visitor's on everybody's page. It gets NotShared for it; and even where that is caught, the
page is not confirmed: Larder drops it, and the visitor's own request goes through with their cookies.
"""

from __future__ import annotations

import functools
import ipaddress
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject, empty

from . import conf
from ._core import Identity, secure

logger = logging.getLogger("django_larder")


class NotShared(PermissionDenied):
    """The page depends on the one visitor who asks, and it was to be made for several.

    A kind of PermissionDenied, so that a middleware that stumbles over it makes a 403 of it and no report of an error.
    """


class Told(NamedTuple):
    """The parts of an identity that a page is to be made for. None: the page is the same for all of them."""

    authenticated: bool | None
    user: str | None
    segment: str | None

    def identity(self) -> Identity:
        """The same as a decision takes it."""
        # A user is somebody who is logged in, whether the class is told or not.
        return Identity(bool(self.authenticated or self.user is not None), self.user, self.segment)


class Visit:
    """What is known of one request: `request.larder`."""

    via: bool = False
    """Whether the request came through Larder, as far as it says."""
    asks: bool = False
    """Whether Larder asks for a page that is nobody's in particular."""
    told: Told | None = None
    """For whom the page is to be made, where Larder says so."""
    beyond: str | None = None
    """What the application looked at although it was not told."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        meta = request.META
        if "HTTP_VIA" in meta or "HTTP_LARDER_IDENTITY" in meta:
            self._read(meta)

    def _read(self, meta: dict[str, Any]) -> None:
        self.via = meta.get("HTTP_VIA", "").endswith(" larder")
        self.asks = self.via and _is_for_nobody(meta)
        stated, proof = meta.pop("HTTP_LARDER_IDENTITY", None), meta.pop("HTTP_LARDER_IDENTITY_PROOF", None)
        if stated is None or not self.asks or self._request.method not in ("GET", "HEAD"):
            return
        if is_trusted(meta.get("REMOTE_ADDR", ""), conf.larder().trusted_proxies):
            rules = conf.rules()
            if rules.marker_keys == 0 and rules.lookup_path is None:
                # Nobody told Larder who visitors are, so it is not Larder who says so.
                return
            try:
                self.told = Told(*rules.told(stated, proof))
            except ValueError as error:
                logger.warning("%r is made for whoever asks, not for whom Larder-Identity says: %s", self._request.path, error)
                return
            self._seed()

    @property
    def authenticated(self) -> bool:
        """Whether the page is for somebody who is logged in. On a request of the visitor's own: whether they are."""
        return bool(getattr(getattr(self._request, "user", None), "is_authenticated", False))

    @property
    def segment(self) -> str | None:
        """Which version of the page is to be made: what `LARDER["segment"]` says, or what Larder was told by it."""
        if self.told is not None:
            if self.told.segment is None and self.told.authenticated:
                raise self.beyond_told("request.larder.segment")
            return self.told.segment
        function = conf.larder().segment
        if function is None or self.asks:
            return None
        if iscoroutinefunction(function):
            raise TypeError("LARDER['segment'] is a coroutine function: await it, or read the segment in an async view from it")
        return function(self._request) or None

    def beyond_told(self, what: str) -> NotShared:
        """What is raised where something is read that was not told; the page will not be shared."""
        self.goes_beyond(what)
        return NotShared(f"{what} is one visitor's, and the page is for several")

    def goes_beyond(self, what: str) -> None:
        """Remembers that the page depends on what was not told: it will not be shared."""
        if self.told is not None and self.beyond is None:
            self.beyond = what
            logger.debug("%s reads %s, which its rule has no part of: not shared", self._request.path, what)

    def confirms(self) -> bool:
        """Whether the page was made for whom Larder said, and shows nothing of anybody else."""
        if self.told is None:
            return False
        if getattr(getattr(self._request, "session", None), "accessed", False):
            self.goes_beyond("request.session")
        return self.beyond is None

    def _seed(self) -> None:
        """Has Django's AuthenticationMiddleware find whom the page is for, so that other middleware sees them too."""
        told, request = self.told, self._request
        if told is None:
            return
        user: Any = SomeUser(self)
        if told.user is not None:
            user = SimpleLazyObject(functools.partial(_load_user, self, told.user))

        async def auser() -> Any:
            if isinstance(user, SimpleLazyObject) and user._wrapped is empty:
                await sync_to_async(lambda: user.is_authenticated)()
            return user

        self._user, self._auser = user, auser
        request.__dict__["_cached_user"] = user
        if told.user is None:
            request.__dict__["_acached_user"] = user

    def install_user(self) -> None:
        """Has `request.user` be whom the page is for, whoever has set it."""
        if self.told is not None and hasattr(self._request, "user"):
            self._request.user = self._user
            self._request.auser = self._auser


class SomeUser:
    """Whoever shares the page: logged in or not, and nothing else is known. Whatever else is asked of it raises NotShared."""

    def __init__(self, visit: Visit) -> None:
        self.__dict__["_visit"] = visit

    @property
    def is_authenticated(self) -> bool:
        """Whether they are logged in."""
        visit: Visit = self.__dict__["_visit"]
        if visit.told is None or visit.told.authenticated is None:
            raise visit.beyond_told("request.user.is_authenticated")
        return visit.told.authenticated

    @property
    def is_anonymous(self) -> bool:
        """Whether they are not."""
        return not self.is_authenticated

    @property
    def is_active(self) -> bool:
        """Who is logged in is active."""
        return self.is_authenticated

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        visit: Visit = self.__dict__["_visit"]
        raise visit.beyond_told(f"request.user.{name}")

    def __str__(self) -> str:
        visit: Visit = self.__dict__["_visit"]
        raise visit.beyond_told("the user's name")

    def __eq__(self, other: object) -> bool:
        visit: Visit = self.__dict__["_visit"]
        raise visit.beyond_told("whether the user is a certain one")

    def __hash__(self) -> int:
        visit: Visit = self.__dict__["_visit"]
        raise visit.beyond_told("which user it is")


def _load_user(visit: Visit, key: str) -> Any:
    """The user that a page is for, by the site's backends."""
    from django.contrib.auth import get_backends
    from django.contrib.auth.models import AnonymousUser

    for backend in get_backends():
        user = backend.get_user(key) if hasattr(backend, "get_user") else None
        if user is not None:
            user.backend = f"{type(backend).__module__}.{type(backend).__qualname__}"
            return user
    visit.goes_beyond(f"a user that there is none of: {key}")
    return AnonymousUser()


def _is_for_nobody(meta: Mapping[str, Any]) -> bool:
    """Whether Larder says nothing of a client, as it does where it asks for many: `forwarded.style` names the fields."""
    return "HTTP_X_FORWARDED_FOR" not in meta and "for=" not in meta.get("HTTP_FORWARDED", "").lower()


@functools.lru_cache(maxsize=64)
def _networks(trusted: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(one) for one in trusted if one != conf.UNIX_SOCKET)


@functools.lru_cache(maxsize=1024)
def is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    """Whether somebody who connects from this address is one of `trusted`."""
    if not trusted:
        return False
    if not address:
        return conf.UNIX_SOCKET in trusted
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in _networks(trusted))


def is_secure(request: HttpRequest) -> bool:
    """Whether the visitor came by https: what Django says, or, where `LARDER` names trusted proxies, what those say."""
    larder = conf.larder()
    if not larder.trusted_proxies:
        return request.is_secure()
    meta = request.META
    peer = meta.get("REMOTE_ADDR", "")
    trusted = [one for one in larder.trusted_proxies if one != conf.UNIX_SOCKET]
    if not peer and conf.UNIX_SOCKET in larder.trusted_proxies:
        # Who comes by a Unix socket has no address: one that stands for it.
        peer = "127.0.0.1"
        trusted.append(peer)
    if not peer:
        return request.is_secure()
    scheme = getattr(request, "_get_scheme", lambda: meta.get("wsgi.url_scheme", "http"))()
    return secure(meta, peer, scheme, trusted, larder.scheme_from)[0] == "https"
