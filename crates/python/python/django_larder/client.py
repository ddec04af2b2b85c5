"""How is the admin listener of `larder serve` asked? By http.client, with a time limit and the token, for one answer."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from . import conf

BODY_MAX = 8 * 1024 * 1024
"""Of an answer; a row for each of 10,000 URLs of a warming has room."""


class Unreachable(Exception):
    """Nobody was there, or the answer was none. The same may be asked again later."""


class Refused(Exception):
    """Larder answered that it will not."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail

    @property
    def for_good(self) -> bool:
        """Whether the order itself is wrong. A missing token, a wrong address and a Larder that ends can change."""
        return self.status in (400, 413, 415, 422)


@dataclass(frozen=True)
class Answer:
    """What Larder said, where it was a success."""

    status: int
    """200, or 202: accepted, but not complete where pages are published; Larder completes it."""
    text: str

    def json(self) -> Any:
        """The body as JSON. Raises Unreachable where it is none: then it was not Larder."""
        try:
            return json.loads(self.text)
        except ValueError as error:
            raise Unreachable(f"what answers is not Larder's admin listener: {error}") from error


@dataclass(frozen=True)
class Admin:
    """The admin listener of a running Larder."""

    url: str
    token: str | None
    timeout: float

    @classmethod
    def of_settings(cls, timeout: float | None = None) -> Admin:
        """The one that `settings.LARDER` names."""
        larder = conf.larder()
        return cls(larder.admin_url, larder.read_token(), timeout or larder.timeout)

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        """Asks for a change. Raises Unreachable or Refused."""
        return self._ask("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def get(self, path: str, query: list[tuple[str, str]] | None = None, accept: str = "*/*") -> Answer:
        """Asks for something. Raises Unreachable or Refused."""
        target = f"{path}?{urlencode(query)}" if query else path
        return self._ask("GET", target, None, {"Accept": accept})

    def _ask(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, parts.port, timeout=self.timeout, context=ssl.create_default_context())
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=self.timeout)
        if self.token:
            headers = {**headers, "Authorization": f"Bearer {self.token}"}
        try:
            connection.request(method, target, body=body, headers=headers)
            raw = connection.getresponse()
            text = raw.read(BODY_MAX).decode(errors="replace")
        except TimeoutError as error:
            raise Unreachable(f"{self.url} did not answer within {self.timeout:g} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            # ValueError: a token with a line's end in it, for one; it is not sent.
            raise Unreachable(f"{self.url}: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if not 200 <= raw.status < 300:
            raise Refused(raw.status, _detail(text) or raw.reason)
        return Answer(raw.status, text)


def _detail(text: str) -> str:
    """What problem details (RFC 9457) or a line of text say."""
    try:
        said = json.loads(text)
    except ValueError:
        return text.strip()[:500]
    if isinstance(said, dict):
        return str(said.get("detail") or said.get("title") or "")[:500]
    return ""
