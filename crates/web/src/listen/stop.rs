//! The one word that ends everything: no new connections, polls answered now, tasks done.

use tokio::sync::watch;

/// Ends what holds its [`Stop`]s; dropping it does the same.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Waits for the end.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A new pair.
#[must_use]
pub fn stopper() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Ends it.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns when it is to end.
    pub async fn stopped(&self) {
        // An error says that the stopper is gone, which means the same.
        drop(self.0.clone().wait_for(|stopped| *stopped).await);
    }

    /// Whether it is to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
