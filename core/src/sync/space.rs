//! One space's session on one connection: signed out, being let in, in. Inside, control goes before data.

use core::time::Duration;

use wire::frame::{Channel, Creation, Frame};
use wire::id::{ItemHash, PrincipalKey, SpaceHandle};
use wire::refusal::{Reason, Refusal};
use wire::time::Moment;

use super::backoff::Retry;
use super::control::Control;
use super::lie::Lie;
use super::line::{Line, Question, Route, asked_wait, is_signed_out};
use super::output::{Cursor, Output, Pending, SpaceStart, SpaceStatus};
use super::pull::Pull;
use super::push::Push;

/// How far the relay has let this space in.
#[derive(Debug)]
enum Session {
    /// Not signed in, nothing asked.
    Out,
    /// `SignIn` is out.
    Signing,
    /// Signed, not sent: a tail is being asked for on the same stream.
    Signed { key: PrincipalKey, signature: [u8; 64] },
    /// Sent.
    Asked,
    /// `Create` is out.
    Composing,
    /// The creation is sent.
    Creating { item: ItemHash },
    /// Signed in.
    In,
}

/// All that the engine knows of one space.
#[derive(Debug)]
pub(super) struct Space {
    sid: SpaceHandle,
    may_create: bool,
    created_now: bool,
    /// On this connection the relay said that it does not know it.
    absent: bool,
    session: Session,
    retry: Retry,
    pub(super) control: Control,
    pub(super) pull: Pull,
    pub(super) push: Push,
}

impl Space {
    pub(super) fn new(start: SpaceStart) -> Self {
        Self {
            sid: start.sid,
            may_create: start.created,
            created_now: false,
            absent: false,
            session: Session::Out,
            retry: Retry::default(),
            control: Control::new(&start),
            pull: Pull::new(start.sid, start.cursor),
            push: Push::new(start.sid, start.reseeding),
        }
    }

    /// Does all that can be done now.
    pub(super) fn step(&mut self, line: &mut Line) {
        match self.session {
            Session::Out if self.retry.is_ready(line.now) => {
                self.session = Session::Signing;
                line.put(Output::SignIn { sid: self.sid });
            }
            Session::Signed { key, signature } if line.may_sign_in() => {
                self.session = Session::Asked;
                let frame = Frame::Auth { sid: self.sid, key, signature };
                line.question(Question::SignIn(self.sid), frame);
            }
            Session::In => self.step_inside(line),
            Session::Out
            | Session::Signing
            | Session::Signed { .. }
            | Session::Asked
            | Session::Composing
            | Session::Creating { .. } => {}
        }
    }

    fn step_inside(&mut self, line: &mut Line) {
        self.control.step(line);
        self.pull.step(&mut self.control, line);
        if self.pull.take_forgot() {
            self.push.hold_for_reseeding();
            self.control.doubt();
        }
        // What the relay holds is known first: among it may be what this very device wrote and does not know of.
        let may_push = self.control.may_push() && self.pull.is_said();
        self.push.step(may_push, self.control.epoch(), line);
        // A newer epoch among what was to be handed over asks for the control log first.
        self.control.step(line);
    }

    /// The owner signed.
    pub(super) fn sign(&mut self, key: PrincipalKey, signature: [u8; 64]) {
        if matches!(self.session, Session::Signing) {
            self.session = Session::Signed { key, signature };
        }
    }

    /// The owner composed the creation.
    pub(super) fn create(&mut self, item: Vec<u8>, creation: Creation, line: &mut Line) {
        if matches!(self.session, Session::Composing) {
            self.session = Session::Creating { item: wire::hash::item_hash(&item) };
            self.created_now = true;
            let creation = Some(creation);
            let frame = Frame::ControlAppend { sid: self.sid, idx: 0, item, creation };
            line.request(Route::Create(self.sid), frame);
        }
    }

    /// The owner stored control items.
    pub(super) fn control_stored(&mut self, count: u32, head: ItemHash, epoch: u32) {
        // Whoever holds the first item can bring the space back to a relay that forgot it.
        self.may_create |= count > 0;
        if self.control.stored(count, head, epoch) {
            self.push.retry_now();
        }
    }

    /// The owner replaced the outbox.
    pub(super) fn set_outbox(&mut self, outbox: Vec<Pending>) {
        self.push.replace(outbox, self.pull.was_level());
    }

    /// The relay let us in; `head` is where its log stands.
    pub(super) fn signed_in(&mut self, head: Cursor, control: u32) {
        self.session = Session::In;
        self.absent = false;
        self.retry.reset();
        self.control.told(control, head.store);
        self.pull.told(head);
    }

    /// The relay has more than it said.
    pub(super) fn head(&mut self, n: u64, control: u32) {
        if matches!(self.session, Session::In) {
            self.control.heard(control);
            self.pull.heard(n);
        }
    }

    pub(super) fn sign_in_refused(&mut self, refusal: Refusal, line: &mut Line) {
        if refusal.reason == Reason::AuthBad && self.may_create && !self.created_now {
            self.session = Session::Composing;
            line.put(Output::Create { sid: self.sid });
        } else {
            self.absent = refusal.reason == Reason::AuthBad && !self.may_create;
            self.rest(refusal, line);
        }
    }

    /// Nothing of it is here, and the relay, asked on this connection, does not know it.
    pub(super) const fn is_absent(&self) -> bool {
        self.absent
    }

    pub(super) fn tail_refused(&mut self, refusal: Refusal, line: &mut Line) {
        self.pull.tail_lost(asked_wait(refusal), line);
        self.refused(refusal, line);
    }

    /// A frame on the push or tail stream.
    pub(super) fn stream_frame(
        &mut self,
        channel: Channel,
        frame: Frame,
        line: &mut Line,
    ) -> Result<(), Lie> {
        if !matches!(self.session, Session::In) {
            // Sent before the relay knew that the stream is given up.
            return Ok(());
        }
        match (channel, frame) {
            (Channel::Push(_), Frame::Pushed { receipt }) => {
                let body = receipt.body;
                self.push.pushed(receipt, line)?;
                self.pull.claimed(&body, line)
            }
            (Channel::Push(_), Frame::Refused { refusal }) => {
                let first = self.push.refused(refusal, line)?;
                if refusal.reason == Reason::StaleEpoch {
                    self.control.look();
                }
                if first {
                    self.refused(refusal, line);
                }
                Ok(())
            }
            (Channel::Tail(_), Frame::TailStart { .. }) => self.pull.tail_started(line),
            (Channel::Tail(_), Frame::Refused { refusal }) => {
                self.tail_refused(refusal, line);
                Ok(())
            }
            (Channel::Tail(_), Frame::Data { n, envelope }) => {
                self.pull.tail_data(n, envelope, line)
            }
            (_, _) => Err(Lie::Unasked),
        }
    }

    /// A frame that answers a request.
    pub(super) fn answer(
        &mut self,
        (request, route): (u64, Route),
        frame: Frame,
        line: &mut Line,
    ) -> Result<(), Lie> {
        match (route, frame) {
            (_, Frame::Refused { refusal }) => {
                line.requests.remove(&request);
                self.request_refused(route, refusal, line);
                Ok(())
            }
            (Route::Control(_), Frame::ControlItem { idx, item }) => {
                self.control.item(idx, item, line)
            }
            (Route::Control(_), Frame::ControlEnd { next }) => {
                line.requests.remove(&request);
                self.control.end(next)
            }
            (Route::Append(_), Frame::Appended { receipt }) => {
                line.requests.remove(&request);
                self.control.appended(receipt, line)
            }
            (Route::Create(_), Frame::Appended { receipt }) => {
                line.requests.remove(&request);
                let Session::Creating { item } = self.session else { return Err(Lie::Unasked) };
                if receipt.body.id != item.to_bytes() || receipt.body.sid != self.sid {
                    return Err(Lie::Receipt);
                }
                self.session = Session::Out;
                line.put(Output::ControlAppended { sid: self.sid, receipt });
                Ok(())
            }
            (Route::Page(_), Frame::Data { n, envelope }) => self.pull.page_data(n, envelope, line),
            (Route::Page(_), Frame::PullEnd { n, running }) => {
                line.requests.remove(&request);
                self.pull.page_end(n, running, line)
            }
            (Route::Again(_), Frame::Data { n, envelope }) => self.pull.again.data(n, envelope),
            (Route::Again(_), Frame::PullEnd { .. }) => {
                line.requests.remove(&request);
                self.pull.again.end()
            }
            (_, _) => Err(Lie::Unasked),
        }
    }

    fn request_refused(&mut self, route: Route, refusal: Refusal, line: &mut Line) {
        if refusal.reason == Reason::Conflict && matches!(route, Route::Append(_)) {
            self.control.conflict(refusal.argument, line);
            return;
        }
        self.request_failed(route, asked_wait(refusal), line);
        self.refused(refusal, line);
    }

    /// A request ended without its answer.
    pub(super) fn request_failed(&mut self, route: Route, at_least: Duration, line: &mut Line) {
        match route {
            Route::Control(_) | Route::Append(_) => self.control.failed(at_least, line),
            Route::Page(_) => self.pull.page_failed(at_least, line),
            Route::Again(_) => self.pull.again.failed(at_least, line),
            Route::Create(_) => {
                self.session = Session::Out;
                self.created_now = false;
                self.retry.failed(line.now, at_least, &mut line.jitter);
            }
            Route::Ask { .. } => {}
        }
    }

    /// The relay ended the push or the tail stream.
    pub(super) fn closed(&mut self, channel: Channel, line: &mut Line) {
        match channel {
            Channel::Push(_) => self.push.closed(line),
            Channel::Tail(_) => self.pull.tail_lost(Duration::ZERO, line),
            Channel::Control | Channel::Request(_) => {}
        }
    }

    /// Says why to the owner, and signs in anew if the relay no longer knows us.
    fn refused(&mut self, refusal: Refusal, line: &mut Line) {
        if is_signed_out(refusal) && matches!(self.session, Session::In) {
            self.leave(line);
            self.rest(refusal, line);
        } else {
            line.put(Output::Refused { sid: Some(self.sid), refusal });
        }
    }

    fn rest(&mut self, refusal: Refusal, line: &mut Line) {
        self.session = Session::Out;
        self.retry.failed(line.now, asked_wait(refusal), &mut line.jitter);
        line.put(Output::Refused { sid: Some(self.sid), refusal });
    }

    /// Gives up all that is under way at the relay.
    fn leave(&mut self, line: &mut Line) {
        let ours = |route: &Route| route.sid() == Some(self.sid);
        let open: Vec<u64> =
            line.requests.iter().filter(|(_, route)| ours(route)).map(|(id, _)| *id).collect();
        for request in open {
            line.cancel_request(request);
        }
        for channel in [Channel::Push(self.sid), Channel::Tail(self.sid)] {
            line.put(Output::Cancel { channel });
        }
        line.give_up(Question::Tail(self.sid));
        self.control.cut();
        self.pull.cut();
        self.push.cut();
    }

    /// The space is removed while the connection stays.
    pub(super) fn close(&mut self, line: &mut Line) {
        line.give_up(Question::SignIn(self.sid));
        if line.up && !matches!(self.session, Session::Out | Session::Signing) {
            self.leave(line);
        }
    }

    /// The connection is gone.
    pub(super) fn cut(&mut self) {
        self.session = Session::Out;
        self.created_now = false;
        self.absent = false;
        self.control.cut();
        self.pull.cut();
        self.push.cut();
    }

    /// Someone waits.
    pub(super) fn hurry(&mut self) {
        if matches!(self.session, Session::Signing | Session::Composing) {
            // The owner could not answer then; perhaps now.
            self.session = Session::Out;
        }
        self.retry.reset();
        self.control.hurry();
        self.pull.hurry();
        self.push.retry_now();
    }

    /// Whether the relay owes an answer outside of requests and questions.
    pub(super) fn is_owed(&self) -> bool {
        matches!(self.session, Session::In) && (self.push.is_owed() || self.pull.is_owed())
    }

    pub(super) fn is_idle(&self, live: bool) -> bool {
        matches!(self.session, Session::In)
            && self.control.is_level()
            && self.pull.is_level(live)
            && self.push.is_empty()
    }

    pub(super) fn status(&self) -> SpaceStatus {
        let signed_in = matches!(self.session, Session::In);
        SpaceStatus {
            signed_in,
            outbox: self.push.len(),
            caught_up: signed_in && self.control.is_level() && self.pull.is_stored(),
            behind: self.pull.behind(),
        }
    }

    /// When a wait of this space ends.
    pub(super) fn timeout(&self, now: Moment) -> Option<Moment> {
        match self.session {
            Session::Out => self.retry.timeout(now),
            Session::In => {
                [self.control.timeout(now), self.pull.timeout(now), self.push.timeout(now)]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Session::Signing
            | Session::Signed { .. }
            | Session::Asked
            | Session::Composing
            | Session::Creating { .. } => None,
        }
    }
}
