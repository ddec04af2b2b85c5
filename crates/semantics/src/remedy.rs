//! What to do about a [`Reason`], and which clause of a standard it is read from: for `explain` and docs/reasons.md.

use crate::Reason;

impl Reason {
    /// What an operator can do about it, for people.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table: one line or two a reason, none left out")]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Fresh => "Nothing. `ttl` is the time left, in seconds.",
            Self::StaleWhileRevalidate => {
                "Nothing: the page asked for this with `stale-while-revalidate`. `ttl` is below zero while the refresh runs."
            }
            Self::StaleIfError => {
                "Look after the application: it answered with 500, 502, 503 or 504, or not at all. Visitors see the page of before until `stale-if-error` is over."
            }
            Self::StaleDisconnected => {
                "Look after the application: no connection, or no proper answer in time. Visitors see the page of before for `cache.stale_if_disconnected`."
            }
            Self::StaleAccepted => "Nothing. Occurs only with `cache.honour_request_directives`.",
            Self::Validated => {
                "Nothing, the body was not sent again. If it happens on every request, the page says `no-cache`, or its lifetime is zero."
            }
            Self::Collapsed => "Nothing: many asked at once, and the application was asked once.",

            Self::UriMiss => {
                "Nothing when `stored` stands beside it: the next request is a hit. Query strings count, `?a=1` and `?a=2` are two pages."
            }
            Self::VaryMiss => {
                "Look at the response's `Vary`. Each combination of the fields it names is a copy of its own; with `Cookie` or `User-Agent` among them nearly every visitor has one."
            }
            Self::Stale => {
                "Nothing, or give the page a longer lifetime or `stale-while-revalidate`."
            }
            Self::AlwaysValidate => {
                "The page says `no-cache`. Say `max-age` if it may be shown for a while without asking."
            }
            Self::RequestDirectives => {
                "Occurs only with `cache.honour_request_directives`; turn that off if clients abuse it."
            }
            Self::Method => "Nothing: POST, PUT, DELETE and the like are the application's.",
            Self::RangeMiss => "Nothing: this part of the file was not stored yet.",
            Self::OriginPrecondition => {
                "Nothing: it protects an edit, and only the application can judge it."
            }
            Self::KnownUncacheable => {
                "Nothing, if `stored` stands beside it: the page has become cacheable."
            }
            Self::Upgrade => "Nothing: a WebSocket or the like.",
            Self::RulePass => "Nothing: the rule says `pass = true`.",
            Self::RuleNever => "Nothing: the rule says `never = true`.",
            Self::Xhr => {
                "Nothing, if scripts are to see the newest. Else set `xhr.never = false`: they are kept apart from pages in any case."
            }
            Self::BypassCookie => {
                "Nothing: a message waits for this visitor, say. If it happens to everybody, something sets a cookie of `identity.bypass_cookies` that is never read."
            }
            Self::Credentials => {
                "Nothing, if the page depends on who asks. Else give the rule an audience whose `key` has `header:authorization`."
            }
            Self::SessionCookie => {
                "Nothing, if the visitor is logged in. If anonymous visitors have sessions too, have them verified (`identity.marker_keys` or `identity.lookup`), or use another audience."
            }
            Self::Unverified => {
                "Have the application set the signed marker at login, or answer `identity.lookup`. `larder explain` says what is wrong with the visitor's proof."
            }
            Self::RequestBody => {
                "A GET with a body has no agreed meaning. Use POST, or put it into the query."
            }

            Self::NoStore => {
                "Nothing, if the page is meant not to be kept. Frameworks add it to pages behind a login."
            }
            Self::NoCache => {
                "The application wants to be asked each time. Have it say `max-age`, or, if the rule knows better, set `danger.override_no_store` in the rule."
            }
            Self::SessionResponse => {
                "Give the URL a rule with an audience, or have the application say `public`, `s-maxage` or `Vary: Cookie`."
            }
            Self::Unconfirmed => {
                "The application has to make the page for the `Larder-Identity` that it is sent, and to answer with `Vary: Larder-Identity`. Until then each visitor gets their own."
            }
            Self::Private => {
                "Nothing, if the page is one visitor's. Else say `public` and a `max-age`, or `CDN-Cache-Control`."
            }
            Self::RedirectCircle => {
                "Look at what the application goes by. Most often it redirects to https because it does not see that the visitor came by https: tell it which field says so (Django: `SECURE_PROXY_SSL_HEADER`), or Larder which proxy to believe (`trusted_proxies`). Others set a cookie on the way and ask again. Passed on each time, stored never."
            }
            Self::SetCookie => {
                "Find out what sets a cookie on a public page: a session that is written on every request, a CSRF token in a form, a language cookie. Without that cookie the page can be kept."
            }
            Self::Authorization => {
                "Nothing, if the page depends on who asks. Else say `public`, `s-maxage` or `must-revalidate`."
            }
            Self::NoLifetimeNorValidator => {
                "The application said nothing about caching. Send `Cache-Control: max-age=...`, or an `ETag`, or `Last-Modified`."
            }
            Self::StatusNotCacheable => {
                "Nothing: a response with this status is about one request, not about the page."
            }
            Self::NotUnderstood => {
                "Use a status that is registered, or leave `must-understand` out."
            }
            Self::VaryAny => {
                "Name the fields that matter, sixteen at most. `*` forbids storing, and so does a field that tells one visitor from another, such as `X-Forwarded-For`."
            }
            Self::TooManyVariants => {
                "Have the application vary on fewer fields, or raise `cache.variants_max`. Decided after the response has gone, so it is seen only as `vary-miss` again and again."
            }
            Self::TooLarge => {
                "Raise `cache.memory` and `cache.object_max`, or leave it: the body is passed through."
            }
            Self::TooManyTags => {
                "Give the page fewer or shorter tags: at most 1,000, of 1,024 bytes each. A tag for a list (`products`) does the work of one for each of its members."
            }
            Self::RequestNoStore => "Occurs only with `cache.honour_request_directives`.",
            Self::BadContentRange => {
                "Repair the application's ranges; several ranges in one response (`multipart/byteranges`) are passed through."
            }
            Self::Truncated => "An error of Larder's: report it, with the log line.",
            Self::InvalidatedMeanwhile => {
                "Nothing: somebody changed the page while it was being fetched. Decided after the response has gone, so it is not seen in a log."
            }
            Self::AlreadyExpired => {
                "The response came with a lifetime of zero, an `Expires` that is over or an `Age` that can't be read, and no validator. Check the application's clock and `Cache-Control`."
            }
            Self::TokenDjango => {
                "Give the page a rule with `csrf = \"django\"`: each visitor then gets a token of their own on the stored page. Or have a script fetch the token after the page is there."
            }
            Self::TokenRails
            | Self::TokenLaravel
            | Self::TokenSpring
            | Self::TokenAspNet
            | Self::TokenPhoenix => {
                "Nothing, if each visitor may cost the application a request. Else keep the form off the page, or have a script fetch the token after the page is there: it belongs to a session, which only the application knows."
            }
            Self::TokenUnclear => {
                "Have all tokens of the page be Django's own for that request, as `{% csrf_token %}` and `{{ csrf_token }}` write them, and not the secret of the cookie itself. Close all tags and quotation marks."
            }
            Self::EsiUnclear => {
                "Close every `<esi:include>`, `<esi:remove>` and `<!--esi`, give each include a `src`, and no page more than 32 of them."
            }
            Self::HtmlTooLarge => {
                "Pages up to 4 MiB are looked through. Split the page, or have the application send what is no page as another media type."
            }
            Self::HtmlEncoded => {
                "Have the application send HTML uncompressed, or in gzip, deflate, br or zstd, one of them and whole; and in UTF-8."
            }
            Self::HtmlPart => "Nothing: ranges of HTML pages are passed through.",
            Self::HtmlSlow => {
                "Nothing, if the page is meant to come in pieces: it is passed through as it comes. Else look at what makes its body take more than ten seconds after its head."
            }

            Self::PublishAudience => {
                "Nothing: Larder answers such visitors from memory. For nginx a rule needs the audience `all-users`, `anonymous-only` or `anonymous-and-authenticated`, and no `keep_cookies`."
            }
            Self::PublishVersion => {
                "Nothing: Larder answers from memory, where versions are verified. Who may see each other's versions anyway can say `danger.trust_page_version_cookie`; a version is then 1 to 64 letters, digits, `-`, `_` and `.`."
            }
            Self::PublishScheme => {
                "Use `style = \"larder\"`, whose keys have the scheme, or send visitors to one scheme (`https.redirect`) and name it in `publish.memcached.scheme`."
            }
            Self::PublishStatus => "Nothing: a redirect or an error page is answered by Larder.",
            Self::PublishHoles => {
                "Nothing: forms and fragments are filled in by Larder, for each visitor."
            }
            Self::PublishTooLarge => {
                "Raise `publish.memcached.body_max`, and Memcached's own `-I` with it."
            }
            Self::PublishEncoded => {
                "Let the application answer without compression, and nginx compress: `gzip on`."
            }
            Self::PublishVaries => {
                "Look at the page's `Vary`. What it names besides `Cookie` and `Accept-Encoding` is answered by Larder."
            }
            Self::PublishType => {
                "Give the rule the type that its pages have: `publish_type`. Pages of several types take several rules."
            }
            Self::PublishFields => {
                "List what the application sends with every page in `publish.memcached.fields`, as in `\"X-Frame-Options: DENY\"`, and print nginx's configuration anew. A policy that differs from page to page (a nonce) can't be published."
            }
            Self::PublishKey => {
                "Nothing: Larder answers from memory. Keys end at 250 bytes, a `%` counts as three; the style django-nginx-memcache takes targets of up to 1024."
            }

            Self::MalformedRequest => {
                "Nothing, if it is a scanner. Else look at what the client sends: a stray byte in a field, a bad target."
            }
            Self::HeadTooLarge => {
                "Mostly too many cookies. Raise `limits.header_bytes` or `limits.headers`, or set fewer cookies."
            }
            Self::UriTooLong => "Targets end at 16 KiB. Send the data in a POST.",
            Self::HeadTimeout => "Nothing, unless honest clients need longer: `timeouts.header`.",
            Self::PlainHttp => {
                "Ask by https://. Where a proxy in front sends such requests, its setting for this port is http instead of https."
            }
            Self::ProxyHeader => {
                "Let the load balancer send the PROXY protocol, version 1 or 2, or take the address out of `listen.proxy_protocol`."
            }
            Self::ProxyUntrusted => {
                "Name the load balancer's address in `trusted_proxies`, if it was one; clients are to connect to another port."
            }
            Self::BodyTimeout => {
                "Nothing, unless honest clients pause longer inside an upload: `timeouts.body`."
            }
            Self::BadRequestBody => "Nothing: an upload broke off or was badly framed.",
            Self::MissingHost => "HTTP/1.1 demands `Host`. Health checks often forget it.",
            Self::RepeatedHost => {
                "Somebody sends two `Host` fields, or tries to confuse proxies. Nothing to do here."
            }
            Self::BadHost => "The client's `Host` is no host name. Nothing to do here.",
            Self::HostMismatch => {
                "The target names another host than `Host` does. Nothing to do here, unless it is your own client."
            }
            Self::BadTransferEncoding => {
                "Only `chunked` is taken, and only in HTTP/1.1. Mostly an attempt to smuggle a request."
            }
            Self::BadContentLength => {
                "Mostly an attempt to smuggle a request. If it is your own client, mend its framing."
            }
            Self::UnsupportedMethod => {
                "Somebody takes the site for a forward proxy. Nothing to do."
            }
            Self::BadExpect => {
                "The client expects something that does not exist. Only `100-continue` does."
            }
            Self::ClientLeft => {
                "Nothing, unless there are many at one page: then it is too slow for people to wait. 499 stands only in the log."
            }
            Self::SendTimeout => "Nothing, unless honest clients stall longer: `timeouts.send`.",
            Self::TooManyConnections => {
                "Raise `limits.connections`, and the process's limit of open files with it; or find out who opens them."
            }
            Self::Health => "Nothing: one of `health_paths`.",
            Self::HttpsRedirect => {
                "Nothing, where `https.redirect` is meant. If visitors by https are redirected too, the proxy that ends TLS is not in `trusted_proxies`, or does not send `X-Forwarded-Proto`."
            }
            Self::Purged => {
                "Nothing: somebody in `purge.allow`, or with the `purge.token`, purged."
            }
            Self::PurgeNotAllowed => {
                "If it is your own application or a plugin of it, add its address to `purge.allow` or give it the `purge.token`. Otherwise nothing: somebody tries."
            }
            Self::BadPurge => {
                "The answer's text says what is wrong. Look at what the plugin sends; `docs/purging.md` has what is understood."
            }
            Self::SchemeRedirect => {
                "Nothing, where the rule's `scheme` is meant. If visitors by https are redirected too, the proxy that ends TLS is not in `trusted_proxies`, or does not send `X-Forwarded-Proto`."
            }
            Self::UnderscoredField => {
                "Send the field with dashes. Or leave `underscores` at `drop`, or name the field in `underscores_pass`."
            }
            Self::UnknownHost => {
                "Add the host to `hosts` if it is one of the site's. Otherwise nothing: somebody asks for names that are not yours."
            }
            Self::OtherScheme => {
                "If a proxy that ends TLS stands in front of Larder and speaks HTTP/2 to it, name it in `trusted_proxies`. Otherwise nothing: somebody asks for `https` in clear text."
            }
            Self::InternalPath => {
                "Nothing: a visitor asked for `identity.lookup`, which is not for visitors."
            }
            Self::OnlyIfCached => "Nothing. Occurs only with `cache.honour_request_directives`.",

            Self::ConnectFailed => {
                "Nothing listens there, or the host refuses. Is the application running, at the address in `upstream`?"
            }
            Self::ConnectTimeout => {
                "The host does not answer at all: a firewall, a dead machine, a full accept queue. `timeouts.connect` is how long is waited."
            }
            Self::FirstByteTimeout => {
                "The application is slow or stuck. Raise `timeouts.first_byte` only for pages that are meant to take so long."
            }
            Self::BetweenBytesTimeout => {
                "The application stopped in the middle. Event streams should send a comment line more often than `timeouts.between_bytes`."
            }
            Self::ServiceFailed => {
                "Look at the application's log: the service behind the cache is not to give errors, but responses that tell of them."
            }
            Self::MalformedResponse => {
                "The application, or something between, speaks bad HTTP. Ask it directly with `curl -v` and look at the head: two lengths, an odd transfer coding, a bad line."
            }
            Self::ClosedEarly => {
                "The application's worker died or was killed: look into its log (a time limit of its own, out of memory)."
            }
            Self::CertificateUntrusted => {
                "Name the application's authority, or its own certificate if it made one itself, in `upstream_tls.ca`. With a public authority, see that the application sends the certificates between it and its own, and that this machine has the package ca-certificates. Not before, think of somebody on the way."
            }
            Self::CertificateWrongName => {
                "Write the certificate's name in `upstream` instead of an address or another name, or say it in `upstream_tls.name`. `openssl s_client -connect HOST:PORT` shows the certificate."
            }
            Self::CertificateExpired => {
                "Renew the application's certificate, and see that the application has read the new one. If it is in order, look at this machine's clock."
            }
            Self::TlsFailed => {
                "The log says at which point. Does the port speak TLS at all, 1.2 or newer? Does it demand a certificate of its clients? Larder has none to show."
            }
            Self::IncludeFailed => {
                "The page broke off where the part should have been. Ask for the part's own address: it has to be one of the site's, and to be answered with 200 within ten seconds. With `alt` or `onerror=\"continue\"` on the include, the page stays whole."
            }
            Self::NoUpstream => {
                "The name in `upstream` has no address. At the start that is an error; afterwards the last addresses are kept, so it is hardly seen."
            }
            Self::UpstreamTooBusy => {
                "`upstream_pool.connections_max` requests are with the application already. It hangs, or needs more workers."
            }
        }
    }

    /// The clause that it is read from, where there is one.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table: every reason is named")]
    pub const fn clause(self) -> Option<&'static str> {
        Some(match self {
            Self::Fresh => "RFC 9111 §4.2",
            Self::StaleWhileRevalidate => "RFC 5861 §3",
            Self::StaleIfError => "RFC 5861 §4",
            Self::StaleDisconnected | Self::StaleAccepted => "RFC 9111 §4.2.4",
            Self::Validated => "RFC 9111 §4.3.3",
            Self::Collapsed | Self::UriMiss | Self::Method => "RFC 9111 §4",
            Self::VaryMiss | Self::VaryAny | Self::TooManyVariants => "RFC 9111 §4.1",
            Self::Stale => "RFC 9111 §4.3",
            Self::AlwaysValidate | Self::NoCache => "RFC 9111 §5.2.2.4",
            Self::RequestDirectives => "RFC 9111 §5.2.1",
            Self::RangeMiss | Self::BadContentRange => "RFC 9111 §3.3",
            Self::OriginPrecondition => "RFC 9111 §4.3.2",
            Self::Upgrade => "RFC 9110 §7.8",
            Self::RequestBody => "RFC 9110 §9.3.1",
            Self::NoStore => "RFC 9111 §5.2.2.5",
            Self::Private => "RFC 9111 §5.2.2.7",
            Self::RedirectCircle => "RFC 9110 §15.4",
            Self::HttpsRedirect | Self::SchemeRedirect => "RFC 9110 §15.4.2",
            Self::UnknownHost => "RFC 9110 §15.5.20",
            Self::OtherScheme => "RFC 9110 §7.4",
            Self::PurgeNotAllowed => "RFC 9110 §15.5.6",
            Self::SetCookie => "RFC 9111 §7.3",
            Self::Authorization => "RFC 9111 §3.5",
            Self::NoLifetimeNorValidator | Self::StatusNotCacheable => "RFC 9111 §3",
            Self::NotUnderstood => "RFC 9111 §5.2.2.3",
            Self::RequestNoStore => "RFC 9111 §5.2.1.5",
            Self::Truncated => "RFC 9111 §3.3",
            Self::InvalidatedMeanwhile => "RFC 9111 §4.4",
            Self::AlreadyExpired => "RFC 9111 §4.2.1",
            Self::OnlyIfCached => "RFC 9111 §5.2.1.7",
            Self::CertificateWrongName => "RFC 9525 §6",
            Self::CertificateExpired => "RFC 5280 §4.1.2.5",
            Self::RulePass
            | Self::RuleNever
            | Self::Xhr
            | Self::BypassCookie
            | Self::Credentials
            | Self::SessionCookie
            | Self::Unverified
            | Self::SessionResponse
            | Self::Unconfirmed
            | Self::KnownUncacheable
            | Self::TooLarge
            | Self::TooManyTags
            | Self::PublishAudience
            | Self::PublishVersion
            | Self::PublishScheme
            | Self::PublishStatus
            | Self::PublishHoles
            | Self::PublishTooLarge
            | Self::PublishEncoded
            | Self::PublishVaries
            | Self::PublishType
            | Self::PublishFields
            | Self::PublishKey
            | Self::TokenDjango
            | Self::TokenRails
            | Self::TokenLaravel
            | Self::TokenSpring
            | Self::TokenAspNet
            | Self::TokenPhoenix
            | Self::TokenUnclear
            | Self::EsiUnclear
            | Self::HtmlTooLarge
            | Self::HtmlEncoded
            | Self::HtmlPart
            | Self::HtmlSlow
            | Self::MalformedRequest
            | Self::HeadTooLarge
            | Self::UriTooLong
            | Self::HeadTimeout
            | Self::PlainHttp
            | Self::ProxyHeader
            | Self::ProxyUntrusted
            | Self::BodyTimeout
            | Self::BadRequestBody
            | Self::MissingHost
            | Self::RepeatedHost
            | Self::BadHost
            | Self::HostMismatch
            | Self::BadTransferEncoding
            | Self::BadContentLength
            | Self::UnsupportedMethod
            | Self::BadExpect
            | Self::ClientLeft
            | Self::SendTimeout
            | Self::TooManyConnections
            | Self::InternalPath
            | Self::Health
            | Self::Purged
            | Self::BadPurge
            | Self::UnderscoredField
            | Self::ConnectFailed
            | Self::ConnectTimeout
            | Self::FirstByteTimeout
            | Self::BetweenBytesTimeout
            | Self::ServiceFailed
            | Self::MalformedResponse
            | Self::ClosedEarly
            | Self::CertificateUntrusted
            | Self::TlsFailed
            | Self::IncludeFailed
            | Self::NoUpstream
            | Self::UpstreamTooBusy => return None,
        })
    }
}
