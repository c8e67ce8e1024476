//! The one thread that touches the database: commits and reads in the order they were asked for.
//!
//! One commit is under way at a time; what is pushed meanwhile goes into the next one, so that a busy relay pays for
//! few fsyncs and an idle one waits for none.

use std::{sync::mpsc, thread};

use tokio::sync::mpsc as results;

use crate::{
    error::StartError,
    job::{Answer, Batch, Committed, Failure, Read},
    storage::Storage,
};

/// Results that nobody has taken. The thread then waits: it is never far ahead of the hub.
const RESULTS_MAX: usize = 64;

/// What the hub asks for.
#[derive(Debug)]
pub(crate) enum Job {
    /// Make it durable.
    Commit(Batch),
    /// Look it up.
    Read { ticket: u64, read: Read },
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    /// It is durable.
    Committed(Committed),
    /// It is not.
    Failed(Failure),
    /// What was found.
    Found { ticket: u64, answer: Answer },
}

/// The thread. It ends, and the database closes, when the other end of the jobs is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    thread: thread::JoinHandle<()>,
}

/// The hub's end. The protocol bounds what it asks for: one commit, and some reads for each connection.
#[derive(Debug)]
pub(crate) struct Jobs {
    jobs: mpsc::Sender<Job>,
    pub(crate) results: results::Receiver<Done>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// `System`: no more threads.
    pub(crate) fn start(storage: Storage) -> Result<(Self, Jobs), StartError> {
        let (jobs, waiting) = mpsc::channel();
        let (done, results) = results::channel(RESULTS_MAX);
        let thread = thread::Builder::new()
            .name("storage".to_owned())
            .spawn(move || work(storage, &waiting, &done))
            .map_err(|_| StartError::System)?;
        Ok((Self { thread }, Jobs { jobs, results }))
    }

    /// Waits until the database is closed, and its lock free.
    pub(crate) fn join(self) {
        // A panic there was logged by the hook, and the hub has seen the channel close.
        let _panicked = self.thread.join();
    }
}

impl Jobs {
    /// Asks. False: the thread is gone.
    pub(crate) fn ask(&self, job: Job) -> bool {
        self.jobs.send(job).is_ok()
    }
}

fn work(mut storage: Storage, jobs: &mpsc::Receiver<Job>, results: &results::Sender<Done>) {
    while let Ok(job) = jobs.recv() {
        let done = match job {
            Job::Commit(batch) => match storage.commit(batch) {
                Ok(committed) => Done::Committed(committed),
                Err(failure) => Done::Failed(failure),
            },
            Job::Read { ticket, read } => Done::Found { ticket, answer: storage.read(read) },
        };
        if results.blocking_send(done).is_err() {
            return;
        }
    }
}
