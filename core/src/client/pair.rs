//! temporary
use crate::client::command::{Answer, Invited, Whom};
use crate::client::error::Error;
use crate::client::node::{Node, Now};
use crate::crypto::Random;
use wire::frame::Frame;
use wire::id::SpaceHandle;
use wire::time::Moment;
#[derive(Debug)]
pub(crate) struct Pairing;
impl Pairing {
    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        None
    }
}
impl Node {
    pub(crate) fn invite(
        &mut self,
        _: Whom,
        _: bool,
        _: &Now,
        _: &mut dyn Random,
    ) -> Result<Answer, Error> {
        Ok(Answer::Done)
    }
    pub(crate) fn join(
        &mut self,
        _: Invited,
        _: &Now,
        _: &mut dyn Random,
    ) -> Result<Answer, Error> {
        Ok(Answer::Done)
    }
    pub(crate) fn type_number(&mut self, _: &str, _: &Now) -> Result<Answer, Error> {
        Ok(Answer::Done)
    }
    pub(crate) fn stop_pairing(&mut self) {}
    pub(crate) fn pairing_timeout(&mut self, _: &Now, _: &mut dyn Random) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn pump_pairing(&mut self, _: &Now, _: &mut dyn Random) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn pairing_answer(&mut self, _: u64, _: Frame, _: &Now) {}
    pub(crate) fn pairing_answer_end(&mut self, _: u64) {}
    pub(crate) fn pairing_control(
        &mut self,
        _: SpaceHandle,
        _: &Now,
        _: &mut dyn Random,
    ) -> Result<(), Error> {
        Ok(())
    }
}
