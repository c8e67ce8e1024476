//! What an op does, read from its bytes: Genesis, `AddDevice`, `RemoveDevices`, Rekey, `NewIncarnation`, `Reject`,
//! `JoinSpace`, `Branch`, `Merge`.
//!
//! Every kind has a fixed number. A kind that is not built decodes as [`Action::Unbuilt`]: the op is void.

use super::branch::Branch;
use super::merge::Merge;
use super::op::ActionBytes;
use super::outcome::VoidReason;
use super::table::Cut;
use crate::crypto::{Device, DeviceError, Recovery, Unverified};
use crate::model::id::{DeviceId, EntryId, OpId, PersonId, SpaceId};
use wire::codec::{DecodeError, Reader, Writer};
use wire::id::{PrincipalKey, RelayId, SpaceHandle};
use wire::limit::{ADDRESS_BYTES_MAX, DEVICES_PER_PERSON_MAX};

/// Whether a space belongs to one person or to both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpaceKind {
    /// One person's own.
    Private = 1,
    /// Both persons'.
    Shared = 2,
}

impl SpaceKind {
    /// Its number in the layouts.
    pub const fn number(self) -> u8 {
        match self {
            Self::Private => 1,
            Self::Shared => 2,
        }
    }

    const fn decode(number: u8) -> Result<Self, DecodeError> {
        match number {
            1 => Ok(Self::Private),
            2 => Ok(Self::Shared),
            _ => Err(DecodeError::Form),
        }
    }
}

/// What an op does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Founds the space.
    Genesis(Genesis),
    /// Admits a device of one of its persons.
    AddDevice(AddDevice),
    /// Cuts devices of one person off, and makes a new epoch in the same op.
    RemoveDevices(Vec<RemoveDevice>),
    /// Makes a new epoch and changes nothing else.
    Rekey,
    /// Begins a device's chain anew: it was restored or copied.
    NewIncarnation(NewIncarnation),
    /// Replaces a key that did not arrive: a new epoch, right behind the op that brought that key.
    Reject {
        /// Where that op stands.
        idx: u32,
    },
    /// In a private log: this shared space is mine.
    JoinSpace(JoinSpace),
    /// Makes ops known that stand beside this log.
    Branch(Branch),
    /// Lets such ops count.
    Merge(Merge),
    /// A kind that this program does not know how to judge.
    Unbuilt {
        /// Its number.
        kind: u16,
    },
}

/// The first op of a space.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// One person's or both's.
    pub kind: SpaceKind,
    /// The name that the relay knows.
    pub sid: SpaceHandle,
    /// The relay; zero for a private space made without one.
    pub relay: RelayId,
    /// Where the relay listens; empty if there is none.
    pub address: String,
    /// The pairing transcript; zero in a private space.
    pub th: [u8; 32],
    /// One, or the inviter and the joiner.
    pub persons: Vec<GenesisPerson>,
}

/// A person as the Genesis admits them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenesisPerson {
    /// Who.
    pub person: PersonId,
    /// The public half of their recovery phrase.
    pub recovery: Recovery,
    /// The key that signs in to the relay.
    pub acc: PrincipalKey,
    /// The key for deciding things at the relay.
    pub adm: PrincipalKey,
    /// Their first devices, proofs of possession verified.
    pub devices: Vec<Device>,
}

/// Admits a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddDevice {
    /// Whose it is.
    pub person: PersonId,
    /// The device, proofs of possession verified.
    pub device: Device,
    /// The pairing transcript.
    pub th: [u8; 32],
}

/// Cuts one device off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoveDevice {
    /// Which.
    pub device: DeviceId,
    /// Where its words end: what its person had of it.
    pub cut: Cut,
}

/// Begins a device's chain anew: the old one ends where this says, the next incarnation follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewIncarnation {
    /// Whose chain.
    pub device: DeviceId,
    /// The incarnation that ends.
    pub old: u16,
    /// The last number in it; 0 if nothing was written.
    pub seq: u64,
    /// The last entry in it; zero if nothing was written.
    pub entry: EntryId,
}

/// Pins a shared space in its person's private log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinSpace {
    /// The shared space.
    pub space: SpaceId,
    /// Its name at the relay.
    pub sid: SpaceHandle,
    /// Its Genesis: no other one counts.
    pub genesis: OpId,
    /// Its relay.
    pub relay: RelayId,
    /// Where that listens.
    pub address: String,
}

impl Action {
    /// The number of [`Action::Branch`].
    pub(super) const BRANCH: u16 = 18;
    /// The number of [`Action::Reject`].
    pub(super) const REJECT: u16 = 15;

    /// Reads an action; keys are checked and proofs of possession verified.
    ///
    /// # Errors
    /// [`VoidReason::Layout`] if the payload is not that kind's layout, [`VoidReason::Keys`] if a key in it is not a
    /// sound one, [`VoidReason::Proof`] if a device does not prove that it holds its keys.
    pub fn decode(bytes: &ActionBytes) -> Result<Self, VoidReason> {
        let mut reader = Reader::new(&bytes.payload);
        match bytes.kind {
            1 => Genesis::decode(reader).map(Self::Genesis),
            2 => AddDevice::decode(reader).map(Self::AddDevice),
            3 => decode_removals(reader).map(Self::RemoveDevices),
            4 => Ok(reader.end().map(|()| Self::Rekey)?),
            6 => {
                let anew = NewIncarnation::decode(&mut reader)?;
                Ok(reader.end().map(|()| Self::NewIncarnation(anew))?)
            }
            Self::REJECT => {
                let idx = reader.u32()?;
                Ok(reader.end().map(|()| Self::Reject { idx })?)
            }
            16 => {
                let join = JoinSpace::decode(&mut reader)?;
                Ok(reader.end().map(|()| Self::JoinSpace(join))?)
            }
            Self::BRANCH => Branch::decode(reader).map(Self::Branch),
            19 => Merge::decode(reader).map(Self::Merge),
            kind => Ok(Self::Unbuilt { kind }),
        }
    }

    /// Its number and payload. An unbuilt kind is never written by us: its payload is empty.
    pub fn encode(&self) -> ActionBytes {
        let mut writer = Writer::new();
        let kind = match self {
            Self::Genesis(genesis) => {
                genesis.encode(&mut writer);
                1
            }
            Self::AddDevice(add) => {
                writer.bytes(add.person.as_bytes());
                add.device.encode(&mut writer);
                writer.bytes(&add.th);
                2
            }
            Self::RemoveDevices(removals) => {
                writer.count8(removals.len());
                for RemoveDevice { device, cut } in removals {
                    writer.bytes(device.as_bytes()).u16(cut.inc);
                    writer.u64(cut.seq).bytes(cut.entry.as_bytes());
                }
                3
            }
            Self::Rekey => 4,
            Self::NewIncarnation(anew) => {
                anew.encode(&mut writer);
                6
            }
            Self::Reject { idx } => {
                writer.u32(*idx);
                Self::REJECT
            }
            Self::JoinSpace(join) => {
                join.encode(&mut writer);
                16
            }
            Self::Branch(branch) => {
                branch.encode(&mut writer);
                Self::BRANCH
            }
            Self::Merge(merge) => {
                merge.encode(&mut writer);
                19
            }
            Self::Unbuilt { kind } => *kind,
        };
        ActionBytes { kind, payload: writer.into_bytes() }
    }
}

impl Genesis {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(self.kind.number()).bytes(self.sid.as_bytes()).bytes(self.relay.as_bytes());
        writer.var(self.address.as_bytes()).bytes(&self.th).count8(self.persons.len());
        for person in &self.persons {
            writer.bytes(person.person.as_bytes());
            person.recovery.encode(writer);
            writer.bytes(person.acc.as_bytes()).bytes(person.adm.as_bytes());
            writer.count8(person.devices.len());
            for device in &person.devices {
                device.encode(writer);
            }
        }
    }

    fn decode(mut reader: Reader<'_>) -> Result<Self, VoidReason> {
        let kind = SpaceKind::decode(reader.u8()?)?;
        let sid = SpaceHandle::from_bytes(reader.array()?);
        let relay = RelayId::from_bytes(reader.array()?);
        let address = decode_address(&mut reader)?;
        let th = reader.array()?;
        let count = reader.list8(2, 16 + Recovery::BYTES + 65)?;
        let persons = (0..count)
            .map(|_| UnverifiedPerson::decode(&mut reader))
            .collect::<Result<Vec<_>, _>>()?;
        reader.end()?;
        let persons =
            persons.into_iter().map(UnverifiedPerson::verify).collect::<Result<_, _>>()?;
        Ok(Self { kind, sid, relay, address, th, persons })
    }
}

impl AddDevice {
    fn decode(mut reader: Reader<'_>) -> Result<Self, VoidReason> {
        let person = PersonId::from_bytes(reader.array()?);
        let device = Device::decode(&mut reader)?;
        let th = reader.array()?;
        reader.end()?;
        Ok(Self { person, device: verify_device(device, person)?, th })
    }
}

impl NewIncarnation {
    fn encode(self, writer: &mut Writer) {
        writer.bytes(self.device.as_bytes()).u16(self.old);
        writer.u64(self.seq).bytes(self.entry.as_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (device, old) = (DeviceId::from_bytes(reader.array()?), reader.u16()?);
        let (seq, entry) = (reader.u64()?, EntryId::from_bytes(reader.array()?));
        if (seq == 0) == (entry == EntryId::ZERO) {
            Ok(Self { device, old, seq, entry })
        } else {
            Err(DecodeError::Form)
        }
    }
}

impl JoinSpace {
    /// Appends its payload: in an op, in the member table and in a stored intent alike.
    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.space.as_bytes()).bytes(self.sid.as_bytes());
        writer.bytes(self.genesis.as_bytes()).bytes(self.relay.as_bytes());
        writer.var(self.address.as_bytes());
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            space: SpaceId::from_bytes(reader.array()?),
            sid: SpaceHandle::from_bytes(reader.array()?),
            genesis: OpId::from_bytes(reader.array()?),
            relay: RelayId::from_bytes(reader.array()?),
            address: decode_address(reader)?,
        })
    }
}

/// A person whose layout was read: keys are looked at only once all of the payload is.
struct UnverifiedPerson {
    person: PersonId,
    recovery: Unverified<Recovery>,
    acc: PrincipalKey,
    adm: PrincipalKey,
    devices: Vec<Unverified<Device>>,
}

impl UnverifiedPerson {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let person = PersonId::from_bytes(reader.array()?);
        let recovery = Recovery::decode(reader)?;
        let acc = PrincipalKey::from_bytes(reader.array()?);
        let adm = PrincipalKey::from_bytes(reader.array()?);
        let count = reader.list8(DEVICES_PER_PERSON_MAX, Device::BYTES)?;
        let devices = (0..count).map(|_| Device::decode(reader)).collect::<Result<_, _>>()?;
        Ok(Self { person, recovery, acc, adm, devices })
    }

    fn verify(self) -> Result<GenesisPerson, VoidReason> {
        let Self { person, acc, adm, .. } = self;
        let recovery = self.recovery.check().map_err(|_| VoidReason::Keys)?.into_inner();
        let devices = self.devices.into_iter().map(|device| verify_device(device, person));
        let devices = devices.collect::<Result<_, _>>()?;
        Ok(GenesisPerson { person, recovery, acc, adm, devices })
    }
}

fn verify_device(device: Unverified<Device>, person: PersonId) -> Result<Device, VoidReason> {
    match device.verify(person) {
        Ok(device) => Ok(device.into_inner()),
        Err(DeviceError::Key(_)) => Err(VoidReason::Keys),
        Err(DeviceError::Proof) => Err(VoidReason::Proof),
    }
}

fn decode_removals(mut reader: Reader<'_>) -> Result<Vec<RemoveDevice>, VoidReason> {
    let count = reader.list8(DEVICES_PER_PERSON_MAX, 58)?;
    let removal = |reader: &mut Reader<'_>| -> Result<_, DecodeError> {
        let device = DeviceId::from_bytes(reader.array()?);
        let inc = reader.u16()?;
        let (seq, entry) = (reader.u64()?, EntryId::from_bytes(reader.array()?));
        let is_sound = (seq == 0) == (entry == EntryId::ZERO);
        let removal = RemoveDevice { device, cut: Cut { inc, seq, entry } };
        if is_sound { Ok(removal) } else { Err(DecodeError::Form) }
    };
    let removals = (0..count).map(|_| removal(&mut reader)).collect::<Result<Vec<_>, _>>()?;
    reader.end()?;
    if removals.is_empty() { Err(VoidReason::Layout) } else { Ok(removals) }
}

fn decode_address(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let bytes = reader.var(ADDRESS_BYTES_MAX)?.to_vec();
    String::from_utf8(bytes).map_err(|_| DecodeError::Form)
}
