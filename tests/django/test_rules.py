"""The same site with rules: who shares which page, and that nobody is shown another's."""

import pytest


def test_anonymous_visitors_share_a_page_whatever_cookies_they_carry(visitor, made):
    before = made("blog")
    one, other = visitor(), visitor()
    one.cookies |= {"_ga": "GA1.2.3", "csrftoken": "c" * 32}
    other.cookies |= {"_fbp": "fb.1"}
    first, second = one.get("/blog/?utm_source=mail"), other.get("/blog/?fbclid=1")
    assert "stored" in first.why and "hit" in second.why
    assert made("blog") == before + 1
    # What is not part of the page's key was not sent, so it can't be in the page.
    assert "saw no cookie" in first.text
    # The page may be a second old by now.
    assert first.get("Cache-Control") in ("max-age=5, private", "max-age=6, private")
    assert {name.strip() for name in first.get("Vary").split(",")} >= {"Cookie"}


def test_who_is_logged_in_gets_a_page_of_their_own_from_the_application(visitor):
    visitor().get("/blog/")
    alice = visitor()
    alice.log_in("alice")
    for _ in range(2):
        page = alice.get("/blog/")
        assert "Hello alice" in page.text and "detail=session-cookie" in page.why
    assert "Hello stranger" in visitor().get("/blog/").text


def test_a_message_for_one_visitor_is_seen_by_nobody_else(visitor):
    visitor().get("/blog/")
    author = visitor()
    assert author.get("/blog/comment/").status == 302
    told = author.get("/blog/")
    assert "Your comment is waiting" in told.text and "detail=bypass-cookie" in told.why
    assert "waiting" not in visitor().get("/blog/").text


def test_members_share_one_page_and_strangers_another(visitor, made):
    before, asked = made("club"), made("identity")
    members = [visitor(), visitor()]
    for name, member in zip(("alice", "bob"), members):
        member.log_in(name)
    for _ in range(2):
        for member in members:
            assert "Club for a member" in member.get("/club/").text
        assert "Club for a stranger" in visitor().get("/club/").text
    assert made("club") == before + 2
    assert made("identity") > asked


@pytest.mark.parametrize("forged", ["class=authenticated", 'class=authenticated, user="1"'])
def test_a_class_that_a_visitor_only_says_selects_nothing(visitor, forged):
    member = visitor()
    member.log_in("alice")
    member.get("/club/")
    stranger = visitor()
    stranger.cookies |= {"larder_id": "1.k.forged.forged", "isauthenticated": "1", "sessionid": "forged"}
    page = stranger.get("/club/", Larder_Identity=forged)
    assert "Club for a stranger" in page.text


def test_an_application_that_does_not_make_the_page_for_its_class_shares_nothing(visitor):
    alice, bob = visitor(), visitor()
    alice.log_in("alice")
    bob.log_in("bob")
    for _ in range(2):
        assert "Hello alice" in alice.get("/unaware/").text
        assert "Hello bob" in bob.get("/unaware/").text
        assert "Hello stranger" in visitor().get("/unaware/").text
    assert "hit" not in alice.get("/unaware/").why


def test_a_page_for_each_user_is_made_once_for_each(visitor, made):
    users = {name: visitor() for name in ("alice", "bob")}
    for name, user in users.items():
        user.log_in(name)
    before = made("greeting")
    for _ in range(3):
        for name, user in users.items():
            assert f"Hello {name}" in user.get("/greeting/").text
    assert made("greeting") == before + 2
    assert "private" in users["alice"].get("/greeting/").get("Cache-Control")


def test_a_token_in_a_form_is_never_shared_though_the_rule_wants_it(visitor):
    one, other = visitor(), visitor()
    first, second = one.get("/contact/"), other.get("/contact/")
    assert one.cookies["csrftoken"] != other.cookies["csrftoken"]
    assert "set-cookie" in first.why and "hit" not in second.why
    # And both can send their forms.
    for browser in (one, other):
        token = browser.cookies["csrftoken"]
        assert browser.post("/contact/", name="x", csrfmiddlewaretoken=token).status == 302


def test_never_says_so_to_every_cache(visitor):
    alice = visitor()
    alice.log_in("alice")
    page = alice.get("/account/")
    assert page.get("Cache-Control") == "no-cache, no-store, must-revalidate"
    assert (page.get("Pragma"), page.get("Expires")) == ("no-cache", "0")
    assert "detail=rule-never" in page.why


def test_the_look_up_is_not_for_visitors(visitor):
    assert visitor().get("/_larder/identity").status == 404


def test_after_logging_in_and_out_everybody_sees_what_is_theirs(visitor):
    browser = visitor()
    assert "stranger" in browser.get("/club/").text
    browser.log_in("alice")
    assert "member" in browser.get("/club/").text
    del browser.cookies["sessionid"]
    assert "stranger" in browser.get("/club/").text
