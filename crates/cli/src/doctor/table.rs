//! Which checks are there, what does each mean, and what helps? The one table: the command, `--json` and docs/doctor.md are of it.

use serde::{Serialize, Serializer};

use super::framework::Framework;

/// A row: what is asked, why it matters, and what to do about it.
#[derive(Debug)]
pub(super) struct Row {
    /// Its stable name.
    pub(super) name: &'static str,
    /// What is asked, in a line.
    pub(super) asks: &'static str,
    /// How it is found out, when it is a warning and when a problem, and why that matters.
    pub(super) means: &'static str,
    /// What helps whatever the framework is.
    pub(super) remedy: &'static str,
    /// What helps in the words of a framework.
    pub(super) remedies: &'static [(Framework, &'static str)],
}

macro_rules! checks {
    ($($variant:ident $name:literal {
        asks: $asks:literal, means: $means:literal, remedy: $remedy:literal
        $(, $framework:ident: $words:literal)* $(,)?
    })*) => {
        /// A check.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Check { $(
            #[doc = concat!("`", $name, "`")]
            $variant,
        )* }

        impl Check {
            /// In the order in which they are told.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            pub(super) const fn row(self) -> &'static Row {
                match self { $(
                    Self::$variant => &Row {
                        name: $name, asks: $asks, means: $means, remedy: $remedy,
                        remedies: &[$((Framework::$framework, $words)),*],
                    },
                )* }
            }
        }
    };
}

impl Check {
    /// What to do about it, in the framework's own words where it has some.
    pub(super) fn remedy(self, framework: Framework) -> String {
        let row = self.row();
        let mut own = row.remedies.iter().filter(|(of, _)| *of == framework);
        match own.next() {
            Some((_, words)) => format!("{framework}: {words}"),
            None => row.remedy.to_owned(),
        }
    }
}

/// All checks with what they mean, for people.
pub(super) fn list() -> String {
    let rows = Check::ALL.iter().map(|check| check.row());
    let texts = rows.map(|row| format!("{}\n  {}\n  {}", row.name, row.asks, row.means));
    texts.collect::<Vec<_>>().join("\n\n")
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.row().name)
    }
}

checks! {
    Reachable "reachable" {
        asks: "Does it answer, and to the site's own host?",
        means: "Everything else rests on it. No answer, a 5xx, and a refusal of the host (400, 403 or 421) are problems; a first page behind a login (401, 403) or on another host is a warning, because there is then little to look at.",
        remedy: "start it, or name its address (--to) and the site's host (--host); let it accept the host that visitors ask for",
        Django: "ALLOWED_HOSTS in settings.py has to name the host that visitors ask for (--host says which is asked for here)",
        Rails: "config.hosts in config/environments has to name the host that visitors ask for (--host says which is asked for here)",
        Laravel: "the hosts of trustHosts() in bootstrap/app.php have to match the one that visitors ask for (--host says which is asked for here)",
    }
    RedirectLoop "redirect-loop" {
        asks: "Told that a visitor came by https, does it show the page?",
        means: "The application is asked as Larder asks it for a visitor by https, and again for one by http. If it redirects to the very URL that was asked for, it does so for ever: it does not read the scheme from where it is told. At the public address the page is asked for as a browser would.",
        remedy: "have the application read the scheme from X-Forwarded-Proto, which Larder sets on each request (or from another field that forwarded.style and forwarded.extra can write); in front of Larder, name the proxy in trusted_proxies and let it send X-Forwarded-Proto",
        Django: "in settings.py: SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\"); exactly so, since the value is compared with case (gunicorn does the same by itself for Larder on the same machine, and for others with --forwarded-allow-ips). If visitors by https circle all the same, the proxy in front of Larder is missing in trusted_proxies",
        Rails: "Rack reads X-Forwarded-Proto: leave forwarded.style at \"x-forwarded\"; or, behind a Larder that sees to https, config.assume_ssl = true",
        Laravel: "in bootstrap/app.php: $middleware->trustProxies(at: ['127.0.0.1']), with the address that Larder connects from (before Laravel 11: $proxies in App\\Http\\Middleware\\TrustProxies)",
        Express: "app.set('trust proxy', 'loopback'), or the address that Larder connects from, so that req.secure follows X-Forwarded-Proto",
    }
    RedirectLoopUntold "redirect-loop-untold" {
        asks: "Not told of any scheme, does it redirect in a circle?",
        means: "Health checks and internal callers ask without X-Forwarded-Proto. A redirect to https is right then, and said here, because such callers get it instead of the page; a redirect to the URL itself is a problem.",
        remedy: "let the application redirect only to another URL than the one that was asked for; let health checks ask Larder (/_larder/health), or exempt their path from the redirect",
        Django: "exempt paths of health checks: SECURE_REDIRECT_EXEMPT = [r\"^health/\"]",
        Rails: "exempt paths of health checks: config.ssl_options = { redirect: { exclude: ->(request) { request.path == \"/up\" } } }",
    }
    SchemeIgnored "scheme-ignored" {
        asks: "Does it make pages for the scheme that it is told?",
        means: "Asked for the same page by http and by https, what does it believe? By its redirects, its links to itself and Strict-Transport-Security. Links to http on pages for https are a problem: browsers block what they load, forms are sent in plain text, and checks of the origin fail. Skipped where nothing shows it.",
        remedy: "have the application read the scheme from X-Forwarded-Proto, which Larder sets on each request",
        Django: "in settings.py: SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\")",
        Rails: "Rack reads X-Forwarded-Proto: leave forwarded.style at \"x-forwarded\"; or config.assume_ssl = true",
        Laravel: "in bootstrap/app.php: $middleware->trustProxies(at: ['127.0.0.1']), with the address that Larder connects from",
        Express: "app.set('trust proxy', 'loopback'), or the address that Larder connects from, so that req.protocol follows X-Forwarded-Proto",
    }
    SchemeBelieved "scheme-believed" {
        asks: "Can a visitor say by which scheme they came?",
        means: "At the public address, X-Forwarded-Proto, X-Forwarded-SSL and Forwarded are sent with the wrong scheme. A difference is a problem: whoever sends them gets pages for https by http, or a redirect in a circle that a cache may keep for others. The application itself has to believe Larder; that it believes this machine is a warning only if its address is one that the whole Internet can reach.",
        remedy: "let nobody but Larder reach the application: have it listen on a loopback or private address. Let each proxy in front set X-Forwarded-Proto and not pass it on; Larder does, for all but trusted_proxies",
        Django: "SECURE_PROXY_SSL_HEADER believes whoever connects: bind gunicorn to 127.0.0.1 (--bind 127.0.0.1:8000), or to a port that only Larder reaches, and put Larder in front of it",
        Rails: "Rack believes whoever connects: bind Puma to 127.0.0.1, or to a port that only Larder reaches, and put Larder in front of it",
        Laravel: "trustProxies(at: '*') believes whoever connects: name Larder's address instead, and let only Larder reach the port",
        Express: "app.set('trust proxy', true) believes whoever connects: name Larder's address instead, and let only Larder reach the port",
    }
    ForgedScheme "forged-scheme" {
        asks: "Does a forged X-Forwarded-Proto come back in a page?",
        means: "A value that is no scheme is sent. If it stands in the answer's links or redirects, a cache that does not know of it serves that answer to others. At the public address a problem; at the application a warning, because Larder never passes on what visitors send there.",
        remedy: "take the scheme only from what Larder sets, and compare it with http and https; let the proxy in front replace X-Forwarded-Proto",
        Laravel: "trustProxies(at: ...) with Larder's address only",
        Express: "app.set('trust proxy', ...) with Larder's address only",
    }
    ForgedForwardedHost "forged-forwarded-host" {
        asks: "Does a forged X-Forwarded-Host come back in a page?",
        means: "The classic poisoning of caches: a page whose links and scripts lead to the attacker's host, kept for everybody. At the public address a problem; at the application a warning, because Larder writes X-Forwarded-Host itself.",
        remedy: "take the host from Host, which Larder passes on as the visitor sent it, and not from X-Forwarded-Host or Forwarded",
        Django: "USE_X_FORWARDED_HOST = False (the default), and ALLOWED_HOSTS without \"*\"; Larder passes on Host",
        Rails: "config.hosts with the site's hosts: it is held against X-Forwarded-Host too",
        Laravel: "trustProxies(headers: ...) without Request::HEADER_X_FORWARDED_HOST, or trustHosts() with the site's hosts",
        Express: "take links from a setting of your own, not from req.hostname, or name Larder's address in 'trust proxy'",
    }
    ForgedHost "forged-host" {
        asks: "Does a forged Host come back in a page?",
        means: "Asked for a host that is not the site's, the answer should be a refusal. If the host comes back in links, mails with such links (a new password) lead to the attacker. A warning; none where `hosts` of the configuration lets only the site's hosts in.",
        remedy: "name the site's hosts in Larder: hosts = [\"example.com\"]; others get 421",
        Django: "ALLOWED_HOSTS without \"*\"; and in Larder hosts = [\"example.com\"]",
        Rails: "config.hosts << \"example.com\"; and in Larder hosts = [\"example.com\"]",
        Laravel: "$middleware->trustHosts(at: ['^example\\.com$']) in bootstrap/app.php; and in Larder hosts = [\"example.com\"]",
    }
    ForgedUrl "forged-url" {
        asks: "Does X-Original-URL or X-Rewrite-URL choose the page?",
        means: "They make some frameworks answer for another path than the one that was asked for, so a cache keeps one page under another's URL, and rules about paths are walked around. At the public address a problem; at the application a warning.",
        remedy: "remove both fields in front of the application, or turn their support off (IIS rewriting, old versions of Symfony and Zend)",
        Laravel: "update symfony/http-foundation: since 2018 it ignores them",
    }
    UnderscoreSpelling "underscore-spelling" {
        asks: "Is X_Forwarded_Proto taken for X-Forwarded-Proto?",
        means: "WSGI, CGI and Rack know no difference, so a proxy that removes only one spelling is walked around. At the public address a problem; at the application a warning: Larder drops such names unless told to pass them.",
        remedy: "let the server in front of the application drop names with underscores, as Larder and nginx do by default",
        Django: "gunicorn 22 and later drop them (header_map = \"drop\", the default); update, and do not set header_map = \"dangerous\"",
        Rails: "update Puma (5.6.9, 6.4.3 and later discard them where both spellings come)",
    }
    SharedCookie "shared-cookie" {
        asks: "Is a session or CSRF cookie set on a page that is shared?",
        means: "A page with Set-Cookie is never kept, so the rule does nothing and each visitor costs a request; other caches may keep the cookie along with the page and give one visitor's session to all. For pages that rules share, and for those whose own Cache-Control lets everybody keep them. Session and CSRF cookies are a problem, others a warning. Cookies in the rule's drop_set_cookie are left out.",
        remedy: "do not touch the session on this page; or take the cookie off where nobody needs it: drop_set_cookie = [\"...\"] in the rule",
        Django: "do not use request.session, {% csrf_token %} or get_token() in this view (SESSION_SAVE_EVERY_REQUEST = False); where nobody needs the cookie, drop_set_cookie = [\"csrftoken\"] in the rule",
        Rails: "do not touch session or flash in this action, leave csrf_meta_tags out of its layout, and skip the session: request.session_options[:skip] = true",
        Laravel: "take the route out of the \"web\" group (its middleware for sessions and CSRF sets both cookies on each of its pages)",
        Express: "express-session with saveUninitialized: false, and csurf only on routes with forms",
    }
    SharedCsrfToken "shared-csrf-token" {
        asks: "Is a CSRF token written into a page that is shared?",
        means: "It is one visitor's, and all others' forms fail with it (or, worse, it fits all). Always a problem.",
        remedy: "leave the form's token out of the page and fetch it by a script when the form is used, or let the page be made for each visitor: pass = true, or audience = \"per-user\"",
        Django: "take {% csrf_token %} out of the template and have a script read the csrftoken cookie (or a small view with get_token()) and send it as X-CSRFToken; or exclude the page: pass = true in a rule before this one",
        Rails: "take csrf_meta_tags and form tokens out of this page and fetch the token by a script (form_authenticity_token in an uncached action); or pass = true in a rule before this one",
        Laravel: "take @csrf out of this page and let scripts send the XSRF-TOKEN cookie as X-XSRF-TOKEN; or pass = true in a rule before this one",
        Express: "fetch the token by a script from a route that is not shared; or pass = true in a rule before this one",
    }
    SharedVaryCookie "shared-vary-cookie" {
        asks: "Does a page that is shared vary by Cookie?",
        means: "The application says that it makes this page by the visitor's cookies. Where a rule shares it with all users, who is logged in is shown the page of those who are not: a warning. Without a rule caches keep a copy for each Cookie header, and hardly ever hit: a warning too. Audiences that are told apart by the session are as they should be.",
        remedy: "do not read the session on this page; or share it with those who have none: audience = \"anonymous-only\"",
        Django: "request.user and request.session add Vary: Cookie; leave them out of this view and its templates, or share the page with audience = \"anonymous-only\"",
        Rails: "leave current_user and session out of this action, or share the page with audience = \"anonymous-only\"",
        Laravel: "leave auth() and session() out of this route, or share the page with audience = \"anonymous-only\"",
        Express: "leave req.session out of this route, or share the page with audience = \"anonymous-only\"",
    }
    PagesDiffer "pages-differ" {
        asks: "Are two fetches of a page that is shared the same?",
        means: "What differs between two requests of nobody in particular (a nonce, a token, a time, a counter) stays for all visitors as it was first made. A warning, with an excerpt. Of pages that nobody shares yet it is only said.",
        remedy: "see the excerpt: a nonce of a Content-Security-Policy protects nothing when it is kept (use hashes); a time or number can be filled in by a script",
        Django: "see the excerpt: {% csrf_token %} is another one each time; a nonce (django-csp) protects nothing when it is kept (use hashes); a time or number can be filled in by a script",
        Rails: "see the excerpt: form tokens are others each time; content_security_policy_nonce protects nothing when it is kept (use hashes)",
    }
    StaticCookie "static-cookie" {
        asks: "Is a cookie set with a static file?",
        means: "Files that pages name (styles, scripts, pictures) are the same for all. With Set-Cookie no cache keeps them, and some keep the cookie along: a session cookie is a problem, any other a warning.",
        remedy: "serve static files before whatever handles sessions",
        Django: "WhiteNoise directly after SecurityMiddleware, before SessionMiddleware; and SESSION_SAVE_EVERY_REQUEST = False",
        Rails: "config.public_file_server.enabled = true, so that files are served before the session's middleware",
        Laravel: "let the web server serve public/, not index.php",
        Express: "app.use(express.static(...)) before app.use(session(...))",
    }
    Validators "validators" {
        asks: "Have pages and files that are kept an ETag or Last-Modified?",
        means: "Without either, what has become stale is made and sent anew instead of being confirmed by a 304, to Larder and to browsers. A warning.",
        remedy: "send an ETag or Last-Modified",
        Django: "django.middleware.http.ConditionalGetMiddleware, or @condition on the view; WhiteNoise sends Last-Modified for files",
        Rails: "Rack::ETag and Rack::ConditionalGet (in the default stack), or fresh_when in the action",
        Laravel: "the middleware cache.headers:etag on the route",
        Express: "app.set('etag', 'weak') (the default)",
    }
    ScriptAnswers "script-answers" {
        asks: "May browsers show a script's answer as the page?",
        means: "Pages are asked for as scripts ask (X-Requested-With: XMLHttpRequest, Accept: application/json). If the same URL gives something else then, without Vary naming either field and without no-store, a browser may show the fragment when its back button is used: a warning, and a problem if the answer may be kept as fresh. Larder itself keeps the two apart. At the public address this is asked under a URL of its own, and only another status or type counts.",
        remedy: "send Vary: X-Requested-With (or Accept, whichever decides) with both, and Cache-Control: no-store with the answer to scripts; or give scripts a URL of their own. xhr.never = true in Larder does the second",
        Django: "patch_vary_headers(response, [\"X-Requested-With\"]), and @never_cache for scripts' answers; xhr.never = true in Larder does the second",
        Rails: "response.headers[\"Vary\"] = \"X-Requested-With, Accept\", and no_store for scripts' answers; xhr.never = true in Larder does the second",
        Laravel: "$response->setVary(['X-Requested-With', 'Accept']), and the middleware cache.headers:no_store for scripts' answers",
        Express: "res.vary('X-Requested-With').vary('Accept'), and res.set('Cache-Control', 'no-store') for scripts' answers",
    }
    CertificateExpiry "certificate-expiry" {
        asks: "Is the certificate valid now, and for two more weeks?",
        means: "At the public https address, and of the certificates in the configuration. Expired or not yet valid is a problem, fewer than 14 days left a warning.",
        remedy: "renew the certificate, and see why it was not renewed by itself",
    }
    CertificateName "certificate-name" {
        asks: "Is the certificate for this host?",
        means: "Of the names in it, one has to be the host of the public address. A problem.",
        remedy: "get a certificate with the host among its names; with several, name its hosts in the configuration",
    }
    CertificateTrust "certificate-trust" {
        asks: "Does its chain lead to somebody whom browsers trust?",
        means: "Held against the certificates that this machine trusts. A self-signed one, or a missing intermediate certificate, is a problem: browsers that have not seen the intermediate elsewhere refuse the site.",
        remedy: "serve the whole chain (fullchain.pem), the server's certificate first",
    }
    ClockSkew "clock-skew" {
        asks: "Does its clock agree with this machine's?",
        means: "Age, Expires and signed markers are computed from Date. More than 5 seconds off is a warning, more than a minute a problem. The other clock may be the right one.",
        remedy: "keep both machines' clocks by NTP (timedatectl)",
    }
    Hsts "hsts" {
        asks: "Is Strict-Transport-Security sent by https, and only there?",
        means: "By http browsers ignore it (RFC 6797 §8.1), and it must not be sent (§7.2): a warning. A site that redirects to https without it can be kept on http by whoever is between: a warning at the public address.",
        remedy: "in Larder: hsts = \"30d\" below [https], longer when it has proven itself",
        Django: "SECURE_HSTS_SECONDS = 2592000 (Django sends it by https only), or in Larder hsts = \"30d\" below [https]",
        Rails: "config.force_ssl = true sends it by https only, or in Larder hsts = \"30d\" below [https]",
        Express: "helmet's strictTransportSecurity, by https only, or in Larder hsts = \"30d\" below [https]",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_once_and_are_words_with_dashes() {
        let mut names: Vec<_> = Check::ALL.iter().map(|check| check.row().name).collect();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_remedy_is_the_frameworks_own_or_the_one_for_all() {
        let named = Check::RedirectLoop.remedy(Framework::Django);
        assert!(named.starts_with("Django: ") && named.contains("SECURE_PROXY_SSL_HEADER"));
        let general = Check::ClockSkew.remedy(Framework::Django);
        assert_eq!(general, Check::ClockSkew.row().remedy);
    }
}
