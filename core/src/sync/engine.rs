//! The public face: one connection to one relay, and the spaces that sync over it.
//!
//! Call order: `add_space` and `set_outbox` for every space, `want_online`, then after every call drain
//! `poll_output`, doing each output to its end before the next, and call `handle_timeout` when `poll_timeout` says.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use wire::frame::{Channel, Creation, Frame};
use wire::id::{ItemHash, PrincipalKey, SpaceHandle};
use wire::receipt::ReceiptBody;
use wire::time::Moment;
use wire::version::VERSIONS;

use super::backoff::{GOOD_AFTER, LOST_SPREAD, Retry};
use super::line::{Line, Question, Route};
use super::output::{Cursor, Output, Pending, Profile, SpaceStart, SpaceStatus};
use super::space::Space;

/// A relay that owes an answer this long is given up, and dialed again.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Requests of the owner that wait for a connection or for room.
const ASKS_MAX: usize = 64;
/// Requests of the owner open at once, so that they leave streams for syncing.
const ASKS_OPEN_MAX: usize = 4;

/// Where the connection stands.
#[derive(Debug)]
enum Link {
    /// Nobody wants it.
    Down,
    /// The next dial waits.
    Resting { until: Moment },
    /// `Dial` is out.
    Dialing,
    /// Connected.
    Up { since: Moment },
}

/// Syncs any number of spaces with one relay. Holds no key and reads no plaintext.
#[derive(Debug)]
pub struct Engine {
    pub(super) line: Line,
    pub(super) spaces: BTreeMap<SpaceHandle, Space>,
    link: Link,
    wanted: bool,
    dial: Retry,
    asks: VecDeque<(u64, Frame)>,
    owed_since: Option<Moment>,
}

impl Engine {
    /// An engine that is offline and knows no space. Equal seeds make equal waits.
    pub fn new(seed: u64, profile: Profile) -> Self {
        Self {
            line: Line::new(seed, profile.live),
            spaces: BTreeMap::new(),
            link: Link::Down,
            wanted: false,
            dial: Retry::default(),
            asks: VecDeque::new(),
            owed_since: None,
        }
    }

    /// Foreground or background. A tail that runs is kept.
    pub fn set_profile(&mut self, profile: Profile) {
        self.line.live = profile.live;
        self.settle();
    }

    /// Meets a space; one that is known already is replaced.
    pub fn add_space(&mut self, start: SpaceStart) {
        self.remove_space(start.sid);
        self.spaces.insert(start.sid, Space::new(start));
        self.settle();
    }

    /// Forgets a space and gives up what is under way for it.
    pub fn remove_space(&mut self, sid: SpaceHandle) {
        if let Some(mut space) = self.spaces.remove(&sid) {
            space.close(&mut self.line);
        }
    }

    /// The newest data receipt stored earlier: a relay whose log is shorter or another one there has lost something,
    /// even if the cursor never came that far. For the start; receipts that come later are seen anyway.
    pub fn remember_receipt(&mut self, sid: SpaceHandle, body: &ReceiptBody) {
        self.with(sid, |space, _| space.pull.remember(body));
    }

    /// Replaces the outbox of a space, in the order in which it is to be sent. Also the answer to `Reseal`, and to
    /// `CaughtUp` after `Forgot`.
    pub fn set_outbox(&mut self, sid: SpaceHandle, outbox: Vec<Pending>) {
        self.with(sid, |space, _| space.set_outbox(outbox));
    }

    /// Puts one envelope at the end of the outbox. A key that is there already changes nothing.
    pub fn enqueue(&mut self, sid: SpaceHandle, pending: Pending) {
        self.with(sid, |space, _| space.push.enqueue(pending));
    }

    /// Answers `FetchEnvelope`.
    pub fn give_envelope(&mut self, sid: SpaceHandle, key: u64, envelope: Vec<u8>) {
        self.with(sid, |space, _| space.push.give(key, envelope));
    }

    /// The outbox row is gone: answers a `FetchEnvelope` that crossed a `Sent`, or takes an unsent row back.
    pub fn withdraw(&mut self, sid: SpaceHandle, key: u64) {
        self.with(sid, |space, _| space.push.withdraw(key));
    }

    /// Answers `NeedControl`.
    pub fn give_control(&mut self, sid: SpaceHandle, idx: u32, item: Vec<u8>) {
        self.with(sid, |space, line| space.control.give(idx, item, line));
    }

    /// Appends a control item at `idx`, which must be the number of items stored here. Tried over reconnects until
    /// `ControlAppended` or `ControlConflict`; replaces an earlier one that waits.
    pub fn append(&mut self, sid: SpaceHandle, item: Vec<u8>, idx: u32) {
        self.with(sid, |space, _| space.control.append(idx, item));
    }

    /// Answers `SignIn` with an access key and its signature of this connection.
    pub fn handle_signature(&mut self, sid: SpaceHandle, key: PrincipalKey, signature: [u8; 64]) {
        self.with(sid, |space, _| space.sign(key, signature));
    }

    /// Answers `Create` with control item 0 and the signed list of principals.
    pub fn handle_creation(&mut self, sid: SpaceHandle, item: Vec<u8>, creation: Creation) {
        self.with(sid, |space, line| space.create(item, creation, line));
    }

    /// So many control items are now folded and stored; `head` is the hash of the last, `epoch` the epoch after it.
    pub fn handle_control_stored(
        &mut self,
        sid: SpaceHandle,
        control: u32,
        head: ItemHash,
        epoch: u32,
    ) {
        self.with(sid, |space, _| space.control_stored(control, head, epoch));
    }

    /// A batch and its cursor are stored. A cursor that is not the last one handed out changes nothing.
    pub fn handle_delivered(&mut self, sid: SpaceHandle, cursor: Cursor) {
        self.with(sid, |space, _| space.pull.delivered(cursor));
    }

    /// Delivers again all from position `from_n` up to the cursor: for a gap ticket.
    pub fn pull_again(&mut self, sid: SpaceHandle, from_n: u64) {
        self.with(sid, |space, _| space.pull.again.want(from_n));
    }

    /// Sends a request of the owner on a stream of its own; `Answer` and then `AnswerEnd` name it by the number
    /// returned. Waits for a connection. Above 64 waiting ones it ends unanswered at once.
    pub fn ask(&mut self, frame: Frame) -> u64 {
        let request = self.line.name_request();
        if self.asks.len() < ASKS_MAX {
            self.asks.push_back((request, frame));
        } else {
            self.line.put(Output::AnswerEnd { request });
        }
        self.settle();
        request
    }

    /// Be online from now on: dial at once, forget all waits for it. For the start, and for a network that changed.
    pub fn want_online(&mut self, now: Moment) {
        self.line.now = now;
        self.wanted = true;
        self.dial.reset();
        match self.link {
            Link::Down | Link::Resting { .. } => self.dial_now(),
            Link::Dialing | Link::Up { .. } => {}
        }
        self.settle();
    }

    /// Someone waits: as `want_online`, and waits of single spaces end too, until the connection is lost.
    pub fn sync_now(&mut self, now: Moment) {
        self.line.eager = true;
        for space in self.spaces.values_mut() {
            space.hurry();
        }
        self.want_online(now);
    }

    /// What the owner holds is no longer what this connection was about: hang up, and dial anew at once if wanted.
    pub fn restart(&mut self) {
        let eager = self.line.eager;
        self.drop_link(None);
        if self.wanted {
            self.dial.reset();
            self.want_online(self.line.now);
            self.line.eager = eager;
        }
    }

    /// Be offline: hang up, and dial no more.
    pub fn go_offline(&mut self) {
        self.wanted = false;
        self.drop_link(None);
        self.link = Link::Down;
    }

    /// The dial succeeded.
    pub fn handle_connected(&mut self, now: Moment) {
        self.line.now = now;
        if !self.wanted {
            self.line.put(Output::Hangup);
            return;
        }
        if matches!(self.link, Link::Up { .. }) {
            return;
        }
        self.link = Link::Up { since: now };
        self.line.up = true;
        self.line.question(Question::Hello, Frame::Hello { versions: VERSIONS });
        self.settle();
    }

    /// The dial failed, or the connection is gone. Twice changes nothing.
    pub fn handle_disconnected(&mut self, now: Moment) {
        self.line.now = now;
        self.lost(None);
    }

    /// A frame came. Receipts in it are verified by the caller before.
    pub fn handle_frame(&mut self, channel: Channel, frame: Frame, now: Moment) {
        self.line.now = now;
        if !matches!(self.link, Link::Up { .. }) {
            return;
        }
        self.owed_since = None;
        let sid = self.space_of(channel);
        match self.dispatch(channel, frame) {
            Ok(()) => self.settle(),
            Err(lie) => {
                self.line.put(Output::Lied { sid, lie });
                self.drop_link(Some(Duration::ZERO));
            }
        }
    }

    /// The relay ended a stream, or the connection broke it.
    pub fn handle_channel_closed(&mut self, channel: Channel, now: Moment) {
        self.line.now = now;
        if !matches!(self.link, Link::Up { .. }) {
            return;
        }
        match channel {
            Channel::Control => return self.drop_link(Some(Duration::ZERO)),
            Channel::Request(request) => self.request_closed(request),
            Channel::Push(sid) | Channel::Tail(sid) => {
                if let Some(space) = self.spaces.get_mut(&sid) {
                    space.closed(channel, &mut self.line);
                }
            }
        }
        self.settle();
    }

    /// The time of `poll_timeout` has come. Too early changes nothing.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.line.now = now;
        if let Link::Resting { until } = self.link
            && until <= now
        {
            self.dial_now();
        }
        if self.owed_since.is_some_and(|since| since + ANSWER_WITHIN <= now) {
            self.drop_link(Some(Duration::ZERO));
        }
        self.settle();
    }

    /// What to do next, if anything.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.line.outputs.pop_front()
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Moment> {
        match self.link {
            Link::Down | Link::Dialing => None,
            Link::Resting { until } => Some(until),
            Link::Up { .. } => {
                let owed = self.owed_since.map(|since| since + ANSWER_WITHIN);
                let spaces = self.spaces.values().filter_map(|space| space.timeout(self.line.now));
                spaces.chain(owed).min()
            }
        }
    }

    /// Connected, and for every space: the outbox empty with receipts, control log and data level with the relay and
    /// stored; and no request of the owner is open.
    pub fn is_idle(&self) -> bool {
        self.is_idle_but(None)
    }

    /// As [`Engine::is_idle`], where one space may be awaited: somebody else has yet to make it, and until then it is
    /// enough that the relay was asked and does not know it.
    pub fn is_idle_but(&self, awaited: Option<SpaceHandle>) -> bool {
        matches!(self.link, Link::Up { .. })
            && self.line.outputs.is_empty()
            && self.asks.is_empty()
            && self.line.requests.is_empty()
            && self.line.questions.is_empty()
            && self.spaces.iter().all(|(sid, space)| {
                space.is_idle(self.line.live) || (awaited == Some(*sid) && space.is_absent())
            })
    }

    /// Whether a connection to the relay stands.
    pub const fn is_connected(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    /// Where a space stands; none for one that was never added.
    pub fn status(&self, sid: SpaceHandle) -> Option<SpaceStatus> {
        self.spaces.get(&sid).map(Space::status)
    }

    fn with(&mut self, sid: SpaceHandle, act: impl FnOnce(&mut Space, &mut Line)) {
        if let Some(space) = self.spaces.get_mut(&sid) {
            act(space, &mut self.line);
        }
        self.settle();
    }

    /// Lets every space do what it can do now, and notes whether the relay owes an answer.
    fn settle(&mut self) {
        if !self.line.up {
            self.owed_since = None;
            return;
        }
        for space in self.spaces.values_mut() {
            space.step(&mut self.line);
        }
        self.send_asks();
        let owes = !self.line.questions.is_empty()
            || self.line.requests.values().any(|route| route.sid().is_some())
            || self.spaces.values().any(Space::is_owed);
        self.owed_since = owes.then(|| self.owed_since.unwrap_or(self.line.now));
    }

    fn send_asks(&mut self) {
        let open = |route: &&Route| matches!(route, Route::Ask { .. });
        while self.line.store.is_some()
            && self.line.requests.values().filter(open).count() < ASKS_OPEN_MAX
            && let Some((request, frame)) = self.asks.pop_front()
        {
            self.line.send_request(request, Route::Ask { frames: 0 }, frame);
        }
    }

    fn dial_now(&mut self) {
        self.link = Link::Dialing;
        self.line.put(Output::Dial);
    }

    /// Hangs up if there is something to hang up; `rest` is the least wait before the next dial.
    pub(super) fn drop_link(&mut self, rest: Option<Duration>) {
        let alive = matches!(self.link, Link::Up { .. } | Link::Dialing);
        self.lost(rest);
        if alive {
            self.line.put(Output::Hangup);
        }
    }

    fn lost(&mut self, rest: Option<Duration>) {
        let lasted = match self.link {
            Link::Down | Link::Resting { .. } => return,
            Link::Dialing => Duration::ZERO,
            Link::Up { since } => self.line.now.since(since),
        };
        let (was_good, had_nothing_to_do) = (lasted >= GOOD_AFTER, self.is_idle());
        if was_good {
            self.dial.reset();
        }
        let rest = match rest {
            Some(rest) => rest,
            None if was_good && had_nothing_to_do => self.line.jitter.up_to(LOST_SPREAD),
            None => Duration::ZERO,
        };
        let until = self.dial.failed(self.line.now, rest, &mut self.line.jitter);
        self.link = if self.wanted { Link::Resting { until } } else { Link::Down };
        self.owed_since = None;
        self.line.eager = false;
        self.line.cut();
        for space in self.spaces.values_mut() {
            space.cut();
        }
    }
}
