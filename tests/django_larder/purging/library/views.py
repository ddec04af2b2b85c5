"""Pages of the library, each made in another way."""

from django.db import connection
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt

from library.models import Author, Book

MADE = {}


def page(request, text):
    MADE[request.path] = MADE.get(request.path, 0) + 1
    return HttpResponse(f"{text} (made {MADE[request.path]})")


def books(request):
    return page(request, ", ".join(book.title for book in Book.objects.select_related("author").order_by("id")))


def book(request, slug):
    return page(request, get_object_or_404(Book, slug=slug).title)


async def later(request, pk):
    return page(request, (await Book.objects.aget(pk=pk)).title)


def authors(request):
    return page(request, ", ".join(Author.objects.values_list("name", flat=True)))


def about(request):
    return page(request, "about")


def by_hand(request):
    from django_larder.automatic import note

    note(Book)
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM library_book")
        return page(request, cursor.fetchone()[0])


@csrf_exempt
def rename(request, slug):
    """What an editor does."""
    some = get_object_or_404(Book, slug=slug)
    some.title = request.POST["title"]
    some.slug = request.POST.get("slug", slug)
    some.save()
    return HttpResponse("saved")
