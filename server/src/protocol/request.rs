//! Which frame is answered where: the control stream, requests with and without a sign-in, the mailbox.

use super::admission::{Right, Seat};
use super::limits::{MAIL_WAIT_MAX, READS_WAITING_MAX, STRANGER_BYTES_MAX};
use super::mailbox::{Got, Waiter};
use super::output::{ConnectionId, Now, StreamId};
use super::rate::Rate;
use super::relay::{Relay, prefix_rate, principal_rate, rate_refusal};
use super::session::{Stage, Stream, Use, Wanted};
use core::time::Duration;
use wire::frame::Frame;
use wire::id::{RendezvousId, SpaceHandle};
use wire::limit::PULL_BYTES_MAX;
use wire::refusal::{Reason, Refusal};

/// Streams of one connection that are not answered yet: more than QUIC lets a client open.
const STREAMS_MAX: usize = 256;

impl Relay {
    /// A frame came.
    pub fn handle_frame(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        frame: Frame,
        now: Now,
    ) {
        self.clock = now;
        let rate = self.limits.frames;
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        if let Err(wait) = session.frames.take(rate, 1, now.moment) {
            return self.close(connection, rate_refusal(wait));
        }
        if stream.is_tail() || session.streams.len() > STREAMS_MAX {
            return self.close(connection, Refusal::plain(Reason::Form));
        }
        if stream != StreamId::CONTROL {
            return self.request(connection, stream, frame);
        }
        match (frame, session.stage) {
            (Frame::Hello { versions }, _) => self.hello(connection, versions),
            (_, Stage::Silent) => self.close(connection, Refusal::plain(Reason::AuthRequired)),
            (Frame::Auth { sid, key, signature }, _) => {
                self.sign_in(connection, sid, key, &signature);
            }
            (Frame::Tail { sid, after }, _) => self.tail(connection, sid, after),
            _ => self.close(connection, Refusal::plain(Reason::Form)),
        }
    }

    /// A frame on a stream that the client opened for it.
    pub(super) fn request(&mut self, connection: ConnectionId, stream: StreamId, frame: Frame) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let sid = space_of(&frame);
        let waits = session.held.iter().any(|held| held.stream == stream);
        let seat = sid.and_then(|sid| session.seats.get(&sid).copied());
        if waits || session.stage == Stage::Silent || (sid.is_some() && seat.is_none()) {
            return self.hold(connection, stream, sid, frame);
        }
        if let Frame::Push { sid, envelope } = frame {
            if let Some(seat) = seat {
                self.push(connection, stream, (sid, seat), envelope);
            }
            return;
        }
        if session.streams.contains_key(&stream) {
            // One request a stream: a second one is a client that does not speak this protocol.
            return self.close(connection, Refusal::plain(Reason::Form));
        }
        session.streams.insert(stream, Stream::new(Use::Request));
        match (frame, seat) {
            (Frame::ControlPull { sid, from }, Some(seat)) => {
                let wanted = Wanted::Control { stream, sid, from };
                self.want(connection, (sid, seat), wanted);
            }
            (Frame::Pull { sid, after, max_bytes }, Some(seat)) => {
                let bytes_max = max_bytes.clamp(1, PULL_BYTES_MAX);
                self.want(connection, (sid, seat), Wanted::Pull { stream, sid, after, bytes_max });
            }
            (Frame::Principals { sid }, Some(seat)) => {
                self.principals(connection, stream, sid, seat);
            }
            (Frame::ControlAppend { sid, idx, item, creation: None }, Some(seat)) => {
                self.append_control(connection, stream, (sid, seat), (idx, item));
            }
            (Frame::ControlAppend { sid, item, creation: Some(creation), .. }, _) => {
                if self.stranger_may(connection, stream, item.len()) {
                    self.create(connection, stream, sid, (item, creation));
                }
            }
            (Frame::MailPut { rid, idx, bytes }, _) => {
                self.mail_put(connection, stream, rid, (idx, bytes));
            }
            (Frame::MailGet { rid, from, wait_ms }, _) => {
                let wait = Duration::from_millis(u64::from(wait_ms)).min(MAIL_WAIT_MAX);
                let until = self.clock.moment + wait;
                self.mail_get(rid, Waiter { connection, stream, from, until });
            }
            _ => self.refuse(connection, stream, Refusal::plain(Reason::Form)),
        }
    }

    /// Takes from a principal's rate.
    pub(super) fn charge(
        &mut self,
        who: (SpaceHandle, Seat),
        which: usize,
        rate: Rate,
        cost: u64,
    ) -> Result<(), Refusal> {
        let (key, now) = ((who.0, who.1.slot), self.clock.moment);
        self.principals.take(key, which, rate, (cost, now)).map_err(rate_refusal)
    }

    /// Queues a read of the data or control log.
    fn want(&mut self, connection: ConnectionId, who: (SpaceHandle, Seat), wanted: Wanted) {
        let stream = wanted.stream();
        let control = matches!(wanted, Wanted::Control { .. });
        if who.1.right == Right::Retired && !control {
            return self.refuse(connection, stream, Refusal::plain(Reason::AuthOldKey));
        }
        if let Err(refusal) = self.charge(who, principal_rate::PULLS, self.limits.pulls, 1) {
            return self.refuse(connection, stream, refusal);
        }
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        if session.reads.len() >= READS_WAITING_MAX {
            let refusal = Refusal { reason: Reason::Busy, argument: 1_000 };
            return self.refuse(connection, stream, refusal);
        }
        session.reads.push_back(wanted);
        self.start_read(connection);
    }

    fn principals(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        sid: SpaceHandle,
        seat: Seat,
    ) {
        let space = self.spaces.get(&sid);
        let own = space.and_then(|space| space.facts.principals.get(usize::from(seat.slot)));
        match own {
            Some(own) => {
                let list = vec![*own];
                self.send(connection, stream, Frame::PrincipalKeys { list }, true);
            }
            None => self.refuse(connection, stream, Refusal::plain(Reason::AuthRequired)),
        }
    }

    /// Whether a connection may store so many bytes without a sign-in.
    fn stranger_may(&mut self, connection: ConnectionId, stream: StreamId, bytes: usize) -> bool {
        let Some(session) = self.sessions.get_mut(&connection) else { return false };
        session.pairs = true;
        if session.stage == Stage::Known {
            return true;
        }
        session.stranger_bytes = session.stranger_bytes.saturating_add(bytes);
        let within = session.stranger_bytes <= STRANGER_BYTES_MAX;
        if !within {
            self.refuse(connection, stream, Refusal::plain(Reason::AuthRequired));
        }
        within
    }

    fn mail_put(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        rid: RendezvousId,
        message: (u8, Vec<u8>),
    ) {
        let (idx, bytes) = message;
        if !self.stranger_may(connection, stream, bytes.len()) {
            return;
        }
        let opens = idx == 0 && !self.mail.is_open(rid);
        let (which, rate) = if opens {
            (prefix_rate::MAILBOXES, self.limits.mailboxes)
        } else {
            (prefix_rate::MAIL, self.limits.mail_requests)
        };
        if !self.prefix_may(connection, stream, which, rate) {
            return;
        }
        match self.mail.put(rid, idx, bytes, self.clock.moment) {
            Ok(ready) => {
                self.send(connection, stream, Frame::MailStored { idx }, true);
                for waiter in ready {
                    let mail = self.mail.mail(rid, waiter.from);
                    self.send_mail(waiter.connection, waiter.stream, mail);
                }
            }
            Err(refusal) => self.refuse(connection, stream, refusal),
        }
        self.mail_due = self.mail.next_end();
    }

    fn mail_get(&mut self, rid: RendezvousId, waiter: Waiter) {
        let Waiter { connection, stream, .. } = waiter;
        if !self.stranger_may(connection, stream, 0)
            || !self.prefix_may(connection, stream, prefix_rate::MAIL, self.limits.mail_requests)
        {
            return;
        }
        match self.mail.get(rid, waiter) {
            Ok(Got::Mail(mail)) => self.send_mail(connection, stream, mail),
            Ok(Got::Waits(gone)) => {
                if let Some(gone) = gone {
                    self.send(gone.connection, gone.stream, Frame::MailEnd, true);
                }
            }
            Err(refusal) => self.refuse(connection, stream, refusal),
        }
        self.mail_due = self.mail.next_end();
    }

    fn send_mail(&mut self, connection: ConnectionId, stream: StreamId, mail: Vec<(u8, Vec<u8>)>) {
        for (idx, bytes) in mail {
            self.send(connection, stream, Frame::Mail { idx, bytes }, false);
        }
        self.send(connection, stream, Frame::MailEnd, true);
    }

    pub(super) fn prefix_may(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        which: usize,
        rate: Rate,
    ) -> bool {
        let now = self.clock.moment;
        let Some(session) = self.sessions.get(&connection) else { return false };
        match self.prefixes.take(session.prefix, which, rate, (1, now)) {
            Ok(()) => true,
            Err(wait) => {
                self.refuse(connection, stream, rate_refusal(wait));
                false
            }
        }
    }
}

/// The space that a request needs a sign-in for.
const fn space_of(frame: &Frame) -> Option<SpaceHandle> {
    match frame {
        Frame::ControlPull { sid, .. }
        | Frame::ControlAppend { sid, creation: None, .. }
        | Frame::Pull { sid, .. }
        | Frame::Push { sid, .. }
        | Frame::Principals { sid } => Some(*sid),
        Frame::Hello { .. }
        | Frame::Welcome { .. }
        | Frame::Auth { .. }
        | Frame::SignedIn { .. }
        | Frame::Tail { .. }
        | Frame::TailStart { .. }
        | Frame::Head { .. }
        | Frame::GoAway { .. }
        | Frame::ControlItem { .. }
        | Frame::ControlEnd { .. }
        | Frame::ControlAppend { creation: Some(_), .. }
        | Frame::Appended { .. }
        | Frame::Data { .. }
        | Frame::PullEnd { .. }
        | Frame::Pushed { .. }
        | Frame::PrincipalKeys { .. }
        | Frame::MailPut { .. }
        | Frame::MailStored { .. }
        | Frame::MailGet { .. }
        | Frame::Mail { .. }
        | Frame::MailEnd
        | Frame::Refused { .. } => None,
    }
}
