//! Two people and their devices in a world: pairing as people do it, each typing what the other's phone shows.

use crate::act::word;
use crate::random::Seeded;
use crate::weather::Weather;
use crate::world::{DeviceIndex, World};
use reknit_core::client::{Answer, Command, Error, Invited, Notice, Whom};
use reknit_core::membership::SpaceKind;
use reknit_core::model::person::Name;
use std::path::PathBuf;
use std::time::Duration;

/// How long a pairing may take in the worst weather.
const PAIRING: Duration = Duration::from_mins(10);
/// How long two who have just paired may have something to tell each other.
const REST: Duration = Duration::from_mins(5);

/// Two devices that pair.
#[derive(Debug, Clone, Copy)]
pub struct Meeting {
    /// Who invites.
    pub inviter: DeviceIndex,
    /// Who follows.
    pub joiner: DeviceIndex,
    /// As what.
    pub whom: Whom,
}

impl World {
    /// A world in fair weather with two people who have paired. Their names are words that the checks look for.
    pub fn couple(name: &str, seed: u64) -> (Self, DeviceIndex, DeviceIndex) {
        let mut world = Self::new(name, seed, Weather::FAIR);
        let mut dice = Seeded::new(seed);
        let (nora, ben) = (world.person(&word(&mut dice)), world.person(&word(&mut dice)));
        assert!(world.pair(nora, ben, Whom::Partner));
        assert!(world.run_until_idle(REST));
        (world, nora, ben)
    }

    /// A person's first device, with a name and the world's relay.
    pub fn person(&mut self, name: &str) -> DeviceIndex {
        self.person_in(None, name)
    }

    /// The same in a real folder.
    pub fn person_in(&mut self, folder: Option<PathBuf>, name: &str) -> DeviceIndex {
        let device = self.add_device_in(folder, false);
        let name = Name::new(name).expect("a name");
        self.execute(device, Command::SetName(name)).expect("a name is set");
        let line = self.line().clone();
        self.execute(device, Command::UseRelay(SpaceKind::Private, line)).expect("a relay is set");
        self.set_online(device, true);
        device
    }

    /// Pairs two devices: the inviter's person and the joiner's type the numbers. True if both say so.
    pub fn pair(&mut self, inviter: DeviceIndex, joiner: DeviceIndex, whom: Whom) -> bool {
        self.meet(Meeting { inviter, joiner, whom }, |_| {}).unwrap_or(false)
    }

    /// As [`World::pair`], while `fault` is called at every turn of events and may do what it likes.
    ///
    /// # Errors
    /// Why one of the two cannot begin.
    pub fn meet(
        &mut self,
        meeting: Meeting,
        mut fault: impl FnMut(&mut Self),
    ) -> Result<bool, Error> {
        let Meeting { inviter, joiner, whom } = meeting;
        let devices = [inviter, joiner];
        for device in devices {
            self.devices[device].notices.clear();
        }
        let invited = self.execute(inviter, Command::Invite { whom, digits: false })?;
        let Answer::Invitation { code } = invited else { return Ok(false) };
        self.execute(joiner, Command::Join(Invited::Code(code)))?;
        let mut paired = [false; 2];
        let mut shown = [None, None];
        let mut asked = [false; 2];
        let done = self.run_until(PAIRING, |world| {
            fault(world);
            let mut ended = false;
            for (side, device) in devices.into_iter().enumerate() {
                while let Some(notice) = world.devices[device].notices.pop_front() {
                    match notice {
                        Notice::ShowNumber(number) => shown[side] = Some(number),
                        Notice::AskNumber => asked[side] = true,
                        Notice::Paired => paired[side] = true,
                        Notice::PairingEnded(_) => ended = true,
                        _ => {}
                    }
                }
                ended |= world.devices[device].node.is_none();
            }
            for (side, device) in devices.into_iter().enumerate() {
                if let (true, false, Some(number)) = (asked[side], ended, shown[1 - side].clone()) {
                    asked[side] = false;
                    let typed = world.execute(device, Command::TypeNumber(number));
                    assert!(matches!(typed, Ok(_) | Err(Error::Pairing { .. } | Error::Storage)));
                }
            }
            ended || paired == [true; 2]
        });
        let both = done && paired == [true; 2];
        if both {
            self.tally.pairings += 1;
        } else {
            self.tally.pairings_cut += 1;
            for device in devices {
                if self.devices[device].node.is_some() {
                    self.execute(device, Command::StopPairing).expect("a pairing can be given up");
                }
            }
        }
        Ok(both)
    }
}
