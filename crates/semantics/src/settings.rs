//! What a site may choose where RFC 9111 leaves a choice, or where it is safer not to follow it.

use std::time::Duration;

use crate::Terms;

/// The choices. [`Settings::default`] is the safe reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether a client's `Cache-Control` and `Pragma` count. Off: they are a lever by which any
    /// client can send work to the application (RFC 9111 §5.2.1 makes them advisory).
    pub honour_request_directives: bool,
    /// Whether `CDN-Cache-Control` (RFC 9213), then `Surrogate-Control` (Edge Architecture note),
    /// win over `Cache-Control` and `Expires`.
    pub targeted: bool,
    /// Our device name: `;target` in `Surrogate-Control`, and the one in `Surrogate-Capability`.
    pub surrogate_token: &'static str,
    /// Upper bound of the freshness lifetime of every 4xx and 5xx: an accidental or provoked error
    /// does not stay.
    pub error_lifetime_max: Duration,
    /// Share of the time since `Last-Modified` that is the heuristic lifetime, in percent.
    pub heuristic_fraction_percent: u8,
    /// Upper bound of the heuristic lifetime.
    pub heuristic_lifetime_max: Duration,
    /// The `stale-while-revalidate` of a response that names none and forbids none (RFC 9111 §4.2.4
    /// leaves that to an agreement with the application). Zero: none. Never for errors.
    pub grace: Duration,
    /// How long past its freshness a once fresh response may be served when the application can't be
    /// reached.
    pub stale_if_disconnected: Duration,
    /// Whether a response with `s-maxage` may be served stale all the same, as some peers do.
    pub stale_with_s_maxage: bool,
    /// What the rule of the page in question says of its lifetime. Without a rule the response decides.
    pub terms: Option<Terms>,
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            honour_request_directives: false,
            targeted: true,
            surrogate_token: "larder",
            error_lifetime_max: Duration::from_secs(10),
            // RFC 9111 §4.2.2: a typical fraction is 10 %.
            heuristic_fraction_percent: 10,
            heuristic_lifetime_max: DAY,
            grace: Duration::ZERO,
            stale_if_disconnected: DAY,
            stale_with_s_maxage: false,
            terms: None,
        }
    }
}
