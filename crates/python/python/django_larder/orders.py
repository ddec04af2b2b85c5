"""What may be purged, and how is it said to Larder? Orders are made, checked and put together here; nothing is sent.

An order is the JSON object that the outbox keeps. It is the body of `POST /purge` (docs/purging.md), but for one member of
its own: `paths` are paths on whatever host, which become URLs or a pattern when they are sent, by `LARDER["hosts"]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.utils.encoding import iri_to_uri

Order = dict[str, Any]

NAMES_MAX = 10_000
"""URLs or tags of one order, which is Larder's limit."""
TAG_BYTES_MAX = 1024
"""Larder's limit, too."""
PATTERN_BYTES_MAX = 6_000
"""Of the 8 KiB that an expression may have."""


class OrderError(ValueError):
    """What was given can't be purged: the text says why, and what to give instead."""


def urls(given: Iterable[str], *, exact_query: bool = False, soft: bool = False) -> list[Order]:
    """Orders for whole URLs, and for paths on every host."""
    whole: list[str] = []
    paths: list[str] = []
    for one in _texts(given, "a URL or a path", "/blog/"):
        text = iri_to_uri(one.strip()).partition("#")[0]
        if text.startswith("/") and not text.startswith("//"):
            paths.append(text)
            continue
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OrderError(f'{one!r} is no URL and no path: write "https://example.com/blog/" or "/blog/"')
        whole.append(urlunsplit(parts._replace(path=parts.path or "/")))
    more: Order = {"query": "exact"} if exact_query else {}
    orders = [{"urls": some, **more} for some in _pieces(whole)] + [{"paths": some, **more} for some in _pieces(paths)]
    return [_soft(order, soft) for order in orders]


def tags(given: Iterable[str], *, host: str | None = None, soft: bool = False) -> list[Order]:
    """Orders for pages with any of these tags."""
    names = list(_texts(given, "a tag", "author:3"))
    for name in names:
        if not name or re.search(r"[\s,]", name) or not name.isprintable():
            raise OrderError(f"{name!r} is no tag: tags have no spaces and no commas, since these stand between them")
        if len(name.encode()) > TAG_BYTES_MAX:
            raise OrderError(f"a tag of {len(name.encode())} bytes: {TAG_BYTES_MAX} is the most, {name[:40]!r}...")
    more: Order = {} if host is None else {"host": _host(host)}
    return [_soft({"tags": some, **more}, soft) for some in _pieces(names)]


def prefix(given: str, *, soft: bool = False) -> list[Order]:
    """The order for everything that begins so."""
    (text,) = _texts([given], "a URL or a path", "/blog/")
    text = iri_to_uri(text)
    if not re.match(r"https?://[^/]+/|/", text):
        raise OrderError(f'{given!r} is no beginning of a URL: write "https://example.com/blog/", or "/blog/" for every host')
    return [_soft({"prefix": text}, soft)]


def host(given: str, *, soft: bool = False) -> list[Order]:
    """The order for a host."""
    return [_soft({"host": _host(given)}, soft)]


def everything(*, soft: bool = False) -> list[Order]:
    """The order for all pages."""
    return [_soft({"all": True}, soft)]


def _host(given: str) -> str:
    (text,) = _texts([given], "a host", "example.com")
    if not re.fullmatch(r"[^\s/@?#]+", text):
        raise OrderError(f'{given!r} is no host: write "example.com", without a scheme and a path')
    return text


def _soft(order: Order, soft: bool) -> Order:
    return {**order, "soft": True} if soft else order


def _texts(given: Iterable[str], what: str, example: str) -> Iterator[str]:
    for one in given:
        if not isinstance(one, str):
            raise OrderError(f'{one!r} is not {what}: give texts, each an argument of its own, as in "{example}"')
        yield one


def _pieces(names: list[str]) -> Iterator[list[str]]:
    unique = list(dict.fromkeys(names))
    for begin in range(0, len(unique), NAMES_MAX):
        yield unique[begin : begin + NAMES_MAX]


# ---- parts: what tells whether something was ordered already, and what fits together ---------------------------------

LISTS = ("urls", "paths", "tags")
Part = tuple[str, str]


def parts(order: Order) -> list[Part]:
    """The single things that an order is about: orders with the same parts do the same."""
    for member in LISTS:
        if member in order:
            rest = json.dumps({**order, member: None}, sort_keys=True)
            return [(rest, name) for name in order[member]]
    return [(json.dumps(order, sort_keys=True), "")]


def without(given: Iterable[Order], known: Collection[Part]) -> list[Order]:
    """The same orders without what is among the known parts."""
    left = []
    for order in given:
        member = next((member for member in LISTS if member in order), None)
        if member is not None:
            rest = json.dumps({**order, member: None}, sort_keys=True)
            if names := [name for name in order[member] if (rest, name) not in known]:
                left.append({**order, member: names})
        elif parts(order)[0] not in known:
            left.append(order)
    return left


def together(given: Iterable[Order]) -> list[Order]:
    """The same orders in as few as possible."""
    lists: dict[str, tuple[Order, str, dict[str, None]]] = {}
    others: dict[str, Order] = {}
    for order in given:
        member = next((member for member in LISTS if member in order), None)
        if member is None:
            others[json.dumps(order, sort_keys=True)] = order
            continue
        rest = {name: value for name, value in order.items() if name != member}
        _, _, names = lists.setdefault(member + json.dumps(rest, sort_keys=True), (rest, member, {}))
        names.update(dict.fromkeys(order[member]))
    orders = list(others.values())
    for rest, member, names in lists.values():
        orders += [{member: some, **rest} for some in _pieces(list(names))]
    return orders


def bodies(order: Order, hosts: Iterable[str]) -> list[Order]:
    """What is posted for it."""
    if "paths" not in order:
        return [order]
    soft = bool(order.get("soft"))
    exact = order.get("query") == "exact"
    if hosts := list(hosts):
        # Larder purges both schemes of a URL.
        return urls([f"https://{host}{path}" for path in order["paths"] for host in hosts], exact_query=exact, soft=soft)
    return [_soft({"pattern": {"url": pattern}}, soft) for pattern in _patterns(order["paths"], exact)]


def _patterns(paths: Iterable[str], exact: bool) -> Iterator[str]:
    """Expressions that fit these paths and nothing else, of any host."""
    end = "$" if exact else r"(?:\?|$)"
    some: list[str] = []
    for path in paths:
        escaped = re.escape(path if exact else path.partition("?")[0])
        if some and sum(map(len, some)) + len(escaped) > PATTERN_BYTES_MAX:
            yield f"^(?:{'|'.join(some)}){end}"
            some = []
        some.append(escaped)
    if some:
        yield f"^(?:{'|'.join(some)}){end}"


def in_words(order: Order) -> str:
    """An order in a line, for people."""
    more = ", stale" if order.get("soft") else ""
    if "host" in order and "tags" in order:
        more = f" on {order['host']}{more}"
    for member in LISTS:
        if member in order:
            names = order[member]
            shown = " ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            kind = {"urls": "", "paths": "", "tags": "tags "}[member]
            return f"{kind}{shown}{more}"
    if order.get("all"):
        return f"everything{more}"
    if "prefix" in order:
        return f"{order['prefix']}*{more}"
    if "host" in order:
        return f"host {order['host']}{more}"
    return json.dumps(order, sort_keys=True)
