//! The evidence behind incidents, to be shown to somebody else: signed statements and ciphertexts, and not a word of
//! what anybody wrote.

use crate::client::error::Error;
use crate::client::session::unlocked::Session;
use crate::client::space::quarantine::{ASIDE_NO_KEY, ASIDE_REFUSED};
use crate::client::space::state::Space;
use crate::client::turn::confirmed::{META_CONFIRMED, META_DENIED};
use crate::entry::{Entry, Incident, prove_fork, prove_relay_fork};
use crate::membership::SpaceKind;
use crate::model::id::EntryId;
use crate::store::Table;
use wire::id::EnvelopeId;

/// One incident, with what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    /// In which space.
    pub space: SpaceKind,
    /// What came to light.
    pub incident: Incident,
    /// Bytes that [`verify_proof`](crate::entry::verify_proof) takes, if it can be proved to anybody.
    pub proof: Option<Vec<u8>>,
    /// What else is held: by name, the bytes as received.
    pub pieces: Vec<(&'static str, Vec<u8>)>,
}

impl Session {
    /// Every incident with its evidence.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn evidence(&self) -> Result<Vec<Exhibit>, Error> {
        let mut exhibits = Vec::new();
        for space in self.spaces() {
            for row in space.shelf.prefix(Table::Incidents, &[])? {
                let incident = Incident::decode(&row.body)?;
                let (proof, pieces) = (space.proof_of(&incident)?, space.pieces_of(&incident)?);
                exhibits.push(Exhibit { space: space.kind, incident, proof, pieces });
            }
        }
        Ok(exhibits)
    }
}

impl Space {
    fn proof_of(&self, incident: &Incident) -> Result<Option<Vec<u8>>, Error> {
        match incident {
            Incident::Fork { chain, one, two, .. } => {
                let member = self.log.table().device(chain.device);
                let (Some(one), Some(two)) = (self.entry_of(*one)?, self.entry_of(*two)?) else {
                    return Ok(None);
                };
                Ok(member.map(|it| prove_fork(self.home.space, &it.device, &one, &two)))
            }
            Incident::RelayFork { store, position } => {
                let receipt = |prefix| self.kept_receipt(prefix, *store, *position);
                let (one, two) = (receipt(META_CONFIRMED)?, receipt(META_DENIED)?);
                let relay = self.relay.as_ref().map(|line| line.relay);
                Ok(match (relay, one, two) {
                    (Some(relay), Some(one), Some(two)) => {
                        Some(prove_relay_fork(relay, &one, &two))
                    }
                    (_, _, _) => None,
                })
            }
            Incident::FrontierMismatch { .. }
            | Incident::RefusedEntry { .. }
            | Incident::UnreadableEnvelope { .. }
            | Incident::WaitingRoomFull { .. }
            | Incident::MissingEntry { .. }
            | Incident::VoidOp { .. }
            | Incident::StateMismatch { .. }
            | Incident::BadWrap { .. }
            | Incident::RefusedChange { .. }
            | Incident::RefusedEvent { .. }
            | Incident::RelayReceipt { .. }
            | Incident::RelayHistory { .. }
            | Incident::RelayForgot { .. }
            | Incident::Poison { .. }
            | Incident::DeviceRestored { .. }
            | Incident::DeviceCopied { .. }
            | Incident::StoreDamaged { .. }
            | Incident::CheckDiffers { .. }
            | Incident::DocumentFull { .. }
            | Incident::RecordFull { .. }
            | Incident::Bulk { .. }
            | Incident::AsideFull { .. }
            | Incident::Unlisted { .. }
            | Incident::RelayPrincipals => Ok(None),
        }
    }

    fn pieces_of(&self, incident: &Incident) -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
        let mut pieces = Vec::new();
        match incident {
            Incident::FrontierMismatch { entry, .. }
            | Incident::RefusedChange { entry, .. }
            | Incident::DocumentFull { entry, .. }
            | Incident::RecordFull { entry }
            | Incident::RefusedEvent { entry } => {
                pieces
                    .extend(self.entry_of(*entry)?.map(|entry| ("header", signed_header(&entry))));
            }
            Incident::RefusedEntry { envelope, .. }
            | Incident::UnreadableEnvelope { envelope, .. } => {
                pieces.extend(self.kept_envelope(*envelope)?.map(|bytes| ("envelope", bytes)));
            }
            Incident::VoidOp { idx, .. }
            | Incident::StateMismatch { idx }
            | Incident::BadWrap { idx } => {
                pieces.extend(self.control_item(*idx)?.map(|item| ("control_item", item)));
            }
            Incident::Fork { .. }
            | Incident::RelayFork { .. }
            | Incident::WaitingRoomFull { .. }
            | Incident::MissingEntry { .. }
            | Incident::RelayReceipt { .. }
            | Incident::RelayHistory { .. }
            | Incident::RelayForgot { .. }
            | Incident::Poison { .. }
            | Incident::DeviceRestored { .. }
            | Incident::DeviceCopied { .. }
            | Incident::StoreDamaged { .. }
            | Incident::CheckDiffers { .. }
            | Incident::Bulk { .. }
            | Incident::AsideFull { .. }
            | Incident::Unlisted { .. }
            | Incident::RelayPrincipals => {}
        }
        Ok(pieces)
    }

    fn entry_of(&self, id: EntryId) -> Result<Option<Entry>, Error> {
        if !self.has_entry(id)? {
            return Ok(None);
        }
        let entry = Entry::decode(self.home.space, &self.entry_bytes(id)?);
        Ok(Some(entry.map_err(|_| Error::Damaged { code: "store.entry" })?.peek().clone()))
    }

    /// An envelope that was set aside, sealed as it came.
    fn kept_envelope(&self, id: EnvelopeId) -> Result<Option<Vec<u8>>, Error> {
        let row = self.shelf.store().get(Table::Quarantine, id.as_bytes())?;
        let sealed = row.filter(|row| [ASIDE_REFUSED, ASIDE_NO_KEY].contains(&row.state));
        Ok(sealed.map(|row| row.body))
    }
}

/// Header and voice signature: what an author signed, without what they wrote.
fn signed_header(entry: &Entry) -> Vec<u8> {
    let mut bytes = entry.header.encode();
    bytes.extend_from_slice(entry.voice.as_bytes());
    bytes
}
