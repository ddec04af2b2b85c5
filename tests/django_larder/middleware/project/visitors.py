"""Which version of the pages a visitor sees."""


from asgiref.sync import sync_to_async


async def auser(request):
    """The user, where one may wait; Django has it from 5.0 on."""
    if hasattr(request, "auser"):
        return await request.auser()
    await sync_to_async(lambda: request.user.is_authenticated)()
    return request.user


def segment(request):
    """Staff sees more."""
    return "staff" if getattr(request.user, "is_staff", False) else None


async def later(request):
    """The same, where it takes a while."""
    user = await auser(request)
    return "staff" if getattr(user, "is_staff", False) else None


def broken(request):
    """Fails."""
    raise RuntimeError("no segment today")
