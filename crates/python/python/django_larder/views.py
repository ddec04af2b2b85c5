"""The view that tells Larder who a visitor is: `identity.lookup` of the rules."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from ._core import Identity, never_headers
from .identity import identity_of, segment_of
from .visit import logger


def identity(request: HttpRequest) -> HttpResponse:
    """Answers a look-up with `Larder-Identity`.

    Larder sends the visitor's session cookie and nothing else of theirs. Whoever else asks is told who they are themselves.
    """
    if not hasattr(request, "user"):
        said = Identity(False)
    else:
        said = identity_of(request, request.user, segment_of(request))
    response = HttpResponse(status=200, content_type="text/plain")
    for name, value in never_headers():
        response[name] = value
    try:
        response["Larder-Identity"] = said.field()
    except ValueError as error:
        logger.error("a visitor can't be named to Larder, so that none of their pages are shared: %s", error)
        response.status_code = 404
    return response
