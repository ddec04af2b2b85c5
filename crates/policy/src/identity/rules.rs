//! What a site says about identities: `[identity]`.

use super::Keys;
use crate::cookies::CookieNames;
use std::time::Duration;

/// Session cookies of well-known frameworks, and cookies that log somebody in again.
///
/// Long on purpose: a name too many costs hits, a name too few makes somebody anonymous who is not. A visitor who has two of
/// them is never verified by a marker, so a site that uses markers lists its own.
pub const DEFAULT_SESSION_COOKIES: &[&str] = &[
    // Django; the names with prefixes are what its deployment guides recommend.
    "sessionid",
    "__Host-sessionid",
    "__Secure-sessionid",
    // Rails `_app_session`, Laravel `laravel_session` and `app_session`, CodeIgniter `ci_session`, MediaWiki, Catalyst,
    // Grafana, Ory, Lucia, mod_auth_openidc.
    "*_session",
    // Laravel 12 `app-session`, Nuxt, AdonisJS, Ghost.
    "*-session",
    // Rails before 3.
    "_session_id",
    // Devise, "remember me": `remember_user_token`.
    "remember_*_token",
    // Laravel, "remember me".
    "remember_web_*",
    // PHP: Symfony, CakePHP, Magento and whatever else uses its sessions.
    "PHPSESSID",
    // Symfony, "remember me".
    "REMEMBERME",
    // CakePHP.
    "CAKEPHP",
    // WordPress, logged in. Its other cookies are for /wp-admin.
    "wordpress_logged_in_*",
    // WooCommerce: the cart.
    "wp_woocommerce_session_*",
    // Drupal, over HTTP and HTTPS.
    "SESS*",
    "SSESS*",
    // TYPO3, visitors and editors.
    "fe_typo_user",
    "be_typo_user",
    // Joomla, "remember me". Its session's name is a hash.
    "joomla_remember_me_*",
    "joomla_user_state",
    // PrestaShop.
    "PrestaShop-*",
    // Moodle.
    "MoodleSession*",
    // phpBB.
    "phpbb*",
    // Express (express-session), the cookie-session and Koa middlewares.
    "connect.sid",
    "express:sess",
    "koa.sess",
    "koa:sess",
    // Flask, Starlette, Pyramid, cookie-session.
    "session",
    "__Host-session",
    "__Secure-session",
    // Flask-Login, "remember me".
    "remember_token",
    // Pyramid and Paste.
    "auth_tkt",
    // Zope and Plone.
    "__ac",
    "_ZopeId",
    // web2py.
    "session_id_*",
    // Odoo; many a hand-made session.
    "session_id",
    // Frappe; many a hand-made session.
    "sid",
    // Java servlets: Tomcat, Jetty, WildFly.
    "JSESSIONID",
    // Spring Session. `session` in capitals.
    "SESSION",
    // Spring Security and Shiro, "remember me".
    "remember-me",
    "rememberMe",
    // Play.
    "PLAY_SESSION",
    // Keycloak.
    "KEYCLOAK_IDENTITY",
    "KEYCLOAK_SESSION",
    // ColdFusion.
    "CFTOKEN",
    // ASP.NET.
    "ASP.NET_SessionId",
    ".ASPXAUTH",
    ".AspNet.ApplicationCookie",
    // ASP.NET Core.
    ".AspNetCore.Session",
    ".AspNetCore.Cookies",
    ".AspNetCore.Identity.Application",
    // Classic ASP.
    "ASPSESSIONID*",
    // Phoenix `_app_key`, and its generated "remember me": `_app_web_user_remember_me`.
    "_*_key",
    "_*_remember_me",
    // NextAuth.js and Auth.js; long ones come in pieces `.0`, `.1`.
    "next-auth.session-token*",
    "__Secure-next-auth.session-token*",
    "authjs.session-token*",
    "__Secure-authjs.session-token*",
    // Better Auth.
    "better-auth.session_token",
    "__Secure-better-auth.session_token",
    // Auth0 for Next.js.
    "appSession*",
    // Remix, React Router, Clerk, Firebase Hosting.
    "__session*",
    // Supabase.
    "sb-*",
    // SuperTokens.
    "sAccessToken",
    // Perl's CGI::Session, Dancer, Mojolicious.
    "CGISESSID",
    "dancer.session",
    "mojolicious",
    // Rack's own.
    "rack.session",
    // Discourse.
    "_t",
    // Gitea and Forgejo.
    "i_like_gitea",
    // Gates before an application: oauth2-proxy, Cloudflare Access, AWS load balancers.
    "_oauth2_proxy*",
    "CF_Authorization",
    "AWSELBAuthSessionCookie*",
    // Names that people choose for a token of their own.
    "access_token",
    "auth_token",
    "jwt",
    "token",
];

/// How visitors are known.
#[derive(Clone, Debug)]
pub struct IdentityRules {
    /// Without any of them, a visitor is anonymous.
    pub session_cookies: CookieNames,
    /// Where one of them is there and not empty, the request goes to the application, and nothing is stored.
    pub bypass_cookies: CookieNames,
    /// The signed marker, if there is one.
    pub marker: Option<Marker>,
    /// The look-up, if there is one.
    pub lookup: Option<LookUp>,
}

/// The signed marker.
#[derive(Clone, Debug)]
pub struct Marker {
    /// The name of its cookie.
    pub cookie: String,
    /// What it is verified with.
    pub keys: Keys,
}

/// Where the application says who a visitor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// The path, without a query.
    pub path: String,
    /// How long an answer counts.
    pub ttl: Duration,
    /// How long it is waited for.
    pub timeout: Duration,
}

impl Default for IdentityRules {
    fn default() -> Self {
        let names = DEFAULT_SESSION_COOKIES.iter().map(|name| (*name).to_owned()).collect();
        Self {
            session_cookies: CookieNames::new(names),
            bypass_cookies: CookieNames::default(),
            marker: None,
            lookup: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_sessions_are_sessions() {
        let sessions = IdentityRules::default().session_cookies;
        for name in [
            "sessionid",
            "_myapp_session",
            "remember_user_token",
            "laravel_session",
            "my-app-session",
            "remember_web_59ba36addc2b2f9401580f014c7f58ea4e30989d",
            "PHPSESSID",
            "connect.sid",
            "JSESSIONID",
            "SESSION",
            "ASP.NET_SessionId",
            ".ASPXAUTH",
            ".AspNetCore.Cookies",
            ".AspNetCore.Identity.Application",
            "wordpress_logged_in_86a9106ae65537651a8e456835b316ab",
            "session",
            "next-auth.session-token",
            "__Secure-next-auth.session-token.0",
            "authjs.session-token",
            "_hello_key",
            "_hello_web_user_remember_me",
            "ci_session",
            "SSESSa1b2c3",
            "remember_token",
        ] {
            assert!(sessions.contains(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn cookies_that_everybody_has_are_no_sessions() {
        let sessions = IdentityRules::default().session_cookies;
        for name in [
            "",
            "csrftoken",
            "messages",
            "django_language",
            "XSRF-TOKEN",
            "_ga",
            "_ga_ABC123",
            "_gid",
            "_gat_gtag_UA_1",
            "_gcl_au",
            "_fbp",
            "_fbc",
            "_hjSessionUser_123",
            "_hjSession_123",
            "_pk_id.1.1fff",
            "_pk_ses.1.1fff",
            "__utma",
            "__utmz",
            "__cf_bm",
            "cf_clearance",
            "_cfuvid",
            "OptanonConsent",
            "CookieConsent",
            "cookieyes-consent",
            "euconsent-v2",
            "__stripe_mid",
            "hubspotutk",
            "__hstc",
            "_clck",
            "_clsk",
            "AWSALB",
            "AWSALBCORS",
            "intercom-id-abc",
            "wordpress_test_cookie",
            "wp-settings-1",
            "pll_language",
            "_octo",
            "theme",
            "lang",
            "next-auth.csrf-token",
            "__Host-next-auth.csrf-token",
            "NEXT_LOCALE",
            ".AspNetCore.Antiforgery.abc",
            ".AspNetCore.Culture",
            "larder_id",
            "isauthenticated",
        ] {
            assert!(!sessions.may_mean(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn every_name_of_the_default_list_is_one_and_comes_once() {
        for (place, name) in DEFAULT_SESSION_COOKIES.iter().enumerate() {
            assert_eq!(CookieNames::check(name), Ok(()), "{name}");
            assert!(
                !DEFAULT_SESSION_COOKIES.iter().take(place).any(|other| other == name),
                "{name}"
            );
        }
    }
}
