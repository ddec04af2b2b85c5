"""Middleware as sites have it."""


def no_cache_for_scripts(get_response):
    """What a script asks for is for that moment: neither browsers nor anybody on the way may keep it."""

    def middleware(request):
        response = get_response(request)
        if request.headers.get("X-Requested-With") == "XMLHttpRequest":
            response["Cache-Control"] = "no-cache, no-store, must-revalidate"
            response["Pragma"] = "no-cache"
            response["Expires"] = "0"
        return response

    return middleware


def method_override(get_response):
    """For clients that have only GET and POST. Like much of what is copied, it does not ask which of them came."""

    def middleware(request):
        request.method = request.headers.get("X-HTTP-Method-Override", request.method)
        return get_response(request)

    return middleware
