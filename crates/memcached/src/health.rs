//! Whether a server is left alone, and what it has done so far.
//!
//! ```text
//! well ──failure──▶ paused ──the pause is over──▶ one operation tries ──failure──▶ paused, twice as long
//!   ▲                  │                              │
//!   └──────────────────┴───an operation succeeds──────┘
//! ```
//!
//! While it is paused operations fail at once, without a system call. Failures of operations that began before the pause are one
//! failure.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};
use crate::settings::Settings;

/// The names of failures, as [`ErrorKind::name`] has them.
const KINDS: [&str; 9] =
    ["connect", "slow", "busy", "broken", "garbage", "unknown", "refused", "too-large", "paused"];

#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Failures since the last success.
    failed: u32,
    until: Option<Instant>,
    /// Grows with every pause.
    epoch: u64,
    operations: u64,
    failures: [u64; KINDS.len()],
    last_error: Option<String>,
}

/// An operation that was let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    epoch: u64,
}

impl Health {
    /// Lets an operation through, or says how long the server is still left alone.
    pub(crate) fn admit(&mut self, settings: &Settings) -> Result<Admitted, Duration> {
        let now = Instant::now();
        match self.until {
            Some(until) if until > now => return Err(until.duration_since(now)),
            // This one tries. Should it be dropped halfway, another does after this time.
            Some(_) => self.until = Some(now + settings.timeout),
            None => {}
        }
        Ok(Admitted { epoch: self.epoch })
    }

    pub(crate) fn succeeded(&mut self) {
        self.operations += 1;
        self.failed = 0;
        self.until = None;
    }

    pub(crate) fn failed(&mut self, admitted: Admitted, error: &Error, settings: &Settings) {
        self.count(error);
        if !error.kind().pauses() || admitted.epoch != self.epoch {
            return;
        }
        self.epoch += 1;
        self.until = Some(Instant::now() + pause(self.failed, settings));
        self.failed = self.failed.saturating_add(1);
    }

    /// Counts a failure that says nothing about the server's health.
    pub(crate) fn count(&mut self, error: &Error) {
        self.operations += 1;
        let names = KINDS.iter().zip(&mut self.failures);
        for (_, count) in names.filter(|(name, _)| **name == error.kind().name()) {
            *count += 1;
        }
        if !matches!(error.kind(), ErrorKind::Paused(_)) {
            self.last_error = Some(error.to_string());
        }
    }

    pub(crate) const fn operations(&self) -> u64 {
        self.operations
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.into_iter().zip(self.failures)
    }

    pub(crate) fn paused(&self) -> Option<Duration> {
        let left = self.until?.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then_some(left)
    }

    pub(crate) fn last_error(&self) -> Option<String> {
        self.last_error.clone()
    }
}

/// How long after so many failures before this one: doubled each time, and half to all of it, so that many clients do not come
/// back at the same moment.
fn pause(failed_before: u32, settings: &Settings) -> Duration {
    let doubled = 2_u32.checked_pow(failed_before.min(20)).unwrap_or(u32::MAX);
    let whole = settings.pause.saturating_mul(doubled).min(settings.pause_max);
    let [random, ..] = RandomState::new().hash_one(0_u8).to_le_bytes();
    whole / 2 + whole / 2 * u32::from(random) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> Error {
        Error::new("a:1", kind)
    }

    fn broken() -> Error {
        error(ErrorKind::Broken("it closed it".to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_the_limit_and_end_with_a_success() {
        let settings = Settings { pause_max: Duration::from_secs(3), ..Settings::default() };
        let mut health = Health::default();
        for whole in [500, 1000, 2000, 3000, 3000] {
            let admitted = health.admit(&settings).expect("it is tried");
            health.failed(admitted, &broken(), &settings);
            let left = health.admit(&settings).expect_err("it is left alone").as_millis();
            assert!((whole / 2..=whole).contains(&left), "{left} of {whole}");
            assert_eq!(health.paused().map(|left| left.as_millis()), Some(left));
            tokio::time::advance(Duration::from_millis(3001)).await;
        }
        health.admit(&settings).expect("it is tried");
        assert!(health.admit(&settings).is_err(), "by one only");
        health.succeeded();
        assert_eq!(health.paused(), None);
        let admitted = health.admit(&settings).expect("well again");
        health.failed(admitted, &broken(), &settings);
        assert!(health.paused().is_some_and(|left| left.as_millis() <= 500), "from the start");
    }

    #[tokio::test(start_paused = true)]
    async fn who_tries_and_goes_away_is_followed_by_another() {
        let settings = Settings::default();
        let mut health = Health::default();
        let admitted = health.admit(&settings).expect("well");
        health.failed(admitted, &broken(), &settings);
        tokio::time::advance(settings.pause).await;
        health.admit(&settings).expect("one tries and is dropped");
        tokio::time::advance(settings.timeout).await;
        health.admit(&settings).expect("another tries");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_one_moment_are_one_failure() {
        let settings = Settings::default();
        let mut health = Health::default();
        let admitted = [(); 4].map(|()| health.admit(&settings).expect("well"));
        for admitted in admitted {
            health.failed(admitted, &broken(), &settings);
        }
        assert!(health.paused().is_some_and(|left| left <= settings.pause), "not eightfold");
        assert_eq!(health.failures().find(|(name, _)| *name == "broken"), Some(("broken", 4)));
    }

    #[test]
    fn a_server_that_answers_is_not_left_alone() {
        let settings = Settings::default();
        let mut health = Health::default();
        let admitted = health.admit(&settings).expect("well");
        health.failed(admitted, &error(ErrorKind::Refused("no memory".to_owned())), &settings);
        health.failed(admitted, &error(ErrorKind::Busy(settings.timeout)), &settings);
        assert_eq!(health.paused(), None);
        assert_eq!(health.operations(), 2);
    }

    #[test]
    fn every_kind_of_error_is_counted_under_its_name() {
        let text = String::new;
        let some = Duration::from_secs(1);
        let kinds = [
            ErrorKind::Connect(text()),
            ErrorKind::ConnectSlow(some),
            ErrorKind::Slow(some),
            ErrorKind::Busy(some),
            ErrorKind::Broken(text()),
            ErrorKind::Garbage(text()),
            ErrorKind::Unknown(text()),
            ErrorKind::Refused(text()),
            ErrorKind::TooLarge { bytes: 2, bytes_max: 1 },
            ErrorKind::Paused(some),
        ];
        for kind in kinds {
            assert!(KINDS.contains(&kind.name()), "{kind:?}");
        }
    }
}
