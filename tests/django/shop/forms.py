"""Pages with forms that many visitors get the same copy of."""

from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils.html import escape
from django.views.decorators.cache import cache_control, never_cache

from shop.views import count


def feedback(request):
    """Two forms and a token in <meta>, as sites have it. Says nothing about caching; the rule does."""
    if request.method == "POST":
        return HttpResponse(f"Thank you, {request.POST['name']}")
    return render(request, "feedback.html", {"made": count("feedback")})


@cache_control(public=True, max_age=60)
def boxed(request):
    """A form, and a corner with the visitor's name that is fetched for each of them."""
    if request.method == "POST":
        return HttpResponse(f"Thank you, {request.POST['name']}")
    return render(request, "boxed.html", {"made": count("boxed")})


def user_box(request):
    """That corner. It says nothing about caching, and Django adds Vary: Cookie."""
    return HttpResponse(f"<b>Hello {escape(request.user.username or 'stranger')}</b>")


@cache_control(public=True, max_age=60)
def newsletter(request):
    """A form without a token: a script fetches it when the form is sent, as docs/html.md has it."""
    if request.method == "POST":
        return HttpResponse(f"Thank you, {request.POST['name']}")
    return render(request, "newsletter.html", {"made": count("newsletter")})


@never_cache
def csrf(request):
    return JsonResponse({"token": get_token(request)})


@cache_control(public=True, max_age=60)
def elsewhere(request):
    """What Rails writes into every page's head. Its token belongs to the visitor's session."""
    token = "nqSHtQ4Y0pCk9h0Z2mB6wH3ZfZ3yq7qF6mX1T+8x0Uq/0r5bYk3dJ9mQ2sV4c7eXw1aLr8hTzG0nB5iKoP6uYg=="
    meta = f'<meta name="csrf-param" content="authenticity_token" />\n<meta name="csrf-token" content="{token}" />'
    return HttpResponse(f"<!doctype html><head>{meta}</head><p>made {count('elsewhere')}</p>")
