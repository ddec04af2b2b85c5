"""The pages. None says anything about caches: larder.toml does, and what a page was made from is its tags."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import get_object_or_404, redirect, render

from blog.forms import CommentForm, PostForm
from blog.models import Post


def front(request):
    return render(request, "blog/front.html", {"posts": Post.objects.all()[:20]})


def topic(request, topic):
    return render(request, "blog/front.html", {"posts": Post.objects.filter(topic=topic), "topic": topic})


def about(request):
    return render(request, "blog/about.html")


def post(request, slug):
    shown = get_object_or_404(Post.objects.select_related("author"), slug=slug)
    form = CommentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.instance.post = shown
        form.save()
        messages.success(request, f"Thank you for your comment, {form.instance.name}.")
        return redirect(shown)
    return render(request, "blog/post.html", {"post": shown, "form": form})


@login_required
def write(request):
    form = PostForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.instance.author = request.user
        messages.success(request, "It is published.")
        return redirect(form.save())
    return render(request, "blog/write.html", {"form": form})
