"""What does `settings.CACHE_HEADERS` say?

The keys are those of django-cache-headers, and one more: `danger-shared-policies`. What can't work is an ImproperlyConfigured
when the middleware is made, not when the first visitor comes to the page; an unknown key, which never did anything, is a system
check's warning.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase

Policy = Callable[[HttpRequest, HttpResponseBase, Any, int], Any]
"""Writes the headers of a response: `(request, response, user, age in seconds)`. What it returns does not count."""

KEYS = ("policies", "timeouts", "browser-cache-seconds", "enable-tampering-checks", "danger-shared-policies")

PERSONAL_POLICIES = ("per-user", "anonymous-and-authenticated")
"""Policies of which some pages are not for everybody. What can be in `danger-shared-policies`."""

BROWSER_SECONDS = 5
"""How long browsers keep a page, where `browser-cache-seconds` does not say it."""


@dataclass(frozen=True)
class Rule:
    """One expression of `timeouts`."""

    source: str
    """The expression as it was written."""
    pattern: re.Pattern[str]
    """Matched from the beginning of `request.get_full_path()`."""
    age: int
    """Seconds that shared caches keep a page; 0 is none."""
    policy_name: str
    """As it was written."""
    policy: Policy
    """What writes the headers."""

    def apply(self, request: HttpRequest, response: HttpResponseBase, user: Any) -> None:
        """Has the policy write them."""
        policy = async_to_sync(self.policy) if iscoroutinefunction(self.policy) else self.policy
        policy(request, response, user, self.age)

    async def aapply(self, request: HttpRequest, response: HttpResponseBase, user: Any) -> None:
        """The same in an asynchronous chain."""
        from . import policies

        if iscoroutinefunction(self.policy):
            await self.policy(request, response, user, self.age)
        elif self.policy in policies.BUILT_IN.values():
            self.policy(request, response, user, self.age)
        else:
            # It may ask the database.
            await sync_to_async(self.policy, thread_sensitive=True)(request, response, user, self.age)


def raw() -> Mapping[str, Any]:
    """The setting as it is; empty where there is none."""
    value = getattr(django_settings, "CACHE_HEADERS", None)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise wrong("", f"must be a dictionary, not {value!r}", 'Write CACHE_HEADERS = {"timeouts": {...}}')
    return value


def wrong(path: str, problem: str, remedy: str) -> ImproperlyConfigured:
    """An error: where it is, what is wrong, what to write."""
    from ..conf import line_of, settings_module

    module = settings_module()
    return ImproperlyConfigured(f"{line_of(module, 'CACHE_HEADERS')}: CACHE_HEADERS{path} {problem}. {remedy}.")


def read() -> tuple[Rule, ...]:
    """The rules in the order in which they are tried: longer expressions first, those of one length as they are written."""
    from . import policies

    policies.browser_seconds()
    shared_policies()
    known = {**policies.BUILT_IN, **_custom_policies()}
    rules = [rule for name, ages in _timeouts(known) for rule in _rules_of(name, ages, known[name])]
    # Sorting keeps the order of what is equal.
    return tuple(sorted(rules, key=lambda rule: -len(rule.source)))


def find(rules: Iterable[Rule], full_path: str) -> Rule | None:
    """The rule for a URL: the first that matches, if it keeps pages at all."""
    for rule in rules:
        if rule.pattern.match(full_path):
            return rule if rule.age else None
    return None


def has_tampering_checks() -> bool:
    """Read for every response."""
    return bool(raw().get("enable-tampering-checks", False))


def shared_policies() -> frozenset[str]:
    """The policies whose pages for one visitor, or for those who are logged in, are left to shared caches."""
    names = raw().get("danger-shared-policies", ())
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise wrong('["danger-shared-policies"]', f"must be a list of policies' names, not {names!r}", f'Write ["{names}"]')
    for name in names:
        if name not in PERSONAL_POLICIES:
            allowed = " and ".join(f'"{known}"' for known in PERSONAL_POLICIES)
            raise wrong('["danger-shared-policies"]', f"names {name!r}", f"It may name {allowed}: the others need no permission")
    return frozenset(names)


def unknown_keys() -> list[tuple[str, str]]:
    """Keys that nobody reads, each with a remedy."""
    found = []
    for key in raw():
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1, 0.5)
            remedy = f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(KEYS)}."
            found.append((f"CACHE_HEADERS[{key!r}] is not a key of this setting, so it does nothing.", remedy))
    return found


def _custom_policies() -> Mapping[str, Policy]:
    custom = raw().get("policies", {})
    if not isinstance(custom, Mapping):
        raise wrong('["policies"]', f"must be a dictionary, not {custom!r}", 'Write {"name": callable}')
    for name, policy in custom.items():
        if not callable(policy):
            remedy = "Import the function and name it itself: it is called with (request, response, user, age)"
            raise wrong(f'["policies"][{name!r}]', f"must be callable, not {policy!r}", remedy)
    return custom


def _timeouts(known: Mapping[str, Policy]) -> Iterable[tuple[str, Mapping[int, Iterable[str]]]]:
    timeouts = raw().get("timeouts", {})
    if not isinstance(timeouts, Mapping):
        raise wrong('["timeouts"]', f"must be a dictionary, not {timeouts!r}", 'Write {"all-users": {600: ("^/blog/",)}}')
    for name, ages in timeouts.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1, 0.5)
            remedy = f'Did you mean "{near[0]}"' if near else f'Known are {", ".join(known)}; others belong into "policies"'
            raise wrong(f'["timeouts"][{name!r}]', "is the name of no policy", remedy)
        if not isinstance(ages, Mapping):
            remedy = "Write {600: (expression, expression)}"
            raise wrong(f'["timeouts"][{name!r}]', f"must be a dictionary from seconds to expressions, not {ages!r}", remedy)
        yield name, ages


def _rules_of(name: str, ages: Mapping[int, Iterable[str]], policy: Policy) -> Iterable[Rule]:
    for age, sources in ages.items():
        path = f'["timeouts"][{name!r}][{age!r}]'
        if isinstance(age, bool) or not isinstance(age, int) or age < 0:
            raise wrong(path, "does not stand for a number of seconds", "Write a whole number, 0 for pages that are never kept")
        if isinstance(sources, str) or not isinstance(sources, Iterable):
            # A text would be taken character by character, and `^` matches every URL.
            raise wrong(path, f"must be a tuple of expressions, not {sources!r}", f"Write ({sources!r},)")
        for source in sources:
            yield Rule(source, _compiled(path, source), age, name, policy)


def _compiled(path: str, source: Any) -> re.Pattern[str]:
    if not isinstance(source, str):
        raise wrong(path, f"has {source!r} among its expressions", "Write the text of a regular expression")
    try:
        return re.compile(source)
    except re.error as error:
        remedy = "What is meant as it is gets a backslash before it"
        raise wrong(path, f"has {source!r}, which is no regular expression: {error}", remedy) from error
