"""Where Wagtail serves a page, its tags are told. Wagtail looks for this file in each application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from wagtail import hooks

from ..page import tag_response
from .tags import of_page


@hooks.register("on_serve_page")
def tell(serve: Callable[..., Any]) -> Callable[..., Any]:
    """Around `page.serve`."""

    def told(page: Any, request: HttpRequest, args: Any, kwargs: Any) -> Any:
        response = serve(page, request, args, kwargs)
        if not getattr(request, "is_preview", False):
            tag_response(response, *of_page(page))
        return response

    return told
