"""What a write purges: its model, its rows, and the URLs that an instance had and has."""

import re

import pytest
from django.db import connection, models, transaction
from django.db.models import F
from django.test import TestCase, override_settings
from django_larder import automatic, outbox
from django_larder.models import OutboxEntry
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
)


@pytest.fixture
def some(larder):
    ann = Author.objects.create(id=1, name="Ann", slug="ann")
    one = Book.objects.create(id=5, title="One", slug="one", author=ann, volume=1)
    Book.objects.create(id=6, title="Two", slug="two", author=ann, volume=2)
    Review.objects.create(id=8, book=one, text="good")
    Branch.objects.create(id=7, name="North")
    larder.taken()
    return larder


def paths_of(larder):
    """The slugs in the patterns of all orders."""
    patterns = [order["pattern"]["url"] for order in larder.orders if "pattern" in order]
    assert all(re.fullmatch(r"\^\(\?:.*\)\(\?:\\\?\|\$\)", pattern) for pattern in patterns), patterns
    slugs = [slug for pattern in patterns for slug in re.findall(r"/books/(\w+)/", pattern)]
    assert len(slugs) == len(set(slugs)), "each once"
    return set(slugs)


def add_one_and_save():
    book = Book.objects.get(pk=5)
    book.volume = F("volume") + 7
    book.save()
    book.refresh_from_db()
    assert book.volume == 8


WRITES = {
    "create": (lambda: Subject.objects.create(id=3, name="Sea"), {"library.subject", "library.subject:3"}),
    "create with a key of the database": (lambda: Subject.objects.create(name="Sea"), None),
    "save": (lambda: Book.objects.get(pk=5).save(), {"library.book", "library.book:5"}),
    "save of some fields": (lambda: Book.objects.get(pk=5).save(update_fields=["title"]), {"library.book", "library.book:5"}),
    "save of an expression": (lambda: add_one_and_save(), {"library.book", "library.book:5"}),
    "save of nothing": (lambda: Book.objects.get(pk=5).save(update_fields=[]), set()),
    "delete": (lambda: Review.objects.get(pk=8).delete(), {"library.review", "library.review:8"}),
    "delete of rows": (lambda: Review.objects.all().delete(), {"library.review", "library.review:*"}),
    "update": (lambda: Review.objects.update(text="bad"), {"library.review", "library.review:*"}),
    "update of a row": (lambda: Review.objects.filter(pk=8).update(text="bad"), {"library.review", "library.review:8"}),
    "update of what is not there": (lambda: Review.objects.filter(pk=9).update(text="bad"), set()),
    "update by an expression": (lambda: Book.objects.filter(pk=5).update(volume=F("volume") + 7), {"library.book", "library.book:5"}),
    "update over a join": (lambda: Review.objects.filter(book__title="One").update(text="x"), {"library.review", "library.review:*"}),
    "bulk_create": (
        lambda: Subject.objects.bulk_create([Subject(id=1, name="a"), Subject(id=2, name="b")]),
        {"library.subject", "library.subject:1", "library.subject:2"},
    ),
    "bulk_create that updates": (
        lambda: Subject.objects.bulk_create(
            [Subject(id=1, name="a")], update_conflicts=True, update_fields=["name"], unique_fields=["name"]
        ),
        {"library.subject", "library.subject:*"},
    ),
    "bulk_create of many": (
        lambda: Subject.objects.bulk_create([Subject(name=str(n)) for n in range(300)]),
        {"library.subject", "library.subject:*"},
    ),
    "bulk_update": (
        lambda: Book.objects.bulk_update([Book(id=5, title="x"), Book(id=6, title="y")], ["title"]),
        {"library.book", "library.book:5", "library.book:6"},
    ),
    "update_or_create": (
        lambda: Author.objects.update_or_create(slug="ann", defaults={"name": "Anna"}),
        {"library.author", "library.author:1"},
    ),
    "get_or_create of what is there": (lambda: Author.objects.get_or_create(slug="ann"), set()),
    "a key that is set": (lambda: Author.objects.get(pk=1).edited.set([Book.objects.get(pk=6)]), {"library.book", "library.book:6"}),
    "a key that is set at once": (
        lambda: Author.objects.get(pk=1).edited.set(Book.objects.all()),
        {"library.book", "library.book:5", "library.book:6"},
    ),
    "generic relation": (lambda: Note.objects.create(id=4, about=Book.objects.get(pk=5), text="x"), {"library.note", "library.note:4"}),
    "proxy": (lambda: Novel.objects.get(pk=5).save(), {"library.book", "library.book:5"}),
    "child": (lambda: Branch.objects.get(pk=7).save(), {"library.branch", "library.branch:7", "library.place", "library.place:7"}),
    "child, of which the parent is updated": (
        lambda: Branch.objects.filter(pk=7).update(name="South"),
        {"library.place", "library.place:7"},
    ),
    "child, both": (
        lambda: Branch.objects.filter(pk=7).update(name="South", opened=1),
        {"library.branch", "library.branch:7", "library.place", "library.place:7"},
    ),
    "child, both, by a join": (
        lambda: Branch.objects.filter(name="North").update(name="South", opened=1),
        {"library.branch", "library.branch:7", "library.place", "library.place:7"},
    ),
    "child, deleted": (
        lambda: Branch.objects.get(pk=7).delete(),
        {"library.branch", "library.branch:7", "library.place", "library.place:7"},
    ),
    "parent": (lambda: Place.objects.filter(pk=7).update(name="South"), {"library.place", "library.place:7"}),
    "another database": (lambda: Subject.objects.using("other").create(id=3, name="Sea"), {"library.subject", "library.subject:3"}),
    "sessions": (lambda: __import__("django.contrib.sessions.backends.db", fromlist=["db"]).SessionStore().save(must_create=True), set()),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("around", ["autocommit", "atomic", "nested"])
def test_a_write_purges(some, name, around):
    write, expected = WRITES[name]
    if around == "autocommit":
        write()
    else:
        with transaction.atomic(), transaction.atomic():
            write()
            if "other" not in name and "another" not in name:
                assert not some.orders, "before the commit"
    if expected is None:
        expected = {"library.subject", f"library.subject:{Subject.objects.get().pk}"}
    assert some.tags == expected
    assert not OutboxEntry.objects.exists()
    if not expected:
        assert not some.orders


def test_many_to_many_purges_the_table_between(some):
    book, sea = Book.objects.get(pk=5), Subject.objects.create(id=3, name="Sea")
    some.taken()
    book.subjects.add(sea)
    assert "library.book_subjects" in some.tags
    some.taken()
    book.subjects.clear()
    assert some.tags == {"library.book_subjects", "library.book_subjects:*"}
    book.subjects.set([sea])
    some.taken()
    sea.books.remove(book)
    assert "library.book_subjects" in some.tags


def test_a_cascade_purges_all_that_goes_with_it(some):
    Profile.objects.create(id=9, author_id=1)
    Book.objects.get(pk=6).subjects.add(Subject.objects.create(id=3, name="Sea"))
    Note.objects.create(id=4, about=Book.objects.get(pk=5), text="x")
    some.taken()
    Author.objects.get(pk=1).delete()
    models_ = {tag for tag in some.tags if ":" not in tag}
    assert models_ == {f"library.{name}" for name in ("author", "book", "profile", "review", "book_subjects", "note")}
    assert {"library.author:1", "library.book:5", "library.book:6", "library.review:*"} <= some.tags
    assert paths_of(some) == {"one", "two"}


def test_set_null_purges_the_rows_that_lose_it(some):
    Author.objects.create(id=2, name="Bob", slug="bob")
    Book.objects.filter(pk=6).update(editor_id=2)
    some.taken()
    Author.objects.get(pk=2).delete()
    assert {"library.author:2", "library.book"} <= some.tags
    assert {"library.book:6", "library.book:*"} & some.tags


def test_the_old_and_the_new_url_are_purged(some):
    book = Book.objects.get(pk=5)
    book.slug = "first"
    book.save()
    assert paths_of(some) == {"one", "first"}
    some.taken()
    Book.objects.create(title="New", slug="new", author_id=1, volume=9)
    assert paths_of(some) == {"new"}
    some.taken()
    Book.objects.get(slug="new").delete()
    assert paths_of(some) == {"new"}


def test_urls_are_purged_on_the_hosts_that_are_named(some):
    with override_settings(LARDER={"automatic_tags": True, "admin_url": some.url, "hosts": ["a.test", "b.test"]}):
        Book.objects.get(pk=5).save()
    assert [order["urls"] for order in some.orders if "urls" in order] == [["https://a.test/books/one/", "https://b.test/books/one/"]]


def test_an_instance_without_a_url_is_purged_by_its_tags(some, monkeypatch):
    monkeypatch.setattr(Book, "get_absolute_url", lambda self: self.nothing.of_the_kind)
    Book.objects.get(pk=5).save()
    assert some.tags == {"library.book", "library.book:5"} and not paths_of(some)


def test_a_whole_transaction_is_one_order(some):
    with transaction.atomic():
        for pk in (5, 6):
            for title in ("a", "b", "c"):
                Review.objects.filter(pk=8).update(text=title)
                Author.objects.filter(pk=1).update(name=title)
                Card.objects.create(id=f"00000000-0000-0000-0000-0000000000{pk}{'abc'.index(title)}", holder=title)
        assert OutboxEntry.objects.count() <= 9
    assert len(some.orders) == 1
    assert {"library.review:8", "library.author:1"} <= some.tags


def test_what_is_rolled_back_purges_nothing(some):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Book.objects.get(pk=5).save()
        1 / 0
    assert not some.orders and not OutboxEntry.objects.exists()
    with transaction.atomic():
        Author.objects.filter(pk=1).update(name="x")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Review.objects.filter(pk=8).update(text="x")
            1 / 0
        Book.objects.filter(pk=6).update(title="x")
    assert some.tags == {"library.author", "library.author:1", "library.book", "library.book:6"}


def test_what_was_ordered_in_a_savepoint_that_is_gone_is_ordered_again(some):
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Review.objects.filter(pk=8).update(text="x")
            1 / 0
        Review.objects.filter(pk=8).update(text="y")
    assert some.tags == {"library.review", "library.review:8"}


def test_a_write_that_fails_purges_nothing(some):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError):
        Author.objects.create(id=2, name="x", slug="ann")
    assert not some.orders and not OutboxEntry.objects.exists()


def test_transactions_by_hand_are_sent_by_whoever_looks_next(some):
    if connection.vendor == "sqlite":
        transaction.set_autocommit(False)
    else:
        transaction.set_autocommit(False)
    try:
        Review.objects.filter(pk=8).update(text="x")
        assert not some.orders
        transaction.commit()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert not some.orders
    assert outbox.deliver().sent == 1
    assert some.tags == {"library.review", "library.review:8"}


def test_fields_and_models_that_are_ignored_purge_nothing(some):
    from django.contrib.auth.models import User

    user = User.objects.create(username="ann")
    assert "auth.user" in some.tags
    some.taken()
    user.save(update_fields=["last_login"])
    assert not some.orders
    with override_settings(LARDER={"automatic_ignore": ["library.book.views", "library.review"], "admin_url": some.url}):
        Book.objects.filter(pk=5).update(views=F("views") + 1)
        Review.objects.update(text="x")
        assert not some.orders
        Book.objects.filter(pk=5).update(views=F("views") + 1, title="x")
        assert some.tags == {"library.book", "library.book:5"}


def test_without_purges_writes_purge_nothing(some):
    with automatic.without_purges():
        Review.objects.update(text="x")
        Review.objects.all().delete()
    assert not some.orders and not OutboxEntry.objects.exists()


def test_models_without_urls_are_deleted_by_one_statement_as_before():
    from django.db.models.deletion import Collector

    assert Collector(using="default").can_fast_delete(Review.objects.all())
    assert not models.signals.post_delete.has_listeners(Review)


def test_a_save_asks_for_the_old_url_and_writes_one_row_and_no_more(some, django_queries):
    review = Review.objects.get(pk=8)
    assert django_queries(lambda: review.save()) == ["BEGIN", "UPDATE", "INSERT", "DELETE"]
    author = Author.objects.get(pk=1)
    with transaction.atomic():
        author.save()
        assert django_queries(lambda: author.save()) == ["UPDATE"]


class InATest(TestCase):
    databases = {"default", "other"}

    def test_a_tests_transaction_is_never_committed_so_nothing_is_sent(self):
        Author.objects.create(id=1, name="Ann", slug="ann")
        assert OutboxEntry.objects.count() == 1

    def test_callbacks_can_be_captured_as_django_tells_to(self):
        Author.objects.create(id=1, name="Ann", slug="ann")
        with self.captureOnCommitCallbacks() as callbacks:
            Author.objects.filter(id=1).update(name="Anna")
        assert len(callbacks) == 1
