//! The hub: one task that owns the protocol. It moves events in and outputs out, and decides nothing.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use wire::refusal::{Reason, Refusal};

use crate::{
    clock::Clock,
    connection::link::{Command, Link, Upward},
    job::Failure,
    protocol::{ConnectionId, Now, Output, Relay},
    writer::{Done, Job, Jobs},
};

/// Events taken before outputs are carried out. Together they make fewer and fuller commits.
const EVENTS_AT_ONCE: usize = 256;
/// How long requests may take to finish when the relay stops.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// After a stop the relay is done when nothing has come for so long.
const QUIET_TIME: Duration = Duration::from_millis(200);

/// The storage is gone, or must not be trusted any more.
#[derive(Debug)]
struct Broken;

/// Why the hub ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HubEnd {
    /// It was told to stop.
    Stopped,
    /// The database cannot be trusted any more: only a restart can tell what it holds.
    Broken,
}

/// Everything the relay knows while it runs.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) relay: Relay,
    pub(crate) events: mpsc::Receiver<Upward>,
    pub(crate) jobs: Jobs,
    pub(crate) links: BTreeMap<ConnectionId, Link>,
    pub(crate) clock: Clock,
}

impl Hub {
    /// Runs until `stopping`, and then until what was begun is answered.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) -> HubEnd {
        let end = tokio::select! {
            end = self.turn_until_broken() => end,
            _ = stopping.wait_for(|stopping| *stopping) => HubEnd::Stopped,
        };
        if end == HubEnd::Stopped {
            self.relay.stop(self.now());
            // Late answers are no loss: what was not confirmed is sent again.
            drop(timeout(STOP_TIME_MAX, self.settle()).await);
        }
        for link in self.links.values() {
            let refusal = Refusal::plain(Reason::Away);
            // A link that takes no more closes all the same when the hub is dropped.
            let _stuck = link.send(Command::Close { refusal });
        }
        end
    }

    async fn turn_until_broken(&mut self) -> HubEnd {
        while self.turn().await.is_ok() {}
        HubEnd::Broken
    }

    /// Ends when nothing has happened for a moment, and nothing waits for the disk.
    async fn settle(&mut self) {
        loop {
            match timeout(QUIET_TIME, self.turn()).await {
                Ok(Err(Broken)) => return,
                Err(_) if self.relay.is_settled() => return,
                Ok(Ok(())) | Err(_) => {}
            }
        }
    }

    /// Waits for one event and carries out what follows from it. Cancelling it loses nothing.
    async fn turn(&mut self) -> Result<(), Broken> {
        self.carry_out_all()?;
        let wake = self.relay.poll_timeout().map(|wake| wake.since(self.clock.moment()));
        tokio::select! {
            Some(event) = self.events.recv() => self.take(event),
            done = self.jobs.results.recv() => self.finish(done.ok_or(Broken)?)?,
            () = sleep(wake.unwrap_or(Duration::MAX)) => self.relay.handle_timeout(self.now()),
        }
        for _ in 0..EVENTS_AT_ONCE {
            let Ok(event) = self.events.try_recv() else { break };
            self.take(event);
        }
        self.carry_out_all()
    }

    fn carry_out_all(&mut self) -> Result<(), Broken> {
        while let Some(output) = self.relay.poll_output() {
            self.carry_out(output)?;
        }
        Ok(())
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn take(&mut self, event: Upward) {
        let now = self.now();
        match event {
            Upward::Connected { conn, link, prefix, exporter } => {
                self.links.insert(conn, link);
                self.relay.handle_connected(conn, prefix, exporter, now);
            }
            Upward::Frame { conn, stream, frame, room } => {
                self.relay.handle_frame(conn, stream, frame, now);
                drop(room);
            }
            Upward::BadFrame { conn, error } => self.relay.handle_bad_frame(conn, error, now),
            Upward::Skipped { conn, frames } => self.relay.handle_skipped(conn, frames, now),
            Upward::StreamFinished { conn, stream } => {
                self.relay.handle_stream_finished(conn, stream, now);
            }
            Upward::StreamClosed { conn, stream } => {
                self.relay.handle_stream_closed(conn, stream, now);
            }
            Upward::Written { conn, stream, weight } => {
                self.relay.handle_written(conn, stream, weight, now);
            }
            Upward::Disconnected { conn } => {
                self.links.remove(&conn);
                self.relay.handle_disconnected(conn, now);
            }
        }
    }

    fn finish(&mut self, done: Done) -> Result<(), Broken> {
        let now = self.now();
        match done {
            Done::Committed(committed) => self.relay.handle_committed(committed, now),
            Done::Failed(failure) => {
                self.relay.handle_commit_failed(failure, now);
                if failure == Failure::Broken {
                    return Err(Broken);
                }
            }
            Done::Found { ticket, answer } => self.relay.handle_answer(ticket, answer, now),
        }
        Ok(())
    }

    fn ask(&self, job: Job) -> Result<(), Broken> {
        if self.jobs.ask(job) { Ok(()) } else { Err(Broken) }
    }

    fn carry_out(&mut self, output: Output) -> Result<(), Broken> {
        let (conn, command) = match output {
            Output::Commit(batch) => return self.ask(Job::Commit(batch)),
            Output::Read { ticket, read } => return self.ask(Job::Read { ticket, read }),
            Output::Send { connection, stream, frame, weight, last } => {
                (connection, Command::Send { stream, frame: Box::new(frame), weight, last })
            }
            Output::OpenTail { connection, stream } => (connection, Command::OpenTail { stream }),
            Output::Finish { connection, stream } => (connection, Command::Finish { stream }),
            Output::Cut { connection, stream } => (connection, Command::Cut { stream }),
            Output::Close { connection, refusal } => (connection, Command::Close { refusal }),
        };
        // Without its link a stuck connection closes, and says so as any other that ends.
        if self.links.get(&conn).is_some_and(|link| link.send(command).is_err()) {
            self.links.remove(&conn);
        }
        Ok(())
    }
}
