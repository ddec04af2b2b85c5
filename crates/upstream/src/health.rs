//! Whether a target gets requests: passive ejection as a pure state machine.
//!
//! `In` -- failures in a row --> `Out` -- time is over --> one request is let through (`Trying`)
//! -- it succeeds --> `In`; it fails --> `Out` for twice as long.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::EJECTION_GROWTH_MAX;

/// When to eject, and for how long at first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) after: u32,
    pub(crate) first: Duration,
}

/// What a balancer needs to know of a target's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Gets requests.
    In,
    /// Ejected, and its time is over: one request should find out.
    Due,
    /// Ejected.
    Out,
}

#[derive(Debug)]
enum State {
    In,
    Out { until: Instant },
    Trying,
}

/// The health of one target.
#[derive(Debug)]
pub(crate) struct Health {
    state: State,
    failures: u32,
    ejections: u32,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self { state: State::In, failures: 0, ejections: 0 }
    }

    pub(crate) fn standing(&self, now: Instant) -> Standing {
        match self.state {
            State::In => Standing::In,
            State::Out { until } if until <= now => Standing::Due,
            State::Out { .. } | State::Trying => Standing::Out,
        }
    }

    /// Claims the one request that is let through. False when somebody else has it.
    pub(crate) fn try_again(&mut self, now: Instant) -> bool {
        let due = self.standing(now) == Standing::Due;
        if due {
            self.state = State::Trying;
        }
        due
    }

    /// The request that was let through ended without telling anything (its client left).
    pub(crate) fn learnt_nothing(&mut self, now: Instant) {
        if matches!(self.state, State::Trying) {
            self.state = State::Out { until: now };
        }
    }

    /// A response's head arrived: whoever had asked for it, the target lives.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::new();
    }

    /// `tried` is true for the one request that was let through.
    pub(crate) fn failed(&mut self, tried: Tried, rule: Rule, now: Instant) {
        match (&self.state, tried) {
            (State::In, _) => {
                self.failures = self.failures.saturating_add(1);
                if rule.after > 0 && self.failures >= rule.after {
                    self.eject(rule, now);
                }
            }
            (State::Trying, Tried::Yes) => self.eject(rule, now),
            // Requests that began before the ejection tell nothing new.
            (State::Trying, Tried::No) | (State::Out { .. }, _) => {}
        }
    }

    fn eject(&mut self, rule: Rule, now: Instant) {
        let times = 1_u32.checked_shl(self.ejections).unwrap_or(u32::MAX).min(EJECTION_GROWTH_MAX);
        self.ejections = self.ejections.saturating_add(1);
        self.failures = 0;
        let until = now.checked_add(rule.first.saturating_mul(times)).unwrap_or(now);
        self.state = State::Out { until };
    }
}

/// Whether a request was the one let through to an ejected target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { after: 3, first: Duration::from_secs(2) };

    fn ejected(now: Instant) -> Health {
        let mut health = Health::new();
        for _ in 0..3 {
            health.failed(Tried::No, RULE, now);
        }
        health
    }

    #[test]
    fn the_third_failure_in_a_row_ejects_and_a_success_between_prevents_it() {
        let now = Instant::now();
        let mut health = Health::new();
        health.failed(Tried::No, RULE, now);
        health.failed(Tried::No, RULE, now);
        assert_eq!(health.standing(now), Standing::In);
        health.succeeded();
        health.failed(Tried::No, RULE, now);
        health.failed(Tried::No, RULE, now);
        assert_eq!(health.standing(now), Standing::In);
        health.failed(Tried::No, RULE, now);
        assert_eq!(health.standing(now), Standing::Out);
    }

    #[test]
    fn exactly_one_request_is_let_through_when_the_time_is_over() {
        let now = Instant::now();
        let mut health = ejected(now);
        let before = now + Duration::from_millis(1999);
        assert!(!health.try_again(before));
        let then = now + Duration::from_secs(2);
        assert_eq!(health.standing(then), Standing::Due);
        assert!(health.try_again(then));
        assert!(!health.try_again(then));
        assert_eq!(health.standing(then), Standing::Out);
        health.succeeded();
        assert_eq!(health.standing(then), Standing::In);
    }

    #[test]
    fn each_failed_attempt_doubles_the_time_up_to_the_limit() {
        let mut now = Instant::now();
        let mut health = ejected(now);
        for expected in [4, 8, 16, 32, 64, 64, 64] {
            now += Duration::from_secs(100);
            assert!(health.try_again(now));
            health.failed(Tried::Yes, RULE, now);
            let last = now + Duration::from_millis(expected * 1000 - 1);
            assert_eq!(health.standing(last), Standing::Out, "{expected} s");
            let over = now + Duration::from_secs(expected);
            assert_eq!(health.standing(over), Standing::Due, "{expected} s");
        }
    }

    #[test]
    fn an_attempt_that_tells_nothing_is_given_to_the_next_request() {
        let now = Instant::now();
        let mut health = ejected(now);
        let then = now + Duration::from_secs(2);
        assert!(health.try_again(then));
        health.learnt_nothing(then);
        assert!(health.try_again(then));
    }

    #[test]
    fn failures_of_requests_begun_before_do_not_prolong_an_ejection() {
        let now = Instant::now();
        let mut health = ejected(now);
        let later = now + Duration::from_secs(1);
        health.failed(Tried::No, RULE, later);
        assert_eq!(health.standing(now + Duration::from_secs(2)), Standing::Due);
    }

    #[test]
    fn zero_never_ejects() {
        let now = Instant::now();
        let mut health = Health::new();
        for _ in 0..100 {
            health.failed(Tried::No, Rule { after: 0, first: Duration::from_secs(1) }, now);
        }
        assert_eq!(health.standing(now), Standing::In);
    }
}
