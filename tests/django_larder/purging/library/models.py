"""Models of every kind that tags have to see."""

import uuid

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=50)
    slug = models.SlugField(unique=True)


class Profile(models.Model):
    author = models.OneToOneField(Author, models.CASCADE)
    text = models.TextField(blank=True)


class Subject(models.Model):
    name = models.CharField(max_length=50, unique=True)


class Note(models.Model):
    text = models.TextField()
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    about = GenericForeignKey()


class Book(models.Model):
    title = models.CharField(max_length=50)
    slug = models.SlugField(unique=True)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    editor = models.ForeignKey(Author, models.SET_NULL, null=True, related_name="edited")
    subjects = models.ManyToManyField(Subject, related_name="books")
    notes = GenericRelation(Note)
    series = models.CharField(max_length=20, default="")
    volume = models.IntegerField(default=0)
    views = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "volume"], name="one_volume")]

    def get_absolute_url(self):
        return f"/books/{self.slug}/"


class Novel(Book):
    class Meta:
        proxy = True


class Review(models.Model):
    book = models.ForeignKey(Book, models.CASCADE)
    text = models.TextField()


class Place(models.Model):
    name = models.CharField(max_length=50, unique=True)


class Branch(Place):
    opened = models.IntegerField(default=0)


class Card(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    holder = models.CharField(max_length=50)


class Word(models.Model):
    word = models.CharField(max_length=300, primary_key=True)
    meaning = models.TextField()
