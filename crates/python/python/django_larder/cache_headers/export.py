"""CACHE_HEADERS as a rule file of Larder that decides the same.

One `[[rule]]` for each expression, in the order in which the middleware tries them. What a rule file can't say (a policy of the site's
own, an expression that looks ahead) becomes a rule by which the response itself decides: less is kept than before, never more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage

from .._core import Rules, RulesError
from . import conf, expressions, policies

YEAR = 365 * 24 * 3600
"""The longest that Larder keeps a page, seconds."""

SAMPLES = 40
"""How many URLs are made up for each expression to compare decisions on."""

# What Django gives back as it was sent: nothing to encode, nothing to decode.
_PLAIN_URL = re.compile(r"/(?!/)[A-Za-z0-9/:@&+$,\-_.!~*'();=]*(\?[A-Za-z0-9/:@&+$,\-_.!~*'();=?%]+)?")


@dataclass(frozen=True)
class Exported:
    """A rule file."""

    text: str
    """The file."""
    remarks: tuple[str, ...]
    """What it does not say as the settings do, for people."""
    places: tuple[int | None, ...]
    """For each of the middleware's rules, the index of the file's; None where it can match nothing."""
    wider: frozenset[int]
    """Indices of the file's rules that match more than the original."""


class Differs(Exception):
    """The file decides otherwise: a mistake of this translation."""


def exported(upstream: str, lookup: str) -> Exported:
    """The file for the present settings."""
    rules = conf.read()
    blocks: list[str] = []
    remarks: list[str] = []
    places: list[int | None] = []
    wider: set[int] = set()
    for rule in rules:
        translation = expressions.for_larder(rule.source)
        if translation.is_impossible:
            remarks.append(f"{rule.source!r} matches no URL: other letters are sent as %C3%A9. Left out.")
            places.append(None)
            continue
        if translation.lost:
            wider.add(len(blocks))
            lost = "; ".join(translation.lost)
            remarks.append(f"{rule.source!r} can't be said in full ({lost}): for all that the rest of it matches, the response decides.")
        elif rule.policy_name not in policies.BUILT_IN or rule.policy is not policies.BUILT_IN[rule.policy_name]:
            remarks.append(f"{rule.source!r} has the policy {rule.policy_name!r} of your own: there the response decides.")
        places.append(len(blocks))
        blocks.append(_block(rule, translation))
    text = "\n".join([_head(rules, upstream, lookup), *blocks])
    return Exported(text, tuple(remarks), tuple(places), frozenset(wider))


def check(file: Exported) -> list[str]:
    """Reads the file as Larder does, and compares decisions; the URLs on which they were compared. Raises Differs, RulesError."""
    rules = conf.read()
    larder = Rules.parse("larder.toml", file.text)
    urls = list(dict.fromkeys(url for rule in rules for url in plain_samples(rule.source)))
    for url in urls:
        compare(file, rules, larder, url)
    return urls


def compare(file: Exported, rules: tuple[conf.Rule, ...], larder: Rules, url: str) -> None:
    """Raises Differs, if a URL falls under another rule in the file."""
    place = next((place for rule, place in zip(rules, file.places) if rule.pattern.match(url)), None)
    decision = larder.decide("GET", "https", "example.com", url, [])
    if decision.rule != place and decision.rule not in file.wider:
        raise Differs(f"{url} falls under rule {place} in CACHE_HEADERS, and under {decision.rule} in the file")
    if decision.rule is None or decision.rule in file.wider:
        return
    rule = rules[file.places.index(decision.rule)]
    if (decision.audience, decision.ttl) != (_audience(rule), min(rule.age, YEAR) if _audience(rule) else None):
        raise Differs(f"{url} has {rule.policy_name}, {rule.age} s in CACHE_HEADERS, and {decision.audience}, {decision.ttl} s in the file")


def plain_samples(source: str) -> Iterator[str]:
    """URLs that an expression may match, spelled as both sides spell them."""
    for text in expressions.samples(source, SAMPLES):
        if _PLAIN_URL.fullmatch(text):
            yield text


def _audience(rule: conf.Rule) -> str | None:
    is_ours = policies.BUILT_IN.get(rule.policy_name) is rule.policy
    return rule.policy_name if is_ours and rule.age else None


def _head(rules: tuple[conf.Rule, ...], upstream: str, lookup: str) -> str:
    lines = [
        "# Made by `manage.py larder_export` from CACHE_HEADERS. The first rule that matches counts, so the longest expression stands first.",
        "# `respect_origin`: a view that says how long wins.",
        f"upstream = {_text(upstream)}",
        "",
        "[cache]",
        "# What no rule is for is kept only if the response says so itself.",
        "heuristic_percent = 0",
        "",
        "[identity]",
        f"session_cookies = [{_text(settings.SESSION_COOKIE_NAME)}]",
        "# Who has messages waiting gets a page of their own.",
        f"bypass_cookies = [{_text(CookieStorage.cookie_name)}]",
    ]
    if any(_audience(rule) == "anonymous-and-authenticated" for rule in rules):
        lines += ["# Larder asks the application who is logged in, and believes no cookie.", f"lookup = {_text(lookup)}"]
    return "\n".join(lines) + "\n"


def _block(rule: conf.Rule, translation: expressions.Translation) -> str:
    pattern = translation.text if translation.text not in ("", "^") else "^/"
    audience = None if translation.lost else _audience(rule)
    decides = "" if audience else ": the response decides"
    comment = f"# {rule.policy_name}, {rule.age} s, {expressions.on_one_line(rule.source)}{decides}"
    lines = [comment, "[[rule]]", f"match = '{pattern}'"]
    if audience is not None:
        lines += [
            f'audience = "{audience}"',
            f'ttl = "{min(rule.age, YEAR)}s"',
            f'browser_ttl = "{policies.browser_seconds()}s"',
            "respect_origin = true",
        ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A string of TOML."""
    escaped = "".join(f"\\u{ord(char):04X}" if char in '"\\' or ord(char) < 0x20 or ord(char) == 0x7F else char for char in value)
    return f'"{escaped}"'


__all__ = ["Differs", "Exported", "RulesError", "check", "compare", "exported", "plain_samples"]
