//! The writer: one task that gathers reports from all connections into shared transactions.
//!
//! A commit costs one wait for the disk whatever it holds, so that ten thousand agents that return at once cost forty
//! commits and not ten thousand. An answer is given only after the commit that holds it.

use crate::Store;
use crate::accept::{Accepted, Outcome};
use crate::error::StoreError;
use tokio::sync::{mpsc, oneshot};

/// Most reports in one transaction.
const GROUP: usize = 256;
/// Reports that wait for their turn; who comes later waits where the connection is, which slows its agent down.
const QUEUE: usize = 1_024;

type Answer = oneshot::Sender<Result<Outcome, StoreError>>;

/// A handle to the writer; cheap to clone. The task ends when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<(Accepted, Answer)>,
}

impl Writer {
    /// Starts the task; must be called inside a tokio runtime.
    #[must_use]
    pub fn start(store: Store) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(run(store, waiting));
        Self { queue }
    }

    /// Takes in a report; returns after the commit that holds it.
    ///
    /// # Errors
    /// When the database fails: then it was not written.
    pub async fn accept(&self, report: Accepted) -> Result<Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue
            .send((report, answer))
            .await
            .map_err(|_| StoreError::Stopped)?;
        answered.await.map_err(|_| StoreError::Stopped)?
    }
}

async fn run(store: Store, mut waiting: mpsc::Receiver<(Accepted, Answer)>) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let (reports, answers): (Vec<Accepted>, Vec<Answer>) = group.drain(..).unzip();
        match store.accept(&reports).await {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // Whoever asked may have gone meanwhile; the report is in.
                    drop(answer.send(Ok(outcome)));
                }
            }
            // One report that the database refuses must not take the others with it.
            Err(error) if !error.is_passing() && reports.len() > 1 => {
                for (answer, report) in answers.into_iter().zip(reports) {
                    let outcome = store.accept(std::slice::from_ref(&report)).await;
                    drop(answer.send(outcome.map(|mut one| one.pop().unwrap_or(Outcome::Unknown))));
                }
            }
            Err(error) => {
                for answer in answers {
                    drop(answer.send(Err(error.clone())));
                }
            }
        }
    }
}
