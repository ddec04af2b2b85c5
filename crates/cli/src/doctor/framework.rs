//! Which framework made these answers? By what each writes where nobody told it to: names of cookies, fields, error pages.

use std::fmt;

use http::HeaderMap;
use serde::Serialize;

use super::probe::Answer;

/// What remedies are worded for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Framework {
    Django,
    Rails,
    Laravel,
    Express,
    #[default]
    Unknown,
}

impl Framework {
    pub(super) const KNOWN: [Self; 4] = [Self::Django, Self::Rails, Self::Laravel, Self::Express];
}

impl fmt::Display for Framework {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Django => "Django",
            Self::Rails => "Rails",
            Self::Laravel => "Laravel",
            Self::Express => "Express",
            Self::Unknown => "unknown framework",
        })
    }
}

/// What was recognised, and by what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) framework: Framework,
    pub(super) by: Vec<String>,
}

/// A sign, and how much it says: 3 is certain by itself, 1 only together with others.
struct Sign {
    of: Framework,
    weight: u8,
    told: &'static str,
    is_there: fn(&Seen<'_>) -> bool,
}

struct Seen<'a> {
    fields: &'a HeaderMap,
    cookies: Vec<String>,
    text: &'a str,
}

impl Seen<'_> {
    fn cookie(&self, name: &str) -> bool {
        self.cookies.iter().any(|cookie| cookie == name)
    }

    fn field(&self, name: &str, value: &str) -> bool {
        let mut lines = self.fields.get_all(name).iter();
        lines.any(|line| line.to_str().is_ok_and(|line| line.eq_ignore_ascii_case(value)))
    }
}

const SIGNS: [Sign; 19] = [
    sign(Framework::Django, 3, "cookie csrftoken", |seen| seen.cookie("csrftoken")),
    sign(Framework::Django, 2, "cookie sessionid", |seen| seen.cookie("sessionid")),
    sign(Framework::Django, 3, "csrfmiddlewaretoken in a form", |seen| {
        seen.text.contains("csrfmiddlewaretoken")
    }),
    sign(Framework::Django, 3, "its page for DEBUG = True", |seen| {
        seen.text.contains("You're seeing this error because you have <code>DEBUG = True</code>")
    }),
    sign(Framework::Django, 2, "its error page", |seen| {
        seen.text.contains("<h1>Bad Request (400)</h1>")
            || seen.text.contains("<p>The requested resource was not found on this server.</p>")
    }),
    // SecurityMiddleware and XFrameOptionsMiddleware write these where nothing else is set.
    sign(Framework::Django, 2, "the fields of its SecurityMiddleware", |seen| {
        seen.field("cross-origin-opener-policy", "same-origin")
            && seen.field("referrer-policy", "same-origin")
            && seen.field("x-content-type-options", "nosniff")
            && !seen.fields.contains_key("x-powered-by")
    }),
    sign(Framework::Rails, 2, "field X-Runtime", |seen| seen.fields.contains_key("x-runtime")),
    sign(Framework::Rails, 3, "authenticity_token in a form", |seen| {
        seen.text.contains("authenticity_token")
    }),
    sign(Framework::Rails, 3, "meta csrf-param", |seen| seen.text.contains("name=\"csrf-param\"")),
    sign(Framework::Rails, 3, "its error page", |seen| {
        seen.text.contains("rails-default-error-page")
            || seen.text.contains("The page you were looking for doesn't exist (404)")
            || seen.text.contains("<h1>Blocked hosts: ")
    }),
    sign(Framework::Rails, 1, "field X-Request-Id", |seen| {
        seen.fields.contains_key("x-request-id") && seen.fields.contains_key("x-runtime")
    }),
    sign(Framework::Rails, 1, "a cookie _..._session", |seen| {
        seen.cookies.iter().any(|name| name.starts_with('_') && name.ends_with("_session"))
    }),
    sign(Framework::Laravel, 3, "cookie laravel_session", |seen| {
        seen.cookie("laravel_session") || seen.cookie("laravel-session")
    }),
    sign(Framework::Laravel, 2, "cookie XSRF-TOKEN", |seen| {
        seen.cookie("XSRF-TOKEN")
            && seen
                .cookies
                .iter()
                .any(|name| name.ends_with("_session") || name.ends_with("-session"))
    }),
    sign(Framework::Laravel, 1, "field X-Powered-By: PHP", |seen| {
        let line = seen.fields.get("x-powered-by").and_then(|line| line.to_str().ok());
        line.is_some_and(|line| line.starts_with("PHP/"))
    }),
    sign(Framework::Laravel, 2, "_token in a form", |seen| seen.text.contains("name=\"_token\"")),
    sign(Framework::Express, 3, "field X-Powered-By: Express", |seen| {
        seen.field("x-powered-by", "Express")
    }),
    sign(Framework::Express, 2, "cookie connect.sid", |seen| seen.cookie("connect.sid")),
    sign(Framework::Express, 2, "its error page", |seen| seen.text.contains("<pre>Cannot GET /")),
];

const fn sign(
    of: Framework,
    weight: u8,
    told: &'static str,
    is_there: fn(&Seen<'_>) -> bool,
) -> Sign {
    Sign { of, weight, told, is_there }
}

/// Signs that together say less than this are none.
const ENOUGH: u8 = 2;

/// Says which framework answered.
pub(super) fn recognise(answers: &[&Answer]) -> Recognised {
    let mut there = [false; SIGNS.len()];
    for answer in answers {
        let text = answer.text();
        let cookies = answer.cookies().map(|cookie| cookie.name).collect();
        let seen = Seen { fields: &answer.fields, cookies, text: &text };
        for (found, sign) in there.iter_mut().zip(&SIGNS) {
            *found = *found || (sign.is_there)(&seen);
        }
    }
    let found = |of: Framework| {
        SIGNS.iter().zip(there).filter(move |(sign, there)| *there && sign.of == of)
    };
    let weight = |of| found(of).map(|(sign, _)| sign.weight).sum::<u8>();
    let best = Framework::KNOWN.into_iter().rev().max_by_key(|framework| weight(*framework));
    match best {
        Some(framework) if weight(framework) >= ENOUGH => Recognised {
            framework,
            by: found(framework).map(|(sign, _)| sign.told.to_owned()).collect(),
        },
        Some(_) | None => Recognised::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::probe::testing::answer;

    #[test]
    fn frameworks_are_known_by_what_they_write() {
        let cases = [
            ("Set-Cookie: csrftoken=x; Path=/", "", Framework::Django),
            (
                "X-Content-Type-Options: nosniff\nReferrer-Policy: same-origin\n\
                 Cross-Origin-Opener-Policy: same-origin",
                "",
                Framework::Django,
            ),
            ("", "<h1>Bad Request (400)</h1>", Framework::Django),
            ("X-Runtime: 0.01\nX-Request-Id: a", "", Framework::Rails),
            ("", "<body class=\"rails-default-error-page\">", Framework::Rails),
            ("Set-Cookie: laravel_session=x", "", Framework::Laravel),
            ("Set-Cookie: XSRF-TOKEN=x\nSet-Cookie: shop_session=y", "", Framework::Laravel),
            ("X-Powered-By: Express", "", Framework::Express),
            ("", "<pre>Cannot GET /x</pre>", Framework::Express),
            ("X-Powered-By: PHP/8.3", "", Framework::Unknown),
            ("Set-Cookie: XSRF-TOKEN=x", "", Framework::Unknown),
            ("Server: nginx", "<h1>404 Not Found</h1>", Framework::Unknown),
        ];
        for (fields, body, expected) in cases {
            let recognised = recognise(&[&answer(200, fields, body)]);
            assert_eq!(recognised.framework, expected, "{fields:?} {body:?}: {recognised:?}");
            assert_eq!(recognised.by.is_empty(), expected == Framework::Unknown);
        }
    }

    #[test]
    fn the_one_with_more_signs_wins() {
        let answers = [
            answer(200, "Set-Cookie: XSRF-TOKEN=x\nSet-Cookie: connect.sid=y", ""),
            answer(404, "X-Powered-By: Express", "<pre>Cannot GET /x</pre>"),
        ];
        assert_eq!(recognise(&[&answers[0], &answers[1]]).framework, Framework::Express);
    }
}
