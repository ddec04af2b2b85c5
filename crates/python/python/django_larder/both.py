"""What every middleware here is: one class for synchronous and asynchronous chains, without a thread of its own."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Handler = Callable[[HttpRequest], Any]


class Both:
    """A middleware for both kinds of chain: `begin` before the view, `finish` behind it."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._acall(request)
        return self.finish(request, self.get_response(request))

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        return self.finish(request, await self.get_response(request))

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """What becomes of a response."""
        return response

    def hook(self, name: str, function: Callable[..., Any]) -> None:
        """Has Django call `function` as `process_view` or `process_exception`, in a chain that waits without a thread."""
        if self.is_async:

            @functools.wraps(function)
            async def hooked(*args: Any, **kwargs: Any) -> Any:
                answer = function(*args, **kwargs)
                return await answer if isinstance(answer, Awaitable) else answer

            setattr(self, name, hooked)
        else:
            setattr(self, name, function)
