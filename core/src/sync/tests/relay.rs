//! A relay in a hundred lines: what an honest one does, without signatures, disks or time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wire::frame::{Channel, Frame};
use wire::hash::{envelope_id, item_hash, running_hash};
use wire::id::{RunningHash, SpaceHandle, StoreId};
use wire::receipt::{Receipt, ReceiptBody, ReceiptKind};
use wire::refusal::{Reason, Refusal};
use wire::time::Timestamp;

use crate::sync::backlog::epoch_of;

/// One space as the relay keeps it.
#[derive(Default)]
pub(super) struct Log {
    pub(super) items: Vec<Vec<u8>>,
    pub(super) data: Vec<Vec<u8>>,
    pub(super) running: Vec<RunningHash>,
}

impl Log {
    pub(super) fn epoch(&self) -> u32 {
        self.items.len().saturating_sub(1) as u32
    }

    pub(super) fn head(&self) -> RunningHash {
        self.running.last().copied().unwrap_or(RunningHash::ZERO)
    }
}

/// What travels to a client.
#[derive(Debug)]
pub(super) enum Down {
    Frame(Box<Frame>),
    Closed,
}

/// One connection at the relay, and what is on its way to the client.
#[derive(Default)]
pub(super) struct Session {
    /// With the number of control items told last.
    signed_in: BTreeMap<SpaceHandle, u32>,
    tails: BTreeSet<SpaceHandle>,
    /// Push streams that the relay ended and the client has not given up.
    ended: BTreeSet<SpaceHandle>,
    pub(super) down: BTreeMap<Channel, VecDeque<Down>>,
}

impl Session {
    fn put(&mut self, channel: Channel, frame: Frame) {
        self.down.entry(channel).or_default().push_back(Down::Frame(Box::new(frame)));
    }

    fn close(&mut self, channel: Channel) {
        self.down.entry(channel).or_default().push_back(Down::Closed);
    }

    /// The client gave a channel up.
    pub(super) fn cancelled(&mut self, channel: Channel) {
        match channel {
            Channel::Push(sid) => {
                self.ended.remove(&sid);
                self.down.remove(&channel);
            }
            // What is on its way may still arrive.
            Channel::Tail(sid) => drop(self.tails.remove(&sid)),
            Channel::Control | Channel::Request(_) => {}
        }
    }
}

/// The relay and all its connections, by the client's number.
pub(super) struct Relay {
    pub(super) store: StoreId,
    pub(super) logs: BTreeMap<SpaceHandle, Log>,
    pub(super) sessions: BTreeMap<usize, Session>,
    /// So many of the next pushes are refused.
    pub(super) moody: u32,
    pub(super) page_max: usize,
}

impl Relay {
    pub(super) fn new() -> Self {
        Self {
            store: StoreId::from_bytes([1; 16]),
            logs: BTreeMap::new(),
            sessions: BTreeMap::new(),
            moody: 0,
            page_max: 5,
        }
    }

    /// Loses the newest, or everything; `honest` draws a new store id.
    pub(super) fn forget(&mut self, keep_data: usize, keep_items: usize, honest: bool) {
        for log in self.logs.values_mut() {
            log.data.truncate(keep_data);
            log.running.truncate(keep_data);
            log.items.truncate(keep_items);
        }
        self.logs.retain(|_, log| !log.items.is_empty());
        self.sessions.clear();
        if honest {
            let [first, ..] = self.store.to_bytes();
            self.store = StoreId::from_bytes([first.wrapping_add(1); 16]);
        }
    }

    /// Someone pushed all this while nobody was connected.
    pub(super) fn fill(&mut self, sid: SpaceHandle, data: impl Iterator<Item = Vec<u8>>) {
        let log = self.logs.get_mut(&sid).unwrap();
        for envelope in data {
            let n = log.data.len() as u64 + 1;
            log.running.push(running_hash(sid, log.head(), n, envelope_id(&envelope)));
            log.data.push(envelope);
        }
    }

    pub(super) fn receive(&mut self, client: usize, channel: Channel, frame: Frame) {
        let Some(mut session) = self.sessions.remove(&client) else { return };
        match channel {
            Channel::Control => self.control(&mut session, frame),
            Channel::Push(sid) => self.push(&mut session, sid, frame),
            Channel::Request(_) => {
                self.request(&mut session, channel, frame);
                session.close(channel);
            }
            Channel::Tail(_) => panic!("a tail is the relay's stream"),
        }
        self.sessions.insert(client, session);
        self.fan_out();
    }

    fn control(&mut self, session: &mut Session, frame: Frame) {
        let answer = match frame {
            Frame::Hello { .. } => Frame::Welcome { version: 1, store: self.store },
            Frame::Auth { sid, .. } => match self.logs.get(&sid) {
                Some(log) => {
                    session.signed_in.insert(sid, log.items.len() as u32);
                    Frame::SignedIn {
                        sid,
                        n: log.data.len() as u64,
                        running: log.head(),
                        control: log.items.len() as u32,
                        epoch: log.epoch(),
                    }
                }
                None => refused(Reason::AuthBad, 0),
            },
            Frame::Tail { sid, after } => {
                assert!(session.signed_in.contains_key(&sid));
                session.tails.insert(sid);
                session.put(Channel::Tail(sid), Frame::TailStart { sid });
                let log = &self.logs[&sid];
                for (n, envelope) in (1..).zip(&log.data).skip(after as usize) {
                    let envelope = envelope.clone();
                    session.put(Channel::Tail(sid), Frame::Data { n, envelope });
                }
                return;
            }
            other => panic!("{other:?} does not belong on the control stream"),
        };
        session.put(Channel::Control, answer);
    }

    fn push(&mut self, session: &mut Session, sid: SpaceHandle, frame: Frame) {
        if session.ended.contains(&sid) {
            return;
        }
        let Frame::Push { envelope, .. } = frame else { panic!("only pushes go there") };
        assert!(session.signed_in.contains_key(&sid));
        let log = self.logs.get_mut(&sid).unwrap();
        let known = log.data.iter().position(|held| *held == envelope);
        let refusal = if known.is_some() {
            None
        } else if epoch_of(&envelope) != log.epoch() {
            Some(refused(Reason::StaleEpoch, u64::from(log.epoch())))
        } else if self.moody > 0 {
            self.moody -= 1;
            Some(refused(
                if self.moody.is_multiple_of(2) { Reason::Rate } else { Reason::Quota },
                300,
            ))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            session.ended.insert(sid);
            session.put(Channel::Push(sid), refusal);
            return session.close(Channel::Push(sid));
        }
        let id = envelope_id(&envelope);
        let at = known.unwrap_or_else(|| {
            let n = log.data.len() as u64 + 1;
            let running = running_hash(sid, log.head(), n, id);
            log.running.push(running);
            log.data.push(envelope.clone());
            log.data.len() - 1
        });
        let (n, running) = (at as u64 + 1, log.running[at]);
        let receipt = self.receipt(ReceiptKind::Data, sid, (n, running, id.to_bytes()));
        session.put(Channel::Push(sid), Frame::Pushed { receipt });
        for session in self.sessions.values_mut().chain([session]) {
            if session.tails.contains(&sid) && known.is_none() {
                session.put(Channel::Tail(sid), Frame::Data { n, envelope: envelope.clone() });
            }
        }
    }

    fn request(&mut self, session: &mut Session, channel: Channel, frame: Frame) {
        match frame {
            Frame::ControlPull { sid, from } => {
                let items = &self.logs[&sid].items;
                for (idx, item) in (0..).zip(items).skip(from as usize) {
                    session.put(channel, Frame::ControlItem { idx, item: item.clone() });
                }
                session.put(channel, Frame::ControlEnd { next: items.len() as u32 });
            }
            Frame::ControlAppend { sid, idx, item, creation } => {
                if creation.is_some() {
                    self.logs.entry(sid).or_default();
                }
                let hash = item_hash(&item).to_bytes();
                let items = &mut self.logs.get_mut(&sid).unwrap().items;
                if idx as usize == items.len() {
                    items.push(item.clone());
                }
                let answer = if items.get(idx as usize) == Some(&item) {
                    let stated = (u64::from(idx), RunningHash::ZERO, hash);
                    Frame::Appended { receipt: self.receipt(ReceiptKind::Control, sid, stated) }
                } else {
                    refused(Reason::Conflict, items.len() as u64)
                };
                session.put(channel, answer);
            }
            Frame::Pull { sid, after, .. } => {
                let log = &self.logs[&sid];
                let page = (1..).zip(&log.data).skip(after as usize).take(self.page_max);
                for (n, envelope) in page {
                    session.put(channel, Frame::Data { n, envelope: envelope.clone() });
                }
                let (n, running) = (log.data.len() as u64, log.head());
                session.put(channel, Frame::PullEnd { n, running });
            }
            other => panic!("{other:?} is no request of the model"),
        }
    }

    fn receipt(
        &self,
        kind: ReceiptKind,
        sid: SpaceHandle,
        (n, running, id): (u64, RunningHash, [u8; 32]),
    ) -> Receipt {
        let relay_ms = Timestamp::from_millis(0);
        let body = ReceiptBody { kind, sid, store: self.store, n, running, id, relay_ms };
        Receipt { body, index: 0, count: 1, siblings: Vec::new(), signature: [0; 64] }
    }

    /// Tells everyone signed in that there are more control items; tails bring the rest.
    fn fan_out(&mut self) {
        for session in self.sessions.values_mut() {
            for (sid, told) in &mut session.signed_in {
                let Some(log) = self.logs.get(sid) else { continue };
                let (n, control) = (log.data.len() as u64, log.items.len() as u32);
                if control > *told {
                    *told = control;
                    let head = Frame::Head { sid: *sid, n, control };
                    let queue = session.down.entry(Channel::Control).or_default();
                    queue.push_back(Down::Frame(Box::new(head)));
                }
            }
        }
    }
}

fn refused(reason: Reason, argument: u64) -> Frame {
    Frame::Refused { refusal: Refusal { reason, argument } }
}
