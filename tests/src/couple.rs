//! Two people and their devices in a world: pairing as people do it, each typing what the other's phone shows.

use crate::world::{DeviceIndex, World};
use reknit_core::client::{Answer, Command, Error, Invited, Notice, Whom};
use reknit_core::model::person::Name;
use std::path::PathBuf;
use std::time::Duration;

/// How long a pairing may take in the worst weather.
const PAIRING: Duration = Duration::from_mins(10);

impl World {
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
        self.execute(device, Command::UseRelay(line)).expect("a relay is set");
        self.set_online(device, true);
        device
    }

    /// Pairs two devices: the inviter's person and the joiner's type the numbers. True if both say so.
    pub fn pair(&mut self, inviter: DeviceIndex, joiner: DeviceIndex, whom: Whom) -> bool {
        let invited = self.execute(inviter, Command::Invite { whom, digits: false });
        let Ok(Answer::Invitation { code }) = invited else { return false };
        if self.execute(joiner, Command::Join(Invited::Code(code))).is_err() {
            return false;
        }
        let mut paired = [false; 2];
        let mut shown = [None, None];
        let mut asked = [false; 2];
        let devices = [inviter, joiner];
        let done = self.run_until(PAIRING, |world| {
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
            }
            for (side, device) in devices.into_iter().enumerate() {
                if let (true, Some(number)) = (asked[side], shown[1 - side].clone()) {
                    asked[side] = false;
                    let typed = world.execute(device, Command::TypeNumber(number));
                    assert!(matches!(typed, Ok(_) | Err(Error::Pairing { .. })));
                }
            }
            ended || paired == [true; 2]
        });
        let both = done && paired == [true; 2];
        if both {
            self.tally.pairings += 1;
        }
        both
    }
}
