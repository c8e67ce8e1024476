//! The devices of the demo: each a vault in a folder of its own, driven over real connections.

use crate::demo::story::Trouble;
use crate::output::Output;
use reknit_core::client::{
    Answer, Command, Driver, Invited, Notice, Place, Session, SpaceReport, Whom,
};
use reknit_core::crypto::Unlock;
use reknit_core::environment::SystemRandom;
use reknit_core::membership::SpaceKind;
use reknit_core::model::Event;
use reknit_core::model::id::{DocumentId, EntryId};
use reknit_core::model::person::Name;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use wire::address::AddressLine;

/// A step of the story takes well under a second; a machine that is busy gets a minute.
const STEP_TIME_MAX: Duration = Duration::from_mins(1);
const ZONE: &str = "Europe/London";

/// One device.
#[derive(Debug)]
pub(super) struct Phone {
    /// What it is called in the story.
    pub(super) label: &'static str,
    /// The device itself.
    pub(super) driver: Driver,
}

/// All three: Nora's phone, Ben's phone, Ben's tablet.
#[derive(Debug)]
pub(super) struct Cast(pub(super) [Phone; 3]);

/// Nora's phone.
pub(super) const NORA: usize = 0;
/// Ben's phone.
pub(super) const BEN: usize = 1;
/// Ben's tablet.
pub(super) const TABLET: usize = 2;

impl Phone {
    /// A new vault: of a new person with a name, or of a device that will join one.
    pub(super) fn new(
        label: &'static str,
        name: Option<&str>,
        folder: &Path,
        line: &AddressLine,
    ) -> Result<Self, Trouble> {
        let place = Place::Folder(folder.to_owned());
        let unlock = [Unlock::Secret("a long walk by the sea")];
        let session = match name {
            Some(_) => Session::create(place, &unlock, &mut SystemRandom)?,
            None => Session::create_joining(place, &unlock, &mut SystemRandom)?,
        };
        let mut driver = Driver::new(session, ZONE, true)?;
        driver.keep_sent();
        if let Some(name) = name {
            let name = Name::new(name).map_err(|_| Trouble::Story)?;
            driver.execute(Command::SetName(name))?;
            driver.execute(Command::UseRelay(SpaceKind::Private, line.clone()))?;
        }
        Ok(Self { label, driver })
    }

    /// Says something to the other person.
    pub(super) fn tell(&mut self, event: Event) -> Result<EntryId, Trouble> {
        match self.driver.execute(Command::Tell(event))? {
            Answer::Told(id) => Ok(id),
            Answer::Done | Answer::Document(_) | Answer::Invitation { .. } | Answer::Checked(_) => {
                Err(Trouble::Story)
            }
        }
    }

    /// Starts or changes a document.
    pub(super) fn write(&mut self, command: Command) -> Result<DocumentId, Trouble> {
        match self.driver.execute(command)? {
            Answer::Document(id) => Ok(id),
            Answer::Done | Answer::Told(_) | Answer::Invitation { .. } | Answer::Checked(_) => {
                Err(Trouble::Story)
            }
        }
    }

    fn entries(&self, kind: SpaceKind) -> Option<u64> {
        let report = self.driver.node().session().report().ok()?;
        let space = report.iter().find(|space: &&SpaceReport| space.kind == kind)?;
        (space.unsent == 0 && space.waiting == 0).then_some(space.entries)
    }
}

impl Cast {
    /// Connects everybody and waits until everybody holds the same.
    pub(super) async fn meet(&mut self) -> Result<(), Trouble> {
        for phone in &mut self.0 {
            phone.driver.want_online()?;
        }
        let deadline = Instant::now() + STEP_TIME_MAX;
        while !self.is_level() {
            self.step(deadline).await?;
            for phone in &mut self.0 {
                while phone.driver.poll_notice().is_some() {}
            }
        }
        Ok(())
    }

    /// Takes everybody off the network.
    pub(super) fn part(&mut self) -> Result<(), Trouble> {
        for phone in &mut self.0 {
            phone.driver.go_offline()?;
        }
        Ok(())
    }

    /// Pairs two devices: each person types what the other's screen shows.
    pub(super) async fn pair(
        &mut self,
        (inviter, joiner): (usize, usize),
        whom: Whom,
        out: Output,
    ) -> Result<(), Trouble> {
        let invited =
            self.phone(inviter)?.driver.execute(Command::Invite { whom, digits: false })?;
        let Answer::Invitation { code } = invited else { return Err(Trouble::Story) };
        self.phone(joiner)?.driver.execute(Command::Join(Invited::Code(code)))?;
        let mut shown = [None, None];
        let mut asked = [false; 2];
        let mut paired = [false; 2];
        let deadline = Instant::now() + STEP_TIME_MAX;
        while paired != [true; 2] {
            self.step(deadline).await?;
            for ((device, shown), (asked, paired)) in
                [inviter, joiner].into_iter().zip(&mut shown).zip(asked.iter_mut().zip(&mut paired))
            {
                while let Some(notice) = self.phone(device)?.driver.poll_notice() {
                    match notice {
                        Notice::ShowNumber(number) => *shown = Some(number),
                        Notice::AskNumber => *asked = true,
                        Notice::Paired => *paired = true,
                        Notice::PairingEnded(_) => return Err(Trouble::Story),
                        Notice::Changed(_)
                        | Notice::Sent(_)
                        | Notice::Refused(_)
                        | Notice::RelayForgot
                        | Notice::Bulk(_)
                        | Notice::Incident(_) => {}
                    }
                }
            }
            let [inviter_shows, joiner_shows] = &shown;
            let turns = [(inviter, joiner, joiner_shows), (joiner, inviter, inviter_shows)];
            for ((types, shows, number), asked) in turns.into_iter().zip(&mut asked) {
                if let (true, Some(number)) = (*asked, number) {
                    *asked = false;
                    let (types_label, shows_label) =
                        (self.phone(types)?.label, self.phone(shows)?.label);
                    out.say(&format!(
                        "    {shows_label} shows {number}; it is typed on {types_label}"
                    ))?;
                    let typed = Command::TypeNumber(number.clone());
                    self.phone(types)?.driver.execute(typed)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn phone(&mut self, index: usize) -> Result<&mut Phone, Trouble> {
        self.0.get_mut(index).ok_or(Trouble::Story)
    }

    /// Everything that is here is at the relay, and everybody holds as much.
    fn is_level(&self) -> bool {
        let [nora, ben, tablet] = &self.0;
        let shared = |phone: &Phone| phone.entries(SpaceKind::Shared);
        let idle = |phone: &Phone| phone.driver.node().is_idle();
        let paired = ben.driver.node().session().is_paired();
        let joined = tablet.driver.node().session().has_private();
        let level = !paired || shared(nora) == shared(ben) && shared(nora).is_some();
        let own = !joined
            || ben.entries(SpaceKind::Private) == tablet.entries(SpaceKind::Private)
                && shared(tablet) == shared(ben);
        idle(nora) && idle(ben) && idle(tablet) && level && own
    }

    async fn step(&mut self, deadline: Instant) -> Result<(), Trouble> {
        let [nora, ben, tablet] = &mut self.0;
        tokio::select! {
            done = nora.driver.step() => done?,
            done = ben.driver.step() => done?,
            done = tablet.driver.step() => done?,
            () = sleep_until(deadline) => return Err(Trouble::Slow),
        }
        Ok(())
    }
}
