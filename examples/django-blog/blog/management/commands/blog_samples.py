"""Puts a writer and a few posts into an empty blog."""

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from blog.models import Post

POSTS = [
    ("Shelves", "order", "A larder is a room for what was made already. What is in it need not be made again for the next who asks."),
    ("What keeps", "order", "Not everything keeps. A page for one visitor is made for that visitor, and a page that changed is made anew."),
    ("Who is asking", "visitors", "Strangers see one page and members another. Nobody becomes a member by saying so."),
]


class Command(BaseCommand):
    help = __doc__

    def handle(self, **options):
        if User.objects.exists():
            return
        writer = User.objects.create_user("writer", password="writer", is_staff=True, is_superuser=True)
        for title, topic, text in POSTS:
            Post.objects.create(title=title, slug=title.lower().replace(" ", "-"), topic=topic, text=text, author=writer)
