//! What the spaces share: the queue of outputs, the open requests, the questions on the control stream.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use wire::frame::{Channel, Frame};
use wire::id::{SpaceHandle, StoreId};
use wire::refusal::{Reason, Refusal};
use wire::time::Moment;

use super::backoff::Jitter;
use super::output::Output;

/// Requests open at once, of the 16 streams that a relay allows.
const REQUESTS_MAX: usize = 8;

/// What a request stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A control pull.
    Control(SpaceHandle),
    /// A control append.
    Append(SpaceHandle),
    /// The creation of a space.
    Create(SpaceHandle),
    /// A page of the log.
    Page(SpaceHandle),
    /// A page pulled once more.
    Again(SpaceHandle),
    /// A request of the owner, and how many frames have answered it.
    Ask {
        /// Frames so far.
        frames: u32,
    },
}

impl Route {
    /// The space it serves.
    pub(super) const fn sid(self) -> Option<SpaceHandle> {
        match self {
            Self::Control(sid)
            | Self::Append(sid)
            | Self::Create(sid)
            | Self::Page(sid)
            | Self::Again(sid) => Some(sid),
            Self::Ask { .. } => None,
        }
    }
}

/// A frame on the control stream that the relay answers or refuses there. A refusal names no question, so kinds are
/// never mixed: sign-ins in any number, or one tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Hello,
    SignIn(SpaceHandle),
    Tail(SpaceHandle),
    /// As `SignIn`, for a space that was taken off meanwhile: the answer still comes, and nobody waits for it.
    LateSignIn(SpaceHandle),
    /// As `Tail`, given up before it started.
    LateTail(SpaceHandle),
}

/// The connection as the spaces see it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) outputs: VecDeque<Output>,
    pub(super) now: Moment,
    pub(super) jitter: Jitter,
    pub(super) live: bool,
    /// Someone waits for this sync: no polite delays.
    pub(super) eager: bool,
    /// Connected, and the relay greeted.
    pub(super) up: bool,
    /// Known once the relay has greeted back.
    pub(super) store: Option<StoreId>,
    pub(super) requests: BTreeMap<u64, Route>,
    pub(super) questions: VecDeque<Question>,
    next_request: u64,
}

impl Line {
    pub(super) fn new(seed: u64, live: bool) -> Self {
        Self {
            outputs: VecDeque::new(),
            now: Moment::ORIGIN,
            jitter: Jitter::new(seed),
            live,
            eager: false,
            up: false,
            store: None,
            requests: BTreeMap::new(),
            questions: VecDeque::new(),
            next_request: 0,
        }
    }

    /// Queues an output.
    pub(super) fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Names a request that is not sent yet.
    pub(super) const fn name_request(&mut self) -> u64 {
        let request = self.next_request;
        self.next_request = request.wrapping_add(1);
        request
    }

    /// Opens a request of one frame.
    pub(super) fn request(&mut self, route: Route, frame: Frame) -> u64 {
        let request = self.name_request();
        self.send_request(request, route, frame);
        request
    }

    /// Opens a request under a name given before.
    pub(super) fn send_request(&mut self, request: u64, route: Route, frame: Frame) {
        self.requests.insert(request, route);
        self.put(Output::Send { channel: Channel::Request(request), frame, last: true });
    }

    /// Whether one more request may be opened.
    pub(super) fn has_room(&self) -> bool {
        self.requests.len() < REQUESTS_MAX
    }

    /// Gives a request up, if it is open.
    pub(super) fn cancel_request(&mut self, request: u64) {
        if self.requests.remove(&request).is_some() {
            self.put(Output::Cancel { channel: Channel::Request(request) });
        }
    }

    /// Sends a question on the control stream.
    pub(super) fn question(&mut self, question: Question, frame: Frame) {
        self.questions.push_back(question);
        self.put(Output::Send { channel: Channel::Control, frame, last: false });
    }

    /// Whether a sign-in may be sent: no tail is being asked for.
    pub(super) fn may_sign_in(&self) -> bool {
        let is_tail =
            |question: &Question| matches!(question, Question::Tail(_) | Question::LateTail(_));
        !self.questions.iter().any(is_tail)
    }

    /// Whether a tail may be asked for: no question at all is open.
    pub(super) fn may_tail(&self) -> bool {
        self.questions.is_empty()
    }

    /// Takes a question off, wherever it stands. False if it was not open.
    pub(super) fn answered(&mut self, question: Question) -> bool {
        let found = self.questions.iter().position(|open| *open == question);
        found.is_some_and(|at| self.questions.remove(at).is_some())
    }

    /// Nobody waits for the answer to a question any more; that it is due stays known.
    pub(super) fn give_up(&mut self, question: Question) {
        let late = match question {
            Question::SignIn(sid) => Question::LateSignIn(sid),
            Question::Tail(sid) => Question::LateTail(sid),
            Question::Hello | Question::LateSignIn(_) | Question::LateTail(_) => return,
        };
        for open in self.questions.iter_mut().filter(|open| **open == question) {
            *open = late;
        }
    }

    /// The connection is gone, and with it all that was for it.
    pub(super) fn cut(&mut self) {
        self.up = false;
        self.store = None;
        self.questions.clear();
        self.outputs.retain(|output| !is_for_one_connection(output));
        for (request, route) in core::mem::take(&mut self.requests) {
            if matches!(route, Route::Ask { .. }) {
                self.put(Output::AnswerEnd { request });
            }
        }
    }
}

const fn is_for_one_connection(output: &Output) -> bool {
    match output {
        Output::Send { .. }
        | Output::Cancel { .. }
        | Output::SignIn { .. }
        | Output::Create { .. }
        | Output::FetchEnvelope { .. }
        | Output::NeedControl { .. }
        | Output::ControlOther { .. }
        | Output::Reseal { .. }
        | Output::Dial => true,
        Output::Hangup
        | Output::ControlReceived { .. }
        | Output::ControlAppended { .. }
        | Output::ControlConflict { .. }
        | Output::Deliver { .. }
        | Output::Sent { .. }
        | Output::Forgot { .. }
        | Output::CaughtUp { .. }
        | Output::Lied { .. }
        | Output::Answer { .. }
        | Output::AnswerEnd { .. }
        | Output::Refused { .. } => false,
    }
}

/// How long a refusal asks us to wait at least.
pub(super) fn asked_wait(refusal: Refusal) -> Duration {
    let in_millis = [Reason::Rate, Reason::Busy, Reason::Away].contains(&refusal.reason);
    Duration::from_millis(if in_millis { refusal.argument } else { 0 })
}

/// Whether a refusal means that this connection is not signed in for the space (any more).
pub(super) fn is_signed_out(refusal: Refusal) -> bool {
    [Reason::AuthRequired, Reason::AuthBad, Reason::AuthOldKey].contains(&refusal.reason)
}
