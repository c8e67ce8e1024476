//! From the first frame to the sign-in: what a stranger may do, and what waits for the sign-in.

use super::admission::{Channel, Seat, is_signed_in, seat};
use super::limits::{HELD_BYTES_MAX, HELD_REQUESTS_MAX, SIGN_IN_WITHIN, STRIKES_MAX};
use super::output::{ConnectionId, Output, StreamId};
use super::relay::{Lookup, Relay, Timer, prefix_rate, rate_refusal};
use super::session::{Held, SignIn, Stage, Use, weight};
use super::space::LiveSpace;
use crate::job::{Read, SpaceFacts};
use core::time::Duration;
use std::collections::VecDeque;
use wire::frame::Frame;
use wire::id::{PrincipalKey, SpaceHandle};
use wire::refusal::{Reason, Refusal};
use wire::version::{VERSIONS, VersionRange};

/// Sign-ins in line on one connection.
const SIGN_INS_MAX: usize = 64;

impl Relay {
    pub(super) fn hello(&mut self, connection: ConnectionId, versions: VersionRange) {
        let store = self.store;
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        if session.stage != Stage::Silent {
            return self.close(connection, Refusal::plain(Reason::Form));
        }
        match VERSIONS.choose(versions) {
            Ok(version) => {
                session.stage = Stage::Stranger;
                self.send(connection, StreamId::CONTROL, Frame::Welcome { version, store }, false);
                self.release(connection, None);
            }
            Err(refusal) => self.close(connection, refusal),
        }
    }

    /// Takes a sign-in into the line. Its signature is checked at once, its space looked up when its turn comes.
    pub(super) fn sign_in(
        &mut self,
        connection: ConnectionId,
        sid: SpaceHandle,
        key: PrincipalKey,
        signature: &[u8; 64],
    ) {
        let (relay, now, rate) = (self.key.id(), self.clock.moment, self.limits.auth_failures);
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        if session.sign_ins.len() >= SIGN_INS_MAX {
            return self.close(connection, Refusal::plain(Reason::Form));
        }
        let allowed = self.prefixes.has(&session.prefix, prefix_rate::AUTH_FAILURES, rate, now);
        let channel = Channel { relay, exporter: &session.exporter };
        let signed = if !allowed {
            Err(rate_refusal(Duration::from_mins(1)))
        } else if is_signed_in(channel, sid, key, signature) {
            Ok(())
        } else {
            Err(Refusal::plain(Reason::AuthBad))
        };
        session.sign_ins.push_back(SignIn { sid, key, signed });
        if session.sign_ins.len() == 1 {
            self.look_up_next(connection);
        }
    }

    fn look_up_next(&mut self, connection: ConnectionId) {
        while let Some(next) = self.sessions.get(&connection).and_then(|s| s.sign_ins.front()) {
            let sid = next.sid;
            match next.signed {
                Ok(()) => {
                    let ticket = self.count();
                    self.lookups.insert(ticket, Lookup::SignIn(connection));
                    self.outputs.push_back(Output::Read { ticket, read: Read::Space { sid } });
                    return;
                }
                Err(refusal) => {
                    self.pop_sign_in(connection);
                    self.sign_in_refused(connection, sid, refusal);
                }
            }
        }
    }

    fn pop_sign_in(&mut self, connection: ConnectionId) -> Option<SignIn> {
        self.sessions.get_mut(&connection).and_then(|session| session.sign_ins.pop_front())
    }

    /// The storage has told what it knows of the space.
    pub(super) fn space_known(
        &mut self,
        connection: ConnectionId,
        facts: Result<Option<SpaceFacts>, Refusal>,
    ) {
        let Some(SignIn { sid, key, .. }) = self.pop_sign_in(connection) else { return };
        match facts {
            Ok(Some(facts)) => match seat(&facts, key) {
                Some(seat) => self.seat(connection, sid, seat, facts),
                None => self.sign_in_refused(connection, sid, Refusal::plain(Reason::AuthBad)),
            },
            Ok(None) => self.sign_in_refused(connection, sid, Refusal::plain(Reason::AuthBad)),
            Err(refusal) => self.sign_in_refused(connection, sid, refusal),
        }
        self.look_up_next(connection);
    }

    fn seat(&mut self, connection: ConnectionId, sid: SpaceHandle, seat: Seat, facts: SpaceFacts) {
        let most = self.limits.connections_per_principal;
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let space = self.spaces.entry(sid).or_insert_with(|| LiveSpace::new(facts.clone()));
        space.learn(facts);
        let others =
            space.seated.iter().filter(|(c, slot)| **c != connection && **slot == seat.slot);
        if others.count() >= most {
            self.prune(sid);
            let refusal = Refusal { reason: Reason::Busy, argument: 10_000 };
            return self.sign_in_refused(connection, sid, refusal);
        }
        space.seated.insert(connection, seat.slot);
        session.seats.insert(sid, seat);
        session.stage = Stage::Known;
        let facts = &space.facts;
        let (n, running, control, epoch) = (facts.n, facts.running, facts.control, facts.epoch);
        let frame = Frame::SignedIn { sid, n, running, control, epoch };
        self.send(connection, StreamId::CONTROL, frame, false);
        self.release(connection, Some(sid));
    }

    fn sign_in_refused(&mut self, connection: ConnectionId, sid: SpaceHandle, refusal: Refusal) {
        let (now, rate) = (self.clock.moment, self.limits.auth_failures);
        let Some(session) = self.sessions.get(&connection) else { return };
        if refusal.reason == Reason::AuthBad {
            let which = prefix_rate::AUTH_FAILURES;
            // The next sign-in asks whether one is left.
            let _: Result<(), Duration> = self.prefixes.take(session.prefix, which, rate, (1, now));
        }
        self.send(connection, StreamId::CONTROL, Frame::Refused { refusal }, false);
        self.refuse_held(connection, Some(sid));
    }

    /// Keeps a request until its sign-in, or Hello, is there.
    pub(super) fn hold(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        sid: Option<SpaceHandle>,
        frame: Frame,
    ) {
        let until = self.clock.moment + SIGN_IN_WITHIN;
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let full = session.held.len() >= HELD_REQUESTS_MAX
            || session.held_bytes() + weight(&frame) > HELD_BYTES_MAX;
        if full {
            return self.strike(connection, stream);
        }
        session.held.push_back(Held { stream, sid, until, frame });
        self.timers.insert((until, Timer::Held(connection)));
    }

    /// Answers what waited for this sign-in, or for Hello.
    fn release(&mut self, connection: ConnectionId, sid: Option<SpaceHandle>) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let all = core::mem::take(&mut session.held);
        let (ready, waiting): (VecDeque<_>, _) = all.into_iter().partition(|held| held.sid == sid);
        session.held = waiting;
        for Held { stream, frame, .. } in ready {
            self.request(connection, stream, frame);
        }
    }

    /// Refuses what waited for this sign-in, or everything that has waited too long.
    pub(super) fn refuse_held(&mut self, connection: ConnectionId, sid: Option<SpaceHandle>) {
        let now = self.clock.moment;
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let all = core::mem::take(&mut session.held);
        let (gone, waiting): (VecDeque<_>, _) = all
            .into_iter()
            .partition(|held| held.until <= now || sid.is_some_and(|sid| held.sid == Some(sid)));
        session.held = waiting;
        let mut streams: Vec<_> = gone.into_iter().map(|held| held.stream).collect();
        streams.dedup();
        for stream in streams {
            self.strike(connection, stream);
        }
    }

    /// Refuses a request for want of a sign-in; the third time the connection is closed.
    pub(super) fn strike(&mut self, connection: ConnectionId, stream: StreamId) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        session.strikes += 1;
        let refusal = Refusal::plain(Reason::AuthRequired);
        let enough = session.strikes >= STRIKES_MAX;
        session.streams.entry(stream).or_insert_with(|| super::session::Stream::new(Use::Request));
        self.refuse(connection, stream, refusal);
        if enough {
            self.close(connection, refusal);
        }
    }
}
