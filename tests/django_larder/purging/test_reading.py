"""What a page was made from: by whole models, or by the rows that alone could change it."""

import asyncio

import pytest
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Subquery
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.test import override_settings
from django_larder import automatic
from library.models import (
    Author,
    Book,
    Branch,
    Card,
    Note,
    Novel,
    Place,
    Profile,
    Review,
    Subject,
    Word,
)


def tags_of(make):
    with automatic.collect() as seen:
        make()
    return set(seen.tags())


@pytest.fixture(autouse=True)
def some(larder):
    ann = Author.objects.create(id=1, name="Ann", slug="ann")
    bob = Author.objects.create(id=2, name="Bob", slug="bob")
    Profile.objects.create(id=9, author=ann)
    one = Book.objects.create(id=5, title="One", slug="one", author=ann, series="s", volume=1)
    two = Book.objects.create(id=6, title="Two", slug="two", author=bob, editor=ann, series="s", volume=2)
    subject = Subject.objects.create(id=3, name="Sea")
    one.subjects.add(subject)
    Review.objects.create(id=8, book=one, text="good")
    Note.objects.create(id=4, about=two, text="lent")
    Branch.objects.create(id=7, name="North")


ALL = {"library.book"}
ONE = {"library.book:5", "library.book:*"}
ANN = {"library.author:1", "library.author:*"}
BOTH = {"library.author:1", "library.author:2", "library.author:*"}

LISTS = {
    "all": (lambda: list(Book.objects.all()), ALL),
    "a filter": (lambda: list(Book.objects.filter(title="One")), ALL),
    "a slice": (lambda: list(Book.objects.order_by("-id")[:1]), ALL),
    "first": (lambda: Book.objects.first(), ALL),
    "count": (lambda: Book.objects.count(), ALL),
    "exists": (lambda: Book.objects.filter(title="x").exists(), ALL),
    "aggregate": (lambda: Book.objects.aggregate(Count("id")), ALL),
    "aggregate over a slice": (lambda: Book.objects.all()[:5].aggregate(Count("id")), ALL),
    "values": (lambda: list(Book.objects.values("title")), ALL),
    "values of another": (lambda: list(Book.objects.values("author__name")), ALL | {"library.author"}),
    "in_bulk of all": (lambda: Book.objects.in_bulk(), ALL),
    "an iterator": (lambda: list(Book.objects.iterator(chunk_size=1)), ALL),
    "dates": (lambda: list(Book.objects.values_list("volume").distinct()), ALL),
    "a join in a condition": (lambda: list(Book.objects.filter(author__name="Ann")), ALL | {"library.author"}),
    "a join in an order": (lambda: list(Book.objects.order_by("author__name")), ALL | {"library.author"}),
    "columns of joined rows": (lambda: list(Book.objects.select_related("author")), ALL | BOTH),
    "joined rows that decide, too": (
        lambda: list(Book.objects.select_related("author").order_by("author__name")),
        ALL | {"library.author"},
    ),
    "joined rows, and SQL by hand": (
        lambda: list(Book.objects.select_related("author").extra(where=["library_author.name = 'Ann'"])),
        ALL | {"library.author"},
    ),
    "a key that may be empty": (lambda: list(Book.objects.select_related("editor")), ALL | {"library.author"}),
    "the other side of one to one": (lambda: list(Author.objects.select_related("profile")), {"library.author", "library.profile"}),
    "many to many": (
        lambda: list(Subject.objects.get(pk=3).books.all()),
        ALL | {"library.book_subjects", "library.subject:3", "library.subject:*"},
    ),
    "the rows of a key": (lambda: list(Author.objects.get(pk=1).books.all()), ALL | ANN),
    "prefetched rows of keys": (lambda: list(Book.objects.prefetch_related("author")), ALL | BOTH),
    "prefetched many to many": (
        lambda: list(Book.objects.prefetch_related("subjects")),
        ALL | {"library.subject", "library.book_subjects"},
    ),
    "prefetched by a query": (
        lambda: list(Author.objects.prefetch_related(Prefetch("books", Book.objects.filter(volume=1)))),
        ALL | {"library.author"},
    ),
    "a generic relation": (lambda: list(Book.objects.get(pk=5).notes.all()), ONE | {"library.note"}),
    "generic keys": (
        lambda: [note.about for note in Note.objects.prefetch_related("about")],
        {"library.note", "library.book:6", "library.book:*"},
    ),
    "a query in a condition": (lambda: list(Author.objects.filter(pk__in=Book.objects.values("author"))), ALL | {"library.author"}),
    "a query in a column": (
        lambda: list(Author.objects.annotate(title=Subquery(Book.objects.filter(author=OuterRef("pk")).values("title")[:1]))),
        ALL | {"library.author"},
    ),
    "exists in a condition": (
        lambda: list(Author.objects.filter(Exists(Review.objects.filter(book__author=OuterRef("pk"))))),
        {"library.author", "library.review", "library.book"},
    ),
    "union": (lambda: list(Author.objects.values("name").union(Subject.objects.values("name"))), {"library.author", "library.subject"}),
    "one or the other": (lambda: list(Book.objects.filter(pk=5) | Book.objects.filter(title="Two")), ALL),
    "all but one": (lambda: list(Book.objects.exclude(pk=5)), ALL),
    "extra tables": (
        lambda: list(Book.objects.extra(tables=["library_review"], where=["library_review.book_id = library_book.id"])),
        ALL | {"library.review"},
    ),
    "SQL for a model": (lambda: list(Book.objects.raw("SELECT * FROM library_book")), ALL),
    "a proxy": (lambda: list(Novel.objects.all()), ALL),
    "a child": (lambda: list(Branch.objects.all()), {"library.branch", "library.place:7", "library.place:*"}),
    "a name without its case": (lambda: Book.objects.get(slug__iexact="ONE"), ALL),
}


@pytest.mark.parametrize("name", LISTS)
def test_what_any_row_could_change_has_the_model(name):
    make, expected = LISTS[name]
    assert tags_of(make) == expected


ROWS = {
    "pk": (lambda: Book.objects.get(pk=5), ONE),
    "id as text": (lambda: Book.objects.get(id="5"), ONE),
    "a unique value": (lambda: Book.objects.get(slug="one"), ONE),
    "several values that are unique together": (lambda: Book.objects.get(series="s", volume=1), ONE),
    "and a condition": (lambda: Book.objects.filter(pk=5, title__startswith="O").first(), ONE),
    "a condition that fails": (lambda: Book.objects.filter(pk=5, title="x").first(), ONE),
    "a pk that nobody has": (lambda: Book.objects.filter(pk=77).first(), {"library.book:77", "library.book:*"}),
    "a unique value that nobody has": (lambda: Book.objects.filter(slug="x").first(), ALL),
    "pks": (lambda: list(Book.objects.filter(pk__in=[5, 6])), ONE | {"library.book:6"}),
    "unique values": (lambda: list(Book.objects.filter(slug__in=["one", "two"])), ONE | {"library.book:6"}),
    "unique values of which one is missing": (lambda: list(Book.objects.filter(slug__in=["one", "x"])), ALL),
    "in_bulk": (lambda: Book.objects.in_bulk([5]), ONE),
    "count": (lambda: Book.objects.filter(pk=5).count(), ONE),
    "exists": (lambda: Book.objects.filter(pk=5).exists(), ONE),
    "exists by a unique value, of which the row is not known": (lambda: Book.objects.filter(slug="one").exists(), ALL),
    "some columns": (lambda: list(Book.objects.filter(slug="one").values("id", "title")), ONE),
    "some columns without the pk": (lambda: list(Book.objects.filter(slug="one").values("title")), ALL),
    "only": (lambda: Book.objects.only("title").get(slug="one"), ONE),
    "what was left out": (lambda: Book.objects.defer("title").get(pk=5).title, ONE),
    "a key": (lambda: Book.objects.get(pk=5).author.name, ONE | ANN),
    "a key in columns": (lambda: Book.objects.select_related("author").get(slug="one"), ONE | ANN),
    "a key in columns, of whom something is wanted": (
        lambda: Book.objects.select_related("author").get(slug="one", author__name="Ann"),
        ONE | ANN,
    ),
    "of whom something else is wanted": (
        lambda: Book.objects.select_related("author").filter(slug="one", author__name="x").first(),
        ALL | {"library.author"},
    ),
    "one to one": (lambda: Author.objects.get(pk=1).profile, ANN | {"library.profile:9", "library.profile:*"}),
    "one to one in columns": (lambda: Author.objects.select_related("profile").get(pk=1), ANN | {"library.profile:9", "library.profile:*"}),
    "one to one that is missing": (
        lambda: Author.objects.select_related("profile").get(pk=2),
        {"library.author:2", "library.author:*", "library.profile"},
    ),
    "a query in a column": (
        lambda: Author.objects.annotate(title=Subquery(Book.objects.filter(author=OuterRef("pk")).values("title")[:1])).get(pk=1),
        ANN | {"library.book"},
    ),
    "a sum over a join": (lambda: Author.objects.annotate(n=Count("books")).get(pk=1), ANN | {"library.book"}),
    "an expression": (lambda: Book.objects.annotate(n=F("volume") + 1).get(pk=5), ONE),
    "a value of another table": (lambda: Book.objects.filter(pk=5).values("id", "author__name").get(), ONE | {"library.author"}),
    "again": (lambda: Book.objects.get(pk=5).refresh_from_db(), ONE),
    "get_or_create": (lambda: Subject.objects.get_or_create(name="Sea"), {"library.subject:3", "library.subject:*"}),
    "a proxy": (lambda: Novel.objects.get(pk=5), ONE),
    "a child": (lambda: Branch.objects.get(pk=7), {"library.branch:7", "library.branch:*", "library.place:7", "library.place:*"}),
    "a child by its parent's value": (
        lambda: Branch.objects.get(name="North"),
        {"library.branch:7", "library.branch:*", "library.place:7", "library.place:*"},
    ),
    "a parent": (lambda: Place.objects.get(name="North"), {"library.place:7", "library.place:*"}),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_only_certain_rows_could_change_has_the_rows(name):
    make, expected = ROWS[name]
    assert tags_of(make) == expected


def test_a_404_is_of_all_rows_since_any_could_come_to_have_the_slug():
    def missing():
        with pytest.raises(Http404):
            get_object_or_404(Book, slug="x")

    assert tags_of(missing) == ALL


def test_a_primary_key_is_one_tag_however_it_is_written():
    card = Card.objects.create(holder="Ann")
    tag = f"library.card:{card.pk}"
    for given in (card.pk, str(card.pk), card.pk.hex):
        assert tags_of(lambda given=given: Card.objects.get(pk=given)) == {tag, "library.card:*"}
    assert tags_of(lambda: list(Card.objects.filter(holder="Ann"))) == {"library.card"}


def test_a_primary_key_of_any_text_makes_a_tag_without_spaces_and_commas():
    for word in ["two words", "a,b", "*", "ü", "x" * 290, "CamelCase"]:
        Word.objects.create(word=word, meaning="?")
        tags = tags_of(lambda word=word: Word.objects.get(pk=word))
        assert len(tags) == 2
        (tag,) = tags - {"library.word:*"}
        assert tag == tag.lower() or "%" in tag
        assert tag.isascii() and not set(tag) & set(" ,*") and len(tag) < 250


def test_more_rows_than_wanted_are_the_model():
    with override_settings(LARDER={"tags_max": 3}):
        assert len(tags_of(lambda: [Book.objects.filter(pk=pk).first() for pk in (1, 2, 3)])) == 4
        assert tags_of(lambda: [Book.objects.filter(pk=pk).first() for pk in (1, 2, 3, 4)]) == ALL
        assert tags_of(lambda: list(Book.objects.filter(pk__in=range(9)))) == ALL
        # The model with the most rows goes first.
        both = tags_of(lambda: [Author.objects.get(pk=1), *(Book.objects.filter(pk=pk).first() for pk in (1, 2, 3))])
        assert both == ALL | ANN


def test_a_model_makes_its_rows_needless():
    assert tags_of(lambda: [Book.objects.get(pk=5), Book.objects.count()]) == ALL


def test_a_condition_that_nothing_meets_is_not_asked():
    assert tags_of(lambda: list(Book.objects.none())) == set()
    assert tags_of(lambda: list(Book.objects.filter(pk__in=[]))) == set()


def test_sql_by_a_cursor_is_not_seen_and_can_be_told():
    def by_cursor():
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM library_book")

    assert tags_of(by_cursor) == set()
    assert tags_of(lambda: automatic.note(Book)) == ALL
    assert tags_of(lambda: automatic.note(Book(pk=5), "start")) == ONE | {"start"}
    with pytest.raises(TypeError, match="no model, no instance and no tag"):
        tags_of(lambda: automatic.note(5))
    automatic.note(Book)


def test_sessions_and_content_types_are_nobodys_page():
    from django.contrib.contenttypes.models import ContentType
    from django.contrib.sessions.models import Session

    assert tags_of(lambda: [list(Session.objects.all()), list(ContentType.objects.all())]) == set()
    with override_settings(LARDER={"automatic_ignore": ["library.book"]}):
        assert tags_of(lambda: list(Book.objects.select_related("author"))) == BOTH


def test_unseen_is_not_seen():
    def quietly():
        with automatic.unseen():
            Book.objects.count()

    assert tags_of(quietly) == set()


def test_what_tasks_and_threads_of_a_request_read_is_the_requests_and_no_others():
    async def one(pk):
        with automatic.collect() as seen:
            await asyncio.gather(Book.objects.aget(pk=pk), Review.objects.acount())
        return set(seen.tags())

    async def both():
        return await asyncio.gather(one(5), one(6))

    first, second = asyncio.run(both())
    assert first == ONE | {"library.review"}
    assert second == {"library.book:6", "library.book:*", "library.review"}


def test_a_thread_of_a_views_own_is_seen_with_the_views_context_only():
    import contextvars
    import threading

    from django.db import connections

    def read():
        Book.objects.get(pk=5)
        connections.close_all()

    def by_a_thread(target):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()

    assert tags_of(lambda: by_a_thread(read)) == set()
    assert tags_of(lambda: by_a_thread(_in_context(contextvars.copy_context, read))) == ONE


def _in_context(copy, read):
    """A target that reads in the context of whoever is making the page."""
    context = copy()
    return lambda: context.run(read)


def test_another_database_has_the_same_tags():
    assert tags_of(lambda: list(Author.objects.using("other").all())) == {"library.author"}


def test_without_the_hooks_nothing_is_seen_and_with_them_again():
    automatic.uninstall()
    try:
        assert tags_of(lambda: list(Book.objects.all())) == set()
    finally:
        automatic.install()
        automatic.install()
    assert tags_of(lambda: list(Book.objects.all())) == ALL
