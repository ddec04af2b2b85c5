//! The gate between those who publish and those who purge.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// Publishing goes on inside; a purge only passes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<RwLock<()>>);

/// Somebody publishes.
#[derive(Debug)]
pub(crate) struct Inside(#[expect(dead_code, reason = "held, not used")] OwnedRwLockReadGuard<()>);

impl Gate {
    /// For as long as a page is being laid down.
    pub(crate) async fn enter(&self) -> Inside {
        Inside(Arc::clone(&self.0).read_owned().await)
    }

    /// Waits until everybody who was inside has left. The lock is fair: who comes now waits behind.
    pub(crate) async fn pass(&self) {
        drop(self.0.write().await);
    }
}
