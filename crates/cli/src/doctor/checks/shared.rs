//! Is there anything of one visitor on a page that others are given?

use crate::doctor::examined::{Examined, Sharing};
use crate::doctor::finding::{Gathered, Told, Verdict};
use crate::doctor::html;

const NONE_SHARED: &str = "none of the pages looked at is shared (name some with --path)";

/// Whether a cookie is one against forged requests, by its name.
fn is_csrf(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("csrf") || name.contains("xsrf")
}

pub(super) fn cookie(examined: &Examined) -> Told {
    let mut gathered = Gathered::new(Verdict::Skipped, NONE_SHARED);
    let sessions = &examined.site.policy().identity.session_cookies;
    for seen in examined.seen() {
        let Some(sharing) = examined.sharing(seen) else { continue };
        let url = seen.page.url.to_string();
        let dropped = match sharing {
            Sharing::Rule(shared) => &*shared.dropped,
            Sharing::Itself => &[],
        };
        let mut is_clean = true;
        for cookie in seen.answer.cookies().filter(|cookie| !dropped.contains(&cookie.name)) {
            is_clean = false;
            let is_session = sessions.contains(cookie.name.as_bytes());
            let (verdict, kind, says) = if is_session {
                (
                    Verdict::Problem,
                    "session cookie",
                    "a session cookie is set on a page that is shared",
                )
            } else if is_csrf(&cookie.name) {
                (Verdict::Problem, "CSRF cookie", "a CSRF cookie is set on a page that is shared")
            } else {
                (Verdict::Warning, "cookie", "a cookie is set on a page that is shared")
            };
            let what = format!("sets the {kind} {}; {}", cookie.name, sharing.by());
            gathered.add(verdict, says, &*url, what);
        }
        if is_clean {
            gathered.add(Verdict::Ok, "pages that are shared set no cookies", url, "");
        }
    }
    without_good_pages(gathered)
}

pub(super) fn csrf_token(examined: &Examined) -> Told {
    let mut gathered = Gathered::new(Verdict::Skipped, NONE_SHARED);
    for seen in examined.seen() {
        let Some(sharing) = examined.sharing(seen) else { continue };
        let url = seen.page.url.to_string();
        let tokens = html::csrf_tokens(&html::tags(&seen.answer.text()));
        if tokens.is_empty() {
            gathered.add(Verdict::Ok, "pages that are shared hold no CSRF token", url, "");
        } else {
            let what = format!("holds {}; {}", tokens.join(", "), sharing.by());
            gathered.add(
                Verdict::Problem,
                "a CSRF token stands in a page that is shared",
                url,
                what,
            );
        }
    }
    without_good_pages(gathered)
}

pub(super) fn vary_cookie(examined: &Examined) -> Told {
    let mut gathered = Gathered::new(Verdict::Skipped, NONE_SHARED);
    for seen in examined.seen() {
        let Some(sharing) = examined.sharing(seen) else { continue };
        let url = seen.page.url.to_string();
        let says = match sharing {
            _ if !seen.answer.varies_by("cookie") => {
                gathered.add(
                    Verdict::Ok,
                    "pages that are shared do not vary by Cookie, or are shared so",
                    url,
                    "",
                );
                continue;
            }
            Sharing::Rule(shared) if !shared.is_for_everybody() || shared.is_by_session() => {
                gathered.add(
                    Verdict::Ok,
                    "pages that vary by Cookie are shared by an audience that allows for it",
                    url,
                    "",
                );
                continue;
            }
            Sharing::Rule(_) => {
                "a page that is made by the visitor's cookies is shared with all users: who is logged in sees the page of those who are not"
            }
            Sharing::Itself => {
                "a page that everybody may keep varies by Cookie: a copy for each Cookie header, so hardly a hit"
            }
        };
        gathered.add(Verdict::Warning, says, url, format!("Vary: Cookie; {}", sharing.by()));
    }
    without_good_pages(gathered)
}

/// Where all is well, nobody wants to read a list.
fn without_good_pages(gathered: Gathered) -> Told {
    let mut told = gathered.done();
    if told.verdict <= Verdict::Ok {
        told.found.clear();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::table::Check;

    const RULES: &str = "[[rule]]\npath = '/all/*'\naudience = 'all-users'\ndrop_set_cookie = ['csrftoken']\n\
        [[rule]]\npath = '/anonymous/*'\naudience = 'anonymous-only'\n[[rule]]\npath = '/mine/*'\naudience = 'per-user'\n";
    const PUBLIC: &str = "Cache-Control: public, max-age=60\n";

    #[test]
    fn cookies_on_shared_pages_are_found_whoever_shares_them() {
        let session = "Set-Cookie: sessionid=x; Path=/\n";
        let rows = [
            ("/all/1", "", session.to_owned(), Verdict::Problem),
            ("/all/1", "", "Set-Cookie: csrftoken=x\n".to_owned(), Verdict::Ok),
            ("/anonymous/1", "", "Set-Cookie: csrftoken=x\n".to_owned(), Verdict::Problem),
            ("/anonymous/1", "", "Set-Cookie: XSRF-TOKEN=x\n".to_owned(), Verdict::Problem),
            ("/anonymous/1", "", "Set-Cookie: theme=x\n".to_owned(), Verdict::Warning),
            ("/anonymous/1", "", String::new(), Verdict::Ok),
            ("/none", "", session.to_owned(), Verdict::Skipped),
            ("/none", PUBLIC, session.to_owned(), Verdict::Problem),
            ("/none", PUBLIC, String::new(), Verdict::Ok),
            ("/none", "Cache-Control: private, max-age=60\n", session.to_owned(), Verdict::Skipped),
        ];
        for (target, more, cookies, expected) in rows {
            let case = Case::with(RULES, None).page(target, &format!("{more}{cookies}"), "page");
            let found = told(&case, Check::SharedCookie);
            assert_eq!(found.verdict, expected, "{target} {more} {cookies}: {found:?}");
        }
        let case = Case::with(RULES, None).page("/all/1", session, "page");
        let found = told(&case, Check::SharedCookie);
        assert_eq!(
            found.found[0].what,
            "sets the session cookie sessionid; shared by the rule at t.toml:2"
        );
    }

    #[test]
    fn tokens_in_shared_pages_are_found() {
        let form = "<form><input name=csrfmiddlewaretoken value=abc></form>";
        let rows = [
            ("/all/1", "", form, Verdict::Problem),
            ("/mine/1", "", form, Verdict::Problem),
            ("/all/1", "", "<form></form>", Verdict::Ok),
            ("/none", "", form, Verdict::Skipped),
            ("/none", PUBLIC, form, Verdict::Problem),
            ("/none", PUBLIC, "<meta name=csrf-token content=x>", Verdict::Problem),
            ("/none", PUBLIC, "", Verdict::Ok),
        ];
        for (target, fields, body, expected) in rows {
            let case = Case::with(RULES, None).page(target, fields, body);
            let found = told(&case, Check::SharedCsrfToken);
            assert_eq!(found.verdict, expected, "{target} {fields} {body}: {found:?}");
        }
    }

    #[test]
    fn vary_by_cookie_is_a_warning_unless_the_audience_allows_for_it() {
        let rows = [
            ("/all/1", "Vary: Accept-Encoding, cookie", Verdict::Warning),
            ("/all/1", "Vary: Accept-Encoding", Verdict::Ok),
            ("/anonymous/1", "Vary: Cookie", Verdict::Ok),
            ("/mine/1", "Vary: Cookie", Verdict::Ok),
            ("/none", "Vary: Cookie", Verdict::Skipped),
            ("/none", "Vary: Cookie\nCache-Control: max-age=60", Verdict::Warning),
        ];
        for (target, fields, expected) in rows {
            let case = Case::with(RULES, None).page(target, fields, "page");
            let found = told(&case, Check::SharedVaryCookie);
            assert_eq!(found.verdict, expected, "{target} {fields}: {found:?}");
        }
    }
}
