//! Why something happened to a request: one table from which the token, the text, the status and the
//! `fwd` of `Cache-Status` (RFC 9211 §2.2) all come.
//!
//! A [`Reason`] goes into `Cache-Status` (`detail`), the access log and the metrics, so tokens are an
//! interface: add rows, never rename them. `index()` is dense, made for arrays of counters.

use std::fmt;

use http::StatusCode;

use crate::cache_status::Fwd;

/// Which part of the work a [`Reason`] speaks of, and with it whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Why a stored response answered.
    FromCache,
    /// Why the application was asked.
    Forwarded,
    /// Why its answer was not kept.
    NotStored,
    /// Why a page that was kept was not laid down for nginx.
    NotPublished,
    /// What Larder answers for the site: nothing is wrong, and the application is not needed.
    Own,
    /// What the client did wrong: answered by us, with the status of the row.
    ClientError,
    /// What the application or the way to it did wrong: answered by us, with the status of the row.
    ApplicationError,
}

/// One row a reason: variant, token, group, `fwd`, status (0: none of its own), text for people.
macro_rules! reasons {
    ($($variant:ident $token:literal $group:ident $fwd:expr, $status:literal, $text:literal;)*) => {
        /// Why a request was answered, forwarded, stored or refused as it was.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $(#[doc = $text] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of [`Reason::index`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name in kebab-case: a `Token` of RFC 9651, as `Cache-Status` wants it.
            #[must_use]
            pub const fn token(self) -> &'static str {
                match self { $(Self::$variant => $token,)* }
            }

            /// One line for people.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Which part of the work it speaks of.
            #[must_use]
            pub const fn group(self) -> Group {
                match self { $(Self::$variant => Group::$group,)* }
            }

            /// What `Cache-Status` calls it when it is why a request was forwarded.
            #[must_use]
            pub const fn fwd(self) -> Option<Fwd> {
                match self { $(Self::$variant => $fwd,)* }
            }

            const fn status_code(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

const NONE: Option<Fwd> = None;
const BYPASS: Option<Fwd> = Some(Fwd::Bypass);
const METHOD: Option<Fwd> = Some(Fwd::Method);
const PARTIAL: Option<Fwd> = Some(Fwd::Partial);
const REQUEST: Option<Fwd> = Some(Fwd::Request);
const STALE: Option<Fwd> = Some(Fwd::Stale);
const URI_MISS: Option<Fwd> = Some(Fwd::UriMiss);
const VARY_MISS: Option<Fwd> = Some(Fwd::VaryMiss);

reasons! {
    Fresh "fresh" FromCache NONE, 0, "the stored response is fresh";
    StaleWhileRevalidate "stale-while-revalidate" FromCache NONE, 0, "stale, inside its stale-while-revalidate window; it is being refreshed";
    StaleIfError "stale-if-error" FromCache NONE, 0, "stale, inside its stale-if-error window; the application failed";
    StaleDisconnected "stale-disconnected" FromCache NONE, 0, "stale; the application could not be reached";
    StaleAccepted "stale-accepted" FromCache NONE, 0, "stale, and the client accepts that (max-stale)";
    Validated "validated" FromCache NONE, 0, "the application confirmed the stored response (304)";
    Collapsed "collapsed" FromCache NONE, 0, "shares the answer to another client's request for the same page";

    UriMiss "uri-miss" Forwarded URI_MISS, 0, "nothing is stored for this URL";
    VaryMiss "vary-miss" Forwarded VARY_MISS, 0, "what is stored for this URL was chosen by other request fields (Vary)";
    Stale "stale" Forwarded STALE, 0, "the stored response is stale";
    AlwaysValidate "always-validate" Forwarded STALE, 0, "the stored response must be validated before each use (no-cache)";
    RequestDirectives "request-directives" Forwarded REQUEST, 0, "the client's Cache-Control or Pragma asked for it";
    Method "method" Forwarded METHOD, 0, "only GET and HEAD are answered from the cache";
    RangeMiss "range-miss" Forwarded PARTIAL, 0, "the requested range is not stored";
    OriginPrecondition "origin-precondition" Forwarded BYPASS, 0, "If-Match and If-Unmodified-Since are for the application to decide";
    KnownUncacheable "known-uncacheable" Forwarded BYPASS, 0, "the last response of this page could not be stored";
    Upgrade "upgrade" Forwarded BYPASS, 0, "the client asks for another protocol";
    RulePass "rule-pass" Forwarded BYPASS, 0, "a rule sends this request to the application as it is (pass)";
    RuleNever "rule-never" Forwarded BYPASS, 0, "a rule says never: not stored here or anywhere";
    Xhr "xhr" Forwarded BYPASS, 0, "a script's request, and the site never stores those";
    BypassCookie "bypass-cookie" Forwarded BYPASS, 0, "the visitor has a bypass cookie, which asks for a page of their own";
    Credentials "credentials" Forwarded BYPASS, 0, "the request carries Authorization, by which the rule's audience is not told apart";
    SessionCookie "session-cookie" Forwarded BYPASS, 0, "the visitor has a session cookie, and the rule shares with anonymous visitors only";
    Unverified "unverified" Forwarded BYPASS, 0, "the visitor has a session cookie, and nothing valid says who they are";
    RequestBody "request-body" Forwarded BYPASS, 0, "a request with a body is not answered from the cache";

    NoStore "no-store" NotStored NONE, 0, "the response says no-store";
    NoCache "no-cache" NotStored NONE, 0, "the response says no-cache, which the page's rule does not override";
    SessionResponse "session-response" NotStored NONE, 0, "the request carried a session cookie and the response does not say that it may be shared";
    Unconfirmed "unconfirmed" NotStored NONE, 0, "the page was to be made for a class, user or segment, and the response does not say that it was (Vary: Larder-Identity)";
    Private "private" NotStored NONE, 0, "the response says private";
    RedirectCircle "redirect-circle" NotStored NONE, 0, "the response sends the visitor to the very URL that was asked for";
    SetCookie "set-cookie" NotStored NONE, 0, "the response sets a cookie, which is meant for one visitor";
    Authorization "authorization" NotStored NONE, 0, "the request carried Authorization and the response does not allow sharing";
    NoLifetimeNorValidator "no-lifetime-nor-validator" NotStored NONE, 0, "the response has neither a freshness lifetime nor a validator";
    StatusNotCacheable "status-not-cacheable" NotStored NONE, 0, "a response with this status is not stored";
    NotUnderstood "not-understood" NotStored NONE, 0, "must-understand, and the status is not one we understand";
    VaryAny "vary-any" NotStored NONE, 0, "Vary is *, malformed, or names too many fields";
    TooManyVariants "too-many-variants" NotStored NONE, 0, "the page has as many variants as are kept of one page";
    TooLarge "too-large" NotStored NONE, 0, "the response is larger than what is kept of one page";
    TooManyTags "too-many-tags" NotStored NONE, 0, "the response has more tags than are kept, so it could not be purged by all of them";
    RequestNoStore "request-no-store" NotStored NONE, 0, "the client says no-store";
    BadContentRange "bad-content-range" NotStored NONE, 0, "a partial response whose Content-Range is missing, malformed or not of one range";
    Truncated "truncated" NotStored NONE, 0, "the response ended before it was complete";
    InvalidatedMeanwhile "invalidated-meanwhile" NotStored NONE, 0, "the page was purged or changed while the response was on its way";
    AlreadyExpired "already-expired" NotStored NONE, 0, "the response is stale on arrival and has no validator";
    TokenDjango "token-django" NotStored NONE, 0, "the page has a form with a CSRF token of Django's, which is one visitor's";
    TokenRails "token-rails" NotStored NONE, 0, "the page has a CSRF token as Rails makes them, which is one session's";
    TokenLaravel "token-laravel" NotStored NONE, 0, "the page has a form with a CSRF token of Laravel's, which is one session's";
    TokenSpring "token-spring" NotStored NONE, 0, "the page has a form with a CSRF token of Spring's, which is one session's";
    TokenAspNet "token-aspnet" NotStored NONE, 0, "the page has a form with an antiforgery token of ASP.NET's, which is one visitor's";
    TokenPhoenix "token-phoenix" NotStored NONE, 0, "the page has a form with a CSRF token of Phoenix's, which is one session's";
    TokenUnclear "token-unclear" NotStored NONE, 0, "the page has tokens that can't be told with certainty to be all Django's and one visitor's";
    EsiUnclear "esi-unclear" NotStored NONE, 0, "a page of ESI whose markup does not say clearly what is to be put where";
    HtmlTooLarge "html-too-large" NotStored NONE, 0, "an HTML page that is too large to be looked through for tokens";
    HtmlEncoded "html-encoded" NotStored NONE, 0, "an HTML page in a content coding or charset that can't be read, so it was not looked through for tokens";
    HtmlPart "html-part" NotStored NONE, 0, "a part of an HTML page, which can't be looked through for tokens";
    HtmlSlow "html-slow" NotStored NONE, 0, "an HTML page that took too long to come whole, for others to wait until it was looked through";

    PublishAudience "publish-audience" NotPublished NONE, 0, "the page is for visitors whom nginx can't tell from others";
    PublishVersion "publish-version" NotPublished NONE, 0, "the page is a version's, which a cookie would have to prove to nginx, and can't";
    PublishScheme "publish-scheme" NotPublished NONE, 0, "the style of keys does not tell http and https apart, and the page is of the other one";
    PublishStatus "publish-status" NotPublished NONE, 0, "the page's status is not 200, and nginx would say 200";
    PublishHoles "publish-holes" NotPublished NONE, 0, "parts of the page are made anew for each visitor";
    PublishTooLarge "publish-too-large" NotPublished NONE, 0, "the page is larger than what is published";
    PublishEncoded "publish-encoded" NotPublished NONE, 0, "the page has a Content-Encoding, which nginx would not say";
    PublishVaries "publish-varies" NotPublished NONE, 0, "the page varies by a field that nginx does not look at";
    PublishType "publish-type" NotPublished NONE, 0, "the page's Content-Type is not the one that nginx gives the rule's pages";
    PublishFields "publish-fields" NotPublished NONE, 0, "the page has not exactly those fields of a kind that browsers obey which nginx sends";
    PublishKey "publish-key" NotPublished NONE, 0, "the page's URL is too long for a Memcached key, or of a form that has none";

    Health "health" Own NONE, 0, "a health check";
    HttpsRedirect "https-redirect" Own NONE, 0, "the request came by http, and the site is https";
    Purged "purged" Own NONE, 0, "a purge, which was carried out";
    SchemeRedirect "scheme-redirect" Own NONE, 0, "the rule's pages are by the other scheme";

    MalformedRequest "malformed-request" ClientError NONE, 400, "the request is malformed";
    HeadTooLarge "head-too-large" ClientError NONE, 431, "the request's header section is too large";
    PurgeNotAllowed "purge-not-allowed" ClientError NONE, 405, "a purge, and its sender may not";
    BadPurge "bad-purge" ClientError NONE, 400, "a purge that says nothing that could be purged";
    UriTooLong "uri-too-long" ClientError NONE, 414, "the request's target is too long";
    HeadTimeout "head-timeout" ClientError NONE, 408, "the client did not finish its request's header section in time";
    PlainHttp "plain-http" ClientError NONE, 400, "a plain HTTP request came to a port where TLS is spoken";
    ProxyHeader "proxy-header" ClientError NONE, 400, "a connection did not begin with the PROXY protocol header that its port asks for";
    ProxyUntrusted "proxy-untrusted" ClientError NONE, 400, "somebody who is no trusted proxy connected to a port of the PROXY protocol";
    BodyTimeout "body-timeout" ClientError NONE, 408, "the client did not send its request's body in time";
    BadRequestBody "bad-request-body" ClientError NONE, 400, "the request's body broke off or is malformed";
    MissingHost "missing-host" ClientError NONE, 400, "the request has no Host";
    RepeatedHost "repeated-host" ClientError NONE, 400, "the request has more than one Host";
    BadHost "bad-host" ClientError NONE, 400, "the request's Host is malformed";
    UnderscoredField "underscored-field" ClientError NONE, 400, "a field's name has an underscore";
    UnknownHost "unknown-host" ClientError NONE, 421, "the site has no such host";
    OtherScheme "other-scheme" ClientError NONE, 421, "the request's target names another scheme than the connection has";
    HostMismatch "host-mismatch" ClientError NONE, 400, "the request's target and its Host disagree";
    BadTransferEncoding "bad-transfer-encoding" ClientError NONE, 400, "a transfer coding other than exactly chunked";
    BadContentLength "bad-content-length" ClientError NONE, 400, "a malformed, repeated or contradictory Content-Length";
    UnsupportedMethod "unsupported-method" ClientError NONE, 501, "CONNECT is not supported";
    BadExpect "bad-expect" ClientError NONE, 417, "an Expect other than 100-continue";
    ClientLeft "client-left" ClientError NONE, 499, "the client left before it was answered";
    SendTimeout "send-timeout" ClientError NONE, 408, "the client stopped taking its response";
    TooManyConnections "too-many-connections" ClientError NONE, 503, "as many client connections are open as are allowed";
    InternalPath "internal-path" ClientError NONE, 404, "a path that only Larder itself asks the application for";
    OnlyIfCached "only-if-cached" ClientError NONE, 504, "the client wants a stored response only, and none can be used";

    ConnectFailed "connect-failed" ApplicationError NONE, 502, "the application could not be reached";
    ConnectTimeout "connect-timeout" ApplicationError NONE, 504, "connecting to the application took too long";
    FirstByteTimeout "first-byte-timeout" ApplicationError NONE, 504, "the application did not begin to answer in time";
    BetweenBytesTimeout "between-bytes-timeout" ApplicationError NONE, 504, "the application paused too long inside its answer";
    ServiceFailed "service-failed" ApplicationError NONE, 502, "the application's service gave an error in place of a response";
    MalformedResponse "malformed-response" ApplicationError NONE, 502, "the application's response is malformed";
    ClosedEarly "closed-early" ApplicationError NONE, 502, "the application closed the connection before answering";
    CertificateUntrusted "certificate-untrusted" ApplicationError NONE, 502, "nobody who is trusted vouches for the application's certificate";
    CertificateWrongName "certificate-wrong-name" ApplicationError NONE, 502, "the application's certificate is for another name";
    CertificateExpired "certificate-expired" ApplicationError NONE, 502, "the application's certificate is no longer valid, or not yet";
    IncludeFailed "include-failed" ApplicationError NONE, 502, "a part that a page of ESI includes could not be had";
    TlsFailed "tls-failed" ApplicationError NONE, 502, "the application and Larder did not come to terms about TLS";
    NoUpstream "no-upstream" ApplicationError NONE, 503, "no application server is available";
    UpstreamTooBusy "upstream-too-busy" ApplicationError NONE, 503, "too many requests wait for the application";
}

impl Reason {
    /// Its place in [`Reason::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the page embeds a token of one visitor or session.
    #[must_use]
    pub const fn is_token(self) -> bool {
        matches!(
            self,
            Self::TokenDjango
                | Self::TokenRails
                | Self::TokenLaravel
                | Self::TokenSpring
                | Self::TokenAspNet
                | Self::TokenPhoenix
                | Self::TokenUnclear
        )
    }

    /// The status we answer with when this reason is why we answer ourselves; none for the others.
    #[must_use]
    pub fn status(self) -> Option<StatusCode> {
        StatusCode::from_u16(self.status_code()).ok()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// Where an error of another type goes on without its particulars.
impl std::error::Error for Reason {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn indices_are_dense_and_in_order() {
        for (place, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), place, "{reason}");
        }
    }

    #[test]
    fn tokens_are_unique_and_kebab_case() {
        let mut seen = HashSet::new();
        for reason in Reason::ALL {
            let token = reason.token();
            assert!(seen.insert(token), "{token} twice");
            assert!(token.starts_with(|c: char| c.is_ascii_lowercase()), "{token}");
            assert!(token.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{token}");
        }
    }

    #[test]
    fn errors_have_a_status_and_only_errors_do() {
        for reason in Reason::ALL {
            let is_error = matches!(reason.group(), Group::ClientError | Group::ApplicationError);
            assert_eq!(reason.status().is_some(), is_error, "{reason}");
        }
    }

    #[test]
    fn what_is_forwarded_has_a_fwd_and_nothing_else_has() {
        for reason in Reason::ALL {
            assert_eq!(reason.fwd().is_some(), reason.group() == Group::Forwarded, "{reason}");
        }
    }
}
