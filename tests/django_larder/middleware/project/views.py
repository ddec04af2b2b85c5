"""The pages. Each counts how often it was made, so that a test can tell a page kept from a page made again."""

import itertools
import threading

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from django_larder.page import page, tag_response
from project.visitors import auser

COUNT = itertools.count(1)
THREADS = set()


def made(text):
    THREADS.add(threading.get_ident())
    return HttpResponse(f"<!doctype html><p>{text}</p><p>made {next(COUNT)}</p>")


def plain(request, **kwargs):
    """The same for all, and says nothing about caches."""
    return made(f"plain {request.method} {request.body.decode()} {sorted(kwargs)}")


def hello(request):
    """Reads whether somebody is logged in, in a template."""
    return render(request, "hello.html", {"made": next(COUNT)})


def club(request):
    """One page for strangers, one for members."""
    return made(f"club for a {'member' if request.user.is_authenticated else 'stranger'}")


def name(request):
    """Shows the visitor's name: nobody may share it by class."""
    return made(f"hello {request.user.username or 'stranger'}")


def cart(request):
    """Reads the session."""
    request.user.is_authenticated
    return made(f"cart {request.session.get('cart', 0)}")


def desk(request):
    """One page for each segment."""
    return made(f"desk of {request.larder.segment}")


def mine(request):
    """The visitor's own, by the real user."""
    return made(f"mine {request.user.username or 'nobody'} {request.user.pk}")


@csrf_exempt
def form(request):
    """A form."""
    return made(f'<form><input name="csrfmiddlewaretoken" value="{get_token(request)}"></form>')


def noted(request):
    """Shows what waits for the visitor."""
    return made(" ".join(str(message) for message in messages.get_messages(request)))


def note(request):
    """Leaves a message."""
    messages.success(request, "saved")
    return made("noted")


def says(request):
    """Has an opinion about caches."""
    response = made("says")
    for field, value in request.GET.items():
        response[field] = value
    return response


def visited(request):
    """Sets a cookie that means nothing."""
    response = made("visited")
    response.set_cookie("visited", "1")
    return response


def stream(request):
    """Pieces."""
    return StreamingHttpResponse(iter(["one", "two"]))


def english(request):
    """Varies."""
    response = made("hello")
    patch_vary_headers(response, ["Accept-Language"])
    return response


@page(ttl="10m", browser_ttl=5, grace=60, tags=["paged"])
def paged(request):
    """A rule in code."""
    return made("paged")


@page(ttl=600, tags=lambda request: ["later"])
async def paged_later(request):
    """The same, later."""
    return made("paged later")


@method_decorator(page(ttl=600, tags=["class"]), name="dispatch")
class Paged(View):
    """The same of a class."""

    def get(self, request):
        return made("paged class")


@method_decorator(page(ttl=600, tags=["class"]), name="dispatch")
class PagedLater(View):
    """The same, later."""

    async def get(self, request):
        return made("paged class later")


@page(ttl=600, version=lambda request: request.GET.get("version"))
def versioned(request):
    """Several versions."""
    return made("versioned")


@page(ttl=600, version=lambda request: request.user.is_staff)
def by_staff(request):
    """Two versions, by what is known of a real user only."""
    return made("by staff")


def tagged(request, number):
    """Names what it is made of."""
    return tag_response(made("tagged"), f"post:{number}", number)


def boom(request):
    """Wants the user to be a real one."""
    if request.user.is_authenticated:
        raise LookupError(f"no order of {request.user.pk}")
    return made("boom")


def log_in(request, name):
    login(request, authenticate(request, username=name, password="secret"))
    return made("in")


def log_out(request):
    logout(request)
    return made("out")


def rotate(request):
    update_session_auth_hash(request, request.user)
    return made("rotated")


def promote(request):
    request.user.is_staff = True
    request.user.save()
    return made("promoted")


def fill_cart(request):
    request.session["cart"] = 1
    return made("filled")


async def later(request):
    return made("later")


async def later_name(request):
    user = await auser(request)
    return made(f"hello {user.username or 'stranger'}")
