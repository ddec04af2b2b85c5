"""The pages. Each counts how often it was made, so that a test can tell a page kept from a page made again."""

import threading
import time
from collections import Counter

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import condition

MADE = Counter()
GO = threading.Event()


def count(name):
    MADE[name] += 1
    return MADE[name]


@cache_control(public=True, max_age=60)
def home(request):
    """Anonymous, and says so."""
    return render(request, "page.html", {"title": "Home", "made": count("home")})


def plain(request):
    """Says nothing at all about caching."""
    return render(request, "page.html", {"title": "Plain", "made": count("plain")})


@cache_control(public=True, max_age=60)
def slow(request):
    """Takes a while, as a page that queries much does."""
    time.sleep(0.3)
    return render(request, "page.html", {"title": "Slow", "made": count("slow")})


@cache_control(max_age=60)
def greeting(request):
    """Personal, with a max-age: the mistake that shows one visitor another's page. Django adds Vary: Cookie."""
    return render(request, "greeting.html", {"made": count("greeting")})


@login_required
def account(request):
    """Personal, and says nothing about caching."""
    return render(request, "greeting.html", {"made": count("account")})


def contact(request):
    """A form with its CSRF token."""
    if request.method == "POST":
        messages.success(request, f"Thank you, {request.POST['name']}")
        return redirect("/contact/")
    return render(request, "contact.html", {"made": count("contact")})


@condition(etag_func=lambda request: '"first-edition"')
@cache_control(no_cache=True)
def article(request):
    """Kept, but asked about every time."""
    return render(request, "page.html", {"title": "Article", "made": count("article")})


def blog(request):
    """For anonymous visitors, as most pages with a greeting in the corner: the session is read, so Django adds Vary: Cookie."""
    return render(request, "greeting.html", {"made": count("blog"), "seen": request.META.get("HTTP_COOKIE", "no cookie")})


def blog_comment(request):
    """Leaves a message for the one who came here."""
    messages.success(request, "Your comment is waiting")
    return redirect("/blog/")


def club(request):
    """One page for strangers, one for members: made for whom Larder says, and for the visitor where it says nothing."""
    stated = request.headers.get("Larder-Identity")
    inside = request.user.is_authenticated if stated is None else "class=authenticated" in stated
    who = "member" if inside else "stranger"
    response = render(request, "page.html", {"title": f"Club for a {who}", "made": count("club")})
    if stated is not None:
        patch_vary_headers(response, ["Larder-Identity"])
    return response


def unaware(request):
    """The same by somebody who has not heard of Larder."""
    who = request.user.username or "stranger"
    return render(request, "page.html", {"title": f"Hello {who}", "made": count("unaware")})


@never_cache
def identity(request):
    """Who the visitor is, for Larder."""
    count("identity")
    user = request.user
    said = f'class=authenticated, user="{user.pk}"' if user.is_authenticated else "class=anonymous"
    return HttpResponse(headers={"Larder-Identity": said})


def stream(request):
    """The second piece is made only when the test has seen the first."""

    def pieces():
        yield "first\n"
        yield "second\n" if GO.wait(20) else "too late\n"

    return StreamingHttpResponse(pieces(), content_type="text/plain")


@never_cache
def stream_go(request):
    GO.set()
    return HttpResponse("gone on")


@never_cache
def made(request):
    return JsonResponse(MADE)


@never_cache
def asker(request):
    """What the application believes of who asks."""
    told = {name: value for name, value in request.META.items() if "FORWARDED" in name or name in TOLD}
    return JsonResponse({"secure": request.is_secure(), "url": request.build_absolute_uri(), "told": told})


TOLD = {"HTTP_FRONT_END_HTTPS", "HTTP_X_REAL_IP", "HTTP_HOST", "HTTP_SM_USER", "HTTP_X_ORIGINAL_URL"}


@csrf_exempt
@cache_control(public=True, max_age=60)
def thing(request, number=0):
    """One that can be looked at, changed and removed."""
    return HttpResponse(f"{request.method} made {count('thing')}")


@cache_control(public=True, max_age=60)
def secure(request):
    """Anonymous, with absolute links in it."""
    return HttpResponse(f"{request.build_absolute_uri()} made {count('secure')}")


@cache_control(public=True, max_age=60)
def only_secure(request):
    """Redirects to https until it believes it is asked by it; `?deaf` never does, as with a wrong setting."""
    if request.is_secure() and "deaf" not in request.GET:
        return HttpResponse(f"secure, made {count('only_secure')}")
    count("only_secure redirects")
    return redirect("https://" + request.get_host() + request.get_full_path(), permanent=True)


def echo(request, rest=""):
    """Any URL: says which it was, as it was sent, and when this was made. Tagged by the parameter `tag`."""
    count("echo")
    said = f"{request.scheme}://{request.get_host()}{request.META['RAW_URI']}\n{time.time_ns()}\n"
    response = HttpResponse(said + "." * 3000)
    if tag := request.GET.get("tag"):
        response["Surrogate-Key"] = tag
    return response
