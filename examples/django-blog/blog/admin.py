"""The blog in Django's admin."""

from django.contrib import admin

from blog.models import Comment, Post

admin.site.register([Post, Comment])
