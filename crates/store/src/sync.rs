//! Locks and counters that threads meet at: `parking_lot`'s and the standard library's; with the feature `shuttle`, ones
//! whose order a test decides.
//!
//! Whatever takes part in "no page of before a purge after it" takes its locks from here, so that the test of
//! interleavings tries the code that runs.

#[cfg(not(feature = "shuttle"))]
pub use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
#[cfg(feature = "shuttle")]
pub use shuttle::sync::atomic::AtomicU64;
#[cfg(feature = "shuttle")]
pub use shuttle::sync::{MutexGuard, RwLockReadGuard};
#[cfg(not(feature = "shuttle"))]
pub use std::sync::atomic::AtomicU64;
#[cfg(feature = "shuttle")]
pub use tried::{Mutex, RwLock};

/// The same calls as `parking_lot` has, over `shuttle`'s locks. A thread that panics ends the test, so none is poisoned.
#[cfg(feature = "shuttle")]
mod tried {
    use std::sync::PoisonError;

    use shuttle::sync::{self, MutexGuard, RwLockReadGuard, RwLockWriteGuard};

    /// A mutual exclusion.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// Around `value`.
        pub const fn new(value: T) -> Self {
            Self(sync::Mutex::new(value))
        }

        /// Waits for it.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// Without a lock, where there is but one owner.
        pub fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Many readers or one writer.
    #[derive(Debug, Default)]
    pub struct RwLock<T>(sync::RwLock<T>);

    impl<T> RwLock<T> {
        /// Waits until nobody writes.
        pub fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        /// Waits until nobody reads or writes.
        pub fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
