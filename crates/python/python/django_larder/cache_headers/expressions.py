"""What is a Python expression in the words of others: Larder's, and those of Varnish (PCRE)?

An expression is read by Python's own parser and written anew from what it means on URLs, which are printable ASCII. What only
matters elsewhere (line ends, other letters, which group caught what) is left out. Where the other language has no word for
something, as Larder's has none for looking ahead, what is written matches more than the original, never less, and says so.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

try:
    from re import _constants as sre  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_constants as sre  # type: ignore[import-not-found,no-redef]
    import sre_parse as parser  # type: ignore[import-not-found,no-redef]

PRINTABLE = frozenset(range(0x21, 0x7F))
"""What a URL is made of, as it is sent."""

_OTHER_CASES = {0x131: 0x69, 0x130: 0x69, 0x17F: 0x73, 0x212A: 0x6B}
"""Letters that Python takes for these of ASCII where case does not count."""

_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_MANY = sre.MAXREPEAT


@dataclass(frozen=True)
class Translation:
    """An expression in other words."""

    text: str
    """The expression, held against a URL from its beginning."""
    lost: tuple[str, ...] = ()
    """What it does not say, so that it matches more than the original."""
    is_impossible: bool = False
    """Whether no URL can match it: it asks for a character that is never sent."""


def for_larder(source: str) -> Translation:
    """In the language of a rule's `match`. `source` compiles."""
    return _translated(source, _Writer(has_everything=False))


def for_varnish(source: str) -> Translation:
    """In PCRE, for `req.url ~`."""
    return _translated(source, _Writer(has_everything=True))


def on_one_line(source: str) -> str:
    """As it was written, in a comment: what is not printable ASCII is escaped."""
    return "".join(char if char.isascii() and char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in source)


def samples(source: str, count: int, seed: int = 0) -> Iterator[str]:
    """Texts that an expression is likely to match, and some that it nearly does."""
    source_of_chance = random.Random(f"{seed}:{source}")
    tree = parser.parse(source)
    for _ in range(count):
        text = "".join(_sample(tree, source_of_chance, {}))
        yield text + source_of_chance.choice(["", "", "/", "x", "?page=2", "&a=b", "?"])
        if text:
            yield text[:-1]


def _translated(source: str, writer: _Writer) -> Translation:
    tree = parser.parse(source)
    flags = tree.state.flags
    text = writer.sequence(tree, ignores_case=bool(flags & re.IGNORECASE))
    if flags & re.IGNORECASE:
        text = f"(?i:{text})" if writer.has_everything else f"(?i){text}"
    return Translation(text, tuple(dict.fromkeys(writer.lost)), _is_impossible(tree))


@dataclass
class _Writer:
    has_everything: bool
    lost: list[str] = field(default_factory=list)
    groups: dict[int, Any] = field(default_factory=dict)

    def sequence(self, items: Any, ignores_case: bool) -> str:
        return "".join(self.item(op, value, ignores_case) for op, value in items)

    def item(self, op: Any, value: Any, ignores_case: bool) -> str:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return _class(_characters(op, value, ignores_case))
        return getattr(self, f"_{str(op).lower()}")(value, ignores_case)

    def _group(self, items: Any, ignores_case: bool) -> str:
        """As one thing that can be repeated."""
        text = self.sequence(items, ignores_case)
        is_one = len(items) == 1 and items[0][0] in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.SUBPATTERN)
        return text if is_one else f"(?:{text})"

    def _subpattern(self, value: Any, ignores_case: bool) -> str:
        number, added, removed, items = value
        inner = (ignores_case or bool(added & re.IGNORECASE)) and not removed & re.IGNORECASE
        if number is not None:
            self.groups[number] = items
        opening = "(" if number is not None else "(?i:" if inner and not ignores_case else "(?-i:" if ignores_case and not inner else "(?:"
        branches = self._branches(items, inner)
        return f"{opening}{branches if branches is not None else self.sequence(items, inner)})"

    def _branches(self, items: Any, ignores_case: bool) -> str | None:
        """Without a group of their own, where they are all there is."""
        if len(items) == 1 and items[0][0] == sre.BRANCH:
            return "|".join(self.sequence(branch, ignores_case) for branch in items[0][1][1])
        return None

    def _branch(self, value: Any, ignores_case: bool) -> str:
        return "(?:" + "|".join(self.sequence(branch, ignores_case) for branch in value[1]) + ")"

    def _max_repeat(self, value: Any, ignores_case: bool) -> str:
        least, most, items = value
        return self._group(items, ignores_case) + _times(least, most)

    def _min_repeat(self, value: Any, ignores_case: bool) -> str:
        # Which of several ways to match is taken first makes no difference to whether there is one.
        return self._max_repeat(value, ignores_case) + ("?" if self.has_everything else "")

    def _possessive_repeat(self, value: Any, ignores_case: bool) -> str:
        return self._max_repeat(value, ignores_case) + self._or_lost("+", "a possessive repetition")

    def _atomic_group(self, value: Any, ignores_case: bool) -> str:
        opening = self._or_lost("(?>", "an atomic group") or "(?:"
        return f"{opening}{self.sequence(value, ignores_case)})"

    def _at(self, value: Any, ignores_case: bool) -> str:
        if value in (sre.AT_BOUNDARY, sre.AT_NON_BOUNDARY):
            return r"\b" if value == sre.AT_BOUNDARY else r"\B"
        return "^" if value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING) else "$"

    def _assert(self, value: Any, ignores_case: bool) -> str:
        return self._look(value, ignores_case, "=")

    def _assert_not(self, value: Any, ignores_case: bool) -> str:
        if not value[1]:
            # Nothing follows everywhere, so this holds nowhere.
            return self._failure(value, ignores_case)
        return self._look(value, ignores_case, "!")

    def _look(self, value: Any, ignores_case: bool, kind: str) -> str:
        direction, items = value
        arrow = "<" if direction < 0 else ""
        text = f"(?{arrow}{kind}{self.sequence(items, ignores_case)})"
        return self._or_lost(text, f"{text}, which looks {'behind' if arrow else 'ahead'}")

    def _failure(self, value: Any, ignores_case: bool) -> str:
        return _class(frozenset())

    def _groupref(self, value: Any, ignores_case: bool) -> str:
        if self.has_everything:
            return f"\\g{{{value}}}"
        self.lost.append(f"\\{value}, which repeats what a group matched")
        return f"(?:{self.sequence(self.groups.get(value, []), ignores_case)})"

    def _groupref_exists(self, value: Any, ignores_case: bool) -> str:
        number, then, otherwise = value
        one, other = self.sequence(then, ignores_case), self.sequence(otherwise or [], ignores_case)
        if self.has_everything:
            return f"(?({number}){one}|{other})"
        self.lost.append(f"(?({number})…), which asks whether a group matched")
        return f"(?:{one}|{other})"

    def _or_lost(self, text: str, name: str) -> str:
        if self.has_everything:
            return text
        self.lost.append(name)
        return ""


def _times(least: int, most: Any) -> str:
    short = {(0, _MANY): "*", (1, _MANY): "+", (0, 1): "?"}.get((least, most))
    if short is not None:
        return short
    if least == most:
        return f"{{{least}}}"
    return f"{{{least},{'' if most == _MANY else most}}}"


def _characters(op: Any, value: Any, ignores_case: bool) -> frozenset[int]:
    """Which characters of a URL it matches. Where case does not count, either case may stand for both."""
    if op == sre.ANY:
        return PRINTABLE
    if op == sre.IN:
        is_negative = value[0][0] == sre.NEGATE
        named = frozenset().union(*(_named(item, ignores_case) for item in value if item[0] != sre.NEGATE))
    else:
        is_negative = op == sre.NOT_LITERAL
        named = _named((sre.LITERAL, value), ignores_case)
    if not is_negative:
        return named & PRINTABLE
    return PRINTABLE - (_both_cases(named) if ignores_case else named)


def _named(item: Any, ignores_case: bool) -> frozenset[int]:
    op, value = item
    if op == sre.CATEGORY:
        pattern = re.compile(_CATEGORIES[str(value)])
        return frozenset(code for code in PRINTABLE if pattern.match(chr(code)))
    first, last = value if op == sre.RANGE else (value, value)
    found = set(range(max(first, 0x21), min(last, 0x7E) + 1))
    if ignores_case:
        found |= {ascii for other, ascii in _OTHER_CASES.items() if first <= other <= last}
    return frozenset(found)


def _both_cases(codes: frozenset[int]) -> frozenset[int]:
    return codes | {ord(chr(code).swapcase()) for code in codes}


_WORD = frozenset(code for code in PRINTABLE if chr(code).isalnum() or chr(code) == "_")
_SHORT = {
    PRINTABLE: ".",
    _WORD: r"\w",
    # No byte at all.
    frozenset(): r"[^\x00-\xFF]",
}


def _class(codes: frozenset[int]) -> str:
    """The shortest that people would write for these characters."""
    if codes in _SHORT:
        return _SHORT[codes]
    if len(codes) == 1:
        return _escaped(min(codes), r"\.+*?()|[]{}^$")
    others = PRINTABLE - codes
    negative, positive = f"[^{_ranges(others)}]", f"[{_ranges(codes)}]"
    if codes > _WORD:
        positive = f"[\\w{_ranges(codes - _WORD)}]"
    return min(positive, negative, key=len)


def _ranges(codes: frozenset[int]) -> str:
    parts: list[list[int]] = []
    for code in sorted(codes):
        if parts and parts[-1][1] == code - 1:
            parts[-1][1] = code
        else:
            parts.append([code, code])
    return "".join(_range(first, last) for first, last in parts)


def _range(first: int, last: int) -> str:
    one, other = (_escaped(code, r"\[]^-&~#") for code in (first, last))
    if first == last:
        return one
    return f"{one}{other}" if last == first + 1 else f"{one}-{other}"


def _escaped(code: int, special: str) -> str:
    if chr(code) in "\"'":
        # Neither TOML's nor VCL's quotes.
        return f"\\x{code:02X}"
    return f"\\{chr(code)}" if chr(code) in special else chr(code)


def _is_impossible(items: Any) -> bool:
    """Whether a part that can't be left out matches no URL."""
    for op, value in items:
        if op == sre.FAILURE or (op == sre.ASSERT_NOT and not value[1]):
            return True
        if op == sre.LITERAL and value not in PRINTABLE and value not in _OTHER_CASES:
            return True
        if op == sre.BRANCH and all(_is_impossible(branch) for branch in value[1]):
            return True
        if op == sre.SUBPATTERN and _is_impossible(value[3]):
            return True
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT) and value[0] > 0 and _is_impossible(value[2]):
            return True
    return False


def _sample(items: Any, chance: random.Random, groups: dict[int, str]) -> Iterator[str]:
    for op, value in items:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            wanted = _characters(op, value, False)
            # Most of what people put there are letters and digits.
            usual = sorted(code for code in wanted if chr(code).isalnum()) or sorted(wanted) or [ord("x")]
            yield chr(chance.choice(usual if chance.random() < 0.8 else sorted(wanted) or usual))
        elif op == sre.BRANCH:
            yield from _sample(chance.choice(value[1]), chance, groups)
        elif op == sre.SUBPATTERN:
            text = "".join(_sample(value[3], chance, groups))
            groups[value[0]] = text
            yield text
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT) or str(op) == "POSSESSIVE_REPEAT":
            most = min(value[1], value[0] + 3) if value[1] != _MANY else value[0] + 3
            for _ in range(chance.randint(value[0], most)):
                yield from _sample(value[2], chance, groups)
        elif str(op) == "ATOMIC_GROUP":
            yield from _sample(value, chance, groups)
        elif op == sre.ASSERT and value[0] > 0:
            # Where nothing else follows, it has to be there.
            yield from _sample(value[1], chance, groups)
        elif op == sre.GROUPREF:
            yield groups.get(value, "")
        elif op == sre.GROUPREF_EXISTS:
            yield from _sample((value[1] if groups.get(value[0]) else value[2]) or [], chance, groups)
