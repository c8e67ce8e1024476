//! Whose frame it is: from channel and open question to the space that asked.

use core::time::Duration;

use wire::frame::{Channel, Frame};
use wire::id::SpaceHandle;
use wire::refusal::Refusal;
use wire::version::VERSION;

use super::engine::Engine;
use super::lie::Lie;
use super::line::{Question, Route, asked_wait};
use super::output::{Cursor, Output};

/// Frames that may answer one request of the owner: a whole mailbox, several times.
const ASK_FRAMES_MAX: u32 = 64;
/// Spread of the dials after a relay said that it goes away and did not say for how long.
const AWAY_SPREAD: Duration = Duration::from_mins(1);

impl Engine {
    pub(super) fn space_of(&self, channel: Channel) -> Option<SpaceHandle> {
        match channel {
            Channel::Control => None,
            Channel::Push(sid) | Channel::Tail(sid) => Some(sid),
            Channel::Request(request) => self.line.requests.get(&request)?.sid(),
        }
    }

    pub(super) fn dispatch(&mut self, channel: Channel, frame: Frame) -> Result<(), Lie> {
        match channel {
            Channel::Control => self.control_frame(frame),
            Channel::Request(request) => self.request_frame(request, frame),
            Channel::Tail(sid)
                if matches!(frame, Frame::TailStart { .. })
                    && self.line.answered(Question::LateTail(sid)) =>
            {
                self.line.put(Output::Cancel { channel });
                Ok(())
            }
            Channel::Push(sid) | Channel::Tail(sid) => match self.spaces.get_mut(&sid) {
                Some(space) => space.stream_frame(channel, frame, &mut self.line),
                None => Ok(()),
            },
        }
    }

    fn control_frame(&mut self, frame: Frame) -> Result<(), Lie> {
        let line = &mut self.line;
        match (frame, line.questions.front()) {
            (Frame::SignedIn { sid, n, running, control, epoch: _ }, Some(_)) => {
                if line.answered(Question::LateSignIn(sid)) {
                    return Ok(());
                }
                let (true, Some(store)) = (line.answered(Question::SignIn(sid)), line.store) else {
                    return Err(Lie::Unasked);
                };
                if let Some(space) = self.spaces.get_mut(&sid) {
                    space.signed_in(Cursor { store, n, running }, control);
                }
                Ok(())
            }
            (Frame::Head { sid, n, control }, _) => {
                if let Some(space) = self.spaces.get_mut(&sid) {
                    space.head(n, control);
                }
                Ok(())
            }
            (Frame::Welcome { version: VERSION, store }, Some(Question::Hello)) => {
                line.questions.pop_front();
                line.store = Some(store);
                Ok(())
            }
            (Frame::GoAway { refusal }, _) => {
                line.put(Output::Refused { sid: None, refusal });
                let asked = asked_wait(refusal);
                let spread = line.jitter.up_to(AWAY_SPREAD);
                self.drop_link(Some(if asked.is_zero() { spread } else { asked }));
                Ok(())
            }
            (Frame::Refused { refusal }, Some(_)) => {
                self.question_refused(refusal);
                Ok(())
            }
            (_, _) => Err(Lie::Unasked),
        }
    }

    fn question_refused(&mut self, refusal: Refusal) {
        let line = &mut self.line;
        match line.questions.pop_front() {
            Some(Question::SignIn(sid)) => {
                if let Some(space) = self.spaces.get_mut(&sid) {
                    space.sign_in_refused(refusal, line);
                }
            }
            Some(Question::Tail(sid)) => {
                if let Some(space) = self.spaces.get_mut(&sid) {
                    space.tail_refused(refusal, line);
                }
            }
            Some(Question::LateSignIn(_) | Question::LateTail(_)) => {}
            Some(Question::Hello) | None => {
                line.put(Output::Refused { sid: None, refusal });
                self.drop_link(Some(asked_wait(refusal)));
            }
        }
    }

    fn request_frame(&mut self, request: u64, frame: Frame) -> Result<(), Lie> {
        let Some(route) = self.line.requests.get_mut(&request) else { return Ok(()) };
        if let Route::Ask { frames } = route {
            *frames += 1;
            if *frames > ASK_FRAMES_MAX {
                return Err(Lie::TooMuch);
            }
            self.line.put(Output::Answer { request, frame });
            return Ok(());
        }
        let route = *route;
        let space = route.sid().and_then(|sid| self.spaces.get_mut(&sid));
        space.map_or(Ok(()), |space| space.answer((request, route), frame, &mut self.line))
    }

    pub(super) fn request_closed(&mut self, request: u64) {
        let Some(route) = self.line.requests.remove(&request) else { return };
        match route.sid() {
            None => self.line.put(Output::AnswerEnd { request }),
            Some(sid) => {
                if let Some(space) = self.spaces.get_mut(&sid) {
                    space.request_failed(route, Duration::ZERO, &mut self.line);
                }
            }
        }
    }
}
