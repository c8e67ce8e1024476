//! Where the private space lies, in a small file of its own: a store of which nothing is left can be fetched whole. The
//! shared space is named in the private log.
//!
//! Format 1, sealed under the private key: `sid 32 | space 32 | relay's line (var) | first control item (var)`. The first item
//! of a log never changes; with it, another log is not taken for one's own.

use crate::client::error::Error;
use crate::client::session::unlocked::{Remembered, Session};
use crate::client::space::damage::META_REBUILD;
use crate::client::space::relay::META_RELAY;
use crate::client::space::state::{META_SPACE, Space};
use crate::client::turn::control;
use crate::client::vault::folder::{Place, Unlocked};
use crate::client::vault::identity::HOME_PART;
use crate::crypto::{Home, Random, VaultId, VaultKeys};
use crate::model::id::SpaceId;
use crate::store::{Batch, Table};
use wire::address::AddressLine;
use wire::codec::{DecodeError, Reader, Writer};
use wire::id::SpaceHandle;

const FILE: &str = "home";
const FORMAT: u8 = 1;
const LINE_BYTES_MAX: usize = 512;
const ITEM_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    home: Home,
    relay: Option<AddressLine>,
    item: Vec<u8>,
}

impl Kept {
    fn encode(&self) -> Vec<u8> {
        let mut row = Writer::new();
        row.bytes(self.home.sid.as_bytes()).bytes(self.home.space.as_bytes());
        row.var(self.relay.as_ref().map(ToString::to_string).unwrap_or_default().as_bytes());
        row.var(&self.item);
        row.into_bytes()
    }

    fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        let mut row = Reader::new(row);
        let home = Home {
            sid: SpaceHandle::from_bytes(row.array()?),
            space: SpaceId::from_bytes(row.array()?),
        };
        let line = core::str::from_utf8(row.var(LINE_BYTES_MAX)?).map_err(|_| DecodeError::Form)?;
        let relay = line.parse().ok();
        let item = row.var(ITEM_BYTES_MAX)?.to_vec();
        row.end()?;
        Ok(Self { home, relay, item })
    }
}

impl Session {
    /// Writes down where the private space lies, unless that is written.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) fn remember_home(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let (Place::Folder(_), Some(space)) = (&self.place, self.private.space()) else {
            return Ok(());
        };
        if self.remembered == Remembered::Written(space.relay.clone())
            || space.log.genesis().is_none()
        {
            return Ok(());
        }
        let Some(item) = space.control_item(0)? else { return Ok(()) };
        let now = Kept { home: space.home, relay: space.relay.clone(), item };
        if read(&self.place, &self.keys, self.vault_id)?.as_ref() != Some(&now) {
            let key = self.keys.private.file_key(self.vault_id, HOME_PART);
            self.place.replace(FILE, key.seal(&[], FORMAT, &now.encode(), random))?;
        }
        self.remembered = Remembered::Written(now.relay);
        Ok(())
    }
}

/// Tells a private store that is being rebuilt where its space lies, as far as it does not know.
///
/// # Errors
/// [`Error::Damaged`] if nothing says it: a new space in its place would be another one.
pub(crate) fn recall(unlocked: &mut Unlocked, random: &mut dyn Random) -> Result<(), Error> {
    let store = unlocked.private.store();
    if store.get(Table::Meta, META_REBUILD)?.is_none() {
        return Ok(());
    }
    let has_space = store.get(Table::Meta, META_SPACE)?.is_some();
    let has_relay = store.get(Table::Meta, META_RELAY)?.is_some();
    let item = store.get(Table::Control, &0_u32.to_be_bytes())?.map(|row| row.body);
    let Some(kept) = read(&unlocked.place, &unlocked.keys, unlocked.vault_id)? else {
        let enough = has_space && (item.is_some() || has_relay);
        return if enough { Ok(()) } else { Err(Error::Damaged { code: "store.private" }) };
    };
    let mut batch = Batch::new();
    if !has_space {
        Space::found(&unlocked.private, &mut batch, kept.home, random)?;
    }
    if let Some(relay) = kept.relay.filter(|_| !has_relay) {
        Space::put_relay(&unlocked.private, &mut batch, &relay, random)?;
    }
    // The one on the shelf may be damaged where nothing shows it.
    if item.as_ref() != Some(&kept.item) {
        control::found_with(&mut batch, &kept.item);
    }
    if batch.is_empty() { Ok(()) } else { unlocked.private.commit(batch) }
}

/// What the file says; a damaged one says nothing, and is written anew.
fn read(place: &Place, keys: &VaultKeys, vault: VaultId) -> Result<Option<Kept>, Error> {
    let Some(sealed) = place.read(FILE)? else { return Ok(None) };
    let key = keys.private.file_key(vault, HOME_PART);
    let opened = key.open(&[], FORMAT, &sealed).ok();
    Ok(opened.and_then(|opened| Kept::decode(&opened).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_as_it_was_and_a_part_of_it_says_nothing() {
        let home =
            Home { sid: SpaceHandle::from_bytes([1; 16]), space: SpaceId::from_bytes([2; 16]) };
        let kept = Kept { home, relay: None, item: vec![3; 700] };
        let row = kept.encode();
        assert_eq!(Kept::decode(&row), Ok(kept));
        for len in 0..row.len() {
            assert!(Kept::decode(&row[..len]).is_err(), "{len}");
        }
    }
}
