//! An unlocked vault: identity, the private and the shared space, and what an app may ask of them.

use crate::client::error::Error;
use crate::client::session::home;
use crate::client::session::replace::open_or_replace;
use crate::client::space::card;
use crate::client::space::state::{Loader, META_SPACE, Space};
use crate::client::turn::control;
use crate::client::vault::folder::{Place, Unlocked, Vault};
use crate::client::vault::identity::Identity;
use crate::client::vault::shelf::Shelf;
use crate::crypto::{AccessKeys, Home, Random, RecoveryKeys, Unlock, VaultId, VaultKeys, draw};
use crate::membership::{PrivateGenesis, SpaceKind, private_genesis};
use crate::model::id::SpaceId;
use crate::store::{Batch, Table, VaultLock};
use wire::address::AddressLine;
use wire::id::{RelayId, SpaceHandle};

/// The name that this person chose, until it is told.
pub(crate) const META_NAME: &[u8] = b"name";

/// A shelf, with or without a space on it.
#[derive(Debug)]
pub(crate) enum Slot {
    /// Nothing lies here yet.
    Empty(Shelf),
    /// A space.
    Open(Box<Space>),
    /// Only while one becomes the other.
    Moving,
}

impl Slot {
    pub(crate) fn space(&self) -> Option<&Space> {
        match self {
            Self::Open(space) => Some(space),
            Self::Empty(_) | Self::Moving => None,
        }
    }

    pub(crate) fn space_mut(&mut self) -> Option<&mut Space> {
        match self {
            Self::Open(space) => Some(space),
            Self::Empty(_) | Self::Moving => None,
        }
    }

    fn into_shelf(self) -> Option<Shelf> {
        match self {
            Self::Empty(shelf) => Some(shelf),
            Self::Open(space) => Some(space.shelf),
            Self::Moving => None,
        }
    }
}

/// What this process knows to stand in the file that says where the private space lies.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// It was not looked at.
    #[default]
    Unknown,
    /// The space, without a relay or with this one.
    Written(Option<AddressLine>),
}

/// An unlocked vault.
#[derive(Debug)]
pub struct Session {
    pub(crate) place: Place,
    pub(crate) vault_id: VaultId,
    pub(crate) keys: VaultKeys,
    pub(crate) identity: Identity,
    pub(crate) private: Slot,
    pub(crate) shared: Slot,
    generation: (u64, u64),
    /// With which relay, if any, the private space is written down in a file of its own, once it is.
    pub(crate) remembered: Remembered,
}

impl Session {
    /// Makes a vault for a new person: keys, a private space of their own, and nothing that needs a relay.
    ///
    /// # Errors
    /// As [`Vault::create`].
    pub fn create(
        place: Place,
        unlock: &[Unlock<'_>],
        random: &mut dyn Random,
    ) -> Result<Self, Error> {
        let mut unlocked = Vault::create(place, unlock, false, random)?;
        found_private(&mut unlocked, random)?;
        Self::load(unlocked, random)
    }

    /// Makes a vault for a further device of a person; pairing fills it.
    ///
    /// # Errors
    /// As [`Vault::create`].
    pub fn create_joining(
        place: Place,
        unlock: &[Unlock<'_>],
        random: &mut dyn Random,
    ) -> Result<Self, Error> {
        Self::load(Vault::create(place, unlock, true, random)?, random)
    }

    /// Opens and unlocks the vault at a place.
    ///
    /// # Errors
    /// [`Error::NoVault`], [`Error::WrongSecret`], [`Error::Damaged`].
    pub fn open(place: Place, unlock: Unlock<'_>, random: &mut dyn Random) -> Result<Self, Error> {
        let mut unlocked = Vault::open(place)?.unlock_by(unlock, open_or_replace)?;
        if unlocked.identity.person != crate::model::id::PersonId::ZERO {
            home::recall(&mut unlocked, random)?;
            found_private(&mut unlocked, random)?;
        }
        Self::load(unlocked, random)
    }

    fn load(unlocked: Unlocked, random: &mut dyn Random) -> Result<Self, Error> {
        let Unlocked { place, vault_id, keys, identity, private, shared, turn } = unlocked;
        let mut session = Self {
            place,
            vault_id,
            keys,
            identity,
            private: Slot::Empty(private),
            shared: Slot::Empty(shared),
            generation: (0, 0),
            remembered: Remembered::default(),
        };
        session.load_spaces()?;
        session.fetch_control_again()?;
        session.regain(random)?;
        session.remember_home(random)?;
        session.end_turn()?;
        drop(turn);
        Ok(session)
    }

    pub(crate) fn load_spaces(&mut self) -> Result<(), Error> {
        // Read first: what another process commits while this one loads is news to it.
        let generation = self.generation_now()?;
        let mut mirrored = Vec::new();
        for kind in [SpaceKind::Private, SpaceKind::Shared] {
            if let (SpaceKind::Shared, Some(private)) = (kind, self.private.space()) {
                mirrored = card::space_keys(&private.shelf)?;
            }
            let loader = Loader {
                person: self.identity.person,
                device: self.identity.device(),
                kem: &self.identity.keys.kem,
            };
            let slot = match kind {
                SpaceKind::Private => &mut self.private,
                SpaceKind::Shared => &mut self.shared,
            };
            let Some(shelf) = core::mem::replace(slot, Slot::Moving).into_shelf() else {
                return Err(Error::Damaged { code: "session" });
            };
            *slot = match Space::load(shelf, kind, &loader, core::mem::take(&mut mirrored))? {
                Ok(space) => Slot::Open(Box::new(space)),
                Err(shelf) => Slot::Empty(shelf),
            };
        }
        self.generation = generation;
        Ok(())
    }

    /// Takes the vault for one turn and reloads it if another process changed it. True if it did.
    pub(crate) fn begin_turn(&mut self) -> Result<(Option<VaultLock>, bool), Error> {
        let lock = Unlocked::lock(&self.place)?;
        let closed = matches!(self.private, Slot::Moving) || matches!(self.shared, Slot::Moving);
        let moved = closed || self.generation_now()? != self.generation;
        if moved {
            self.reload()?;
        }
        Ok((lock, moved))
    }

    /// Ends a turn: what this process wrote is not news to it.
    pub(crate) fn end_turn(&mut self) -> Result<(), Error> {
        self.generation = self.generation_now()?;
        Ok(())
    }

    /// Forgets memory and reads all from disk again.
    pub(crate) fn reload(&mut self) -> Result<(), Error> {
        self.identity = Unlocked::read_identity(&self.place, &self.keys, self.vault_id)?;
        // A store is looked at whole, after a failed write, only when nobody has it open.
        (self.private, self.shared) = (Slot::Moving, Slot::Moving);
        let (private, shared) =
            Unlocked::shelves(&self.place, &self.keys, self.vault_id, open_or_replace)?;
        self.private = Slot::Empty(private);
        self.shared = Slot::Empty(shared);
        self.load_spaces()
    }

    fn generation_now(&self) -> Result<(u64, u64), Error> {
        Ok((
            shelf(&self.private)?.store().generation()?,
            shelf(&self.shared)?.store().generation()?,
        ))
    }

    pub(crate) fn loader(identity: &Identity) -> Loader<'_> {
        Loader { person: identity.person, device: identity.device(), kem: &identity.keys.kem }
    }

    pub(crate) fn space_of(&mut self, sid: SpaceHandle) -> Option<&mut Space> {
        if self.private.space().is_some_and(|space| space.home.sid == sid) {
            return self.private.space_mut();
        }
        self.shared.space_mut().filter(|space| space.home.sid == sid)
    }

    /// The open spaces, private first.
    pub(crate) fn spaces(&self) -> impl Iterator<Item = &Space> {
        self.private.space().into_iter().chain(self.shared.space())
    }

    pub(crate) fn private_mut(&mut self) -> Result<&mut Space, Error> {
        self.private.space_mut().ok_or(Error::NoVault)
    }

    /// Where the private space lies, or will.
    pub(crate) fn private_shelf_mut(&mut self) -> Result<&mut Shelf, Error> {
        match &mut self.private {
            Slot::Empty(shelf) => Ok(shelf),
            Slot::Open(space) => Ok(&mut space.shelf),
            Slot::Moving => Err(Error::Damaged { code: "session" }),
        }
    }

    /// The access keys of this person for a space: a function of the first epoch key of the private space.
    pub(crate) fn access_keys(&self, sid: SpaceHandle) -> Option<AccessKeys> {
        let key = self.private.space()?.keyring.get(0)?;
        Some(AccessKeys::derive(key, sid))
    }

    /// Puts an empty space on an empty shelf.
    pub(crate) fn found(
        &mut self,
        kind: SpaceKind,
        home: Home,
        fill: impl FnOnce(&Shelf, &mut Batch, &mut dyn Random) -> Result<(), Error>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let slot = match kind {
            SpaceKind::Private => &mut self.private,
            SpaceKind::Shared => &mut self.shared,
        };
        let mut batch = Batch::new();
        let shelf = match slot {
            Slot::Empty(shelf) => shelf,
            // A space that was awaited and never came gives its place to another one.
            Slot::Open(space) if space.rebuilding => return space.must_be_member(),
            Slot::Open(space) if space.log.genesis().is_none() => {
                for table in Table::ALL {
                    batch.clear(table);
                }
                &mut space.shelf
            }
            Slot::Open(_) | Slot::Moving => return Err(Error::NotAllowed { rule: "pair.already" }),
        };
        Space::found(shelf, &mut batch, home, random)?;
        fill(shelf, &mut batch, random)?;
        shelf.commit(batch)?;
        self.load_spaces()
    }

    /// Writes the identity file.
    pub(crate) fn save_identity(&self, random: &mut dyn Random) -> Result<(), Error> {
        Unlocked::write_identity(&self.place, &self.identity, &self.keys, self.vault_id, random)
    }
}

fn shelf(slot: &Slot) -> Result<&Shelf, Error> {
    match slot {
        Slot::Empty(shelf) => Ok(shelf),
        Slot::Open(space) => Ok(&space.shelf),
        Slot::Moving => Err(Error::Damaged { code: "session" }),
    }
}

/// Makes the private space of a new person, unless it is there: a crash between the vault and its first space is
/// mended at the next opening.
fn found_private(unlocked: &mut Unlocked, random: &mut dyn Random) -> Result<(), Error> {
    let Some(entropy) = &unlocked.identity.recovery else { return Ok(()) };
    let store = unlocked.private.store();
    if store.count(Table::Control)? > 0 || store.get(Table::Meta, META_SPACE)?.is_some() {
        return Ok(());
    }
    let home = Home {
        sid: SpaceHandle::from_bytes(draw(random)),
        space: SpaceId::from_bytes(draw(random)),
    };
    let recovery = RecoveryKeys::from_entropy(entropy);
    let genesis = PrivateGenesis {
        home,
        person: unlocked.identity.person,
        relay: RelayId::ZERO,
        address: "",
        keys: &unlocked.identity.keys,
        recovery: &recovery,
    };
    let founded =
        private_genesis(&genesis, random).map_err(|_| Error::Damaged { code: "genesis" })?;
    let access = AccessKeys::derive(&founded.key, home.sid);
    let mut batch = Batch::new();
    Space::found(&unlocked.private, &mut batch, home, random)?;
    control::found_with(&mut batch, &founded.item);
    unlocked.private.commit(batch)?;
    unlocked.identity.set_access(home.sid, access.acc);
    Unlocked::write_identity(
        &unlocked.place,
        &unlocked.identity,
        &unlocked.keys,
        unlocked.vault_id,
        random,
    )
}
