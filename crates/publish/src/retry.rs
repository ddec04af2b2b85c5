//! What waits in the outbox is tried again and again, until it is done.

use std::sync::Arc;
use std::time::Duration;

use larder_lookup::Outbox;
use tokio::sync::Notify;

use crate::counts::Counts;
use crate::erase::{Eraser, Failed};
use crate::limits::{RETRY_FIRST, RETRY_MAX};

/// The task.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) eraser: Eraser,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) counts: Arc<Counts>,
    /// Something was kept.
    pub(crate) kept: Arc<Notify>,
}

impl Retry {
    pub(crate) async fn run(self) {
        let mut pause = RETRY_FIRST;
        loop {
            if self.outbox.is_empty() {
                pause = RETRY_FIRST;
                self.kept.notified().await;
            }
            if self.round().await {
                pause = RETRY_FIRST;
            } else {
                tokio::time::sleep(pause).await;
                pause = Duration::min(pause * 2, RETRY_MAX);
            }
        }
    }

    /// Tries everything once. Whether all of it was done.
    async fn round(&self) -> bool {
        let mut all_done = true;
        for (number, _) in self.outbox.waiting() {
            let Some(what) = self.outbox.begin(number) else { continue };
            self.eraser.gate.pass().await;
            let (erasure, failed) = self.eraser.carry_out(&what).await;
            self.counts.erased(erasure.pages);
            let Some(failed) = failed else {
                if let Err(error) = self.outbox.done(number) {
                    tracing::warn!(%error, "the outbox can't be written: a purge will be carried out again");
                }
                tracing::info!(
                    ?what,
                    pages = erasure.pages,
                    "a purge of published pages that waited is done"
                );
                continue;
            };
            self.outbox.put_back(number);
            all_done = false;
            tracing::debug!(?what, ?failed, "a purge of published pages waits on");
            if matches!(failed, Failed::Table(_)) {
                break;
            }
        }
        all_done
    }
}
