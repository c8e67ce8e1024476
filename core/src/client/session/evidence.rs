//! The evidence behind incidents, to be shown to somebody else: signed statements and ciphertexts, and not a word of
//! what anybody wrote.

use crate::client::error::Error;
use crate::client::session::unlocked::Session;
use crate::client::space::state::Space;
use crate::client::turn::aside::{ASIDE_NO_KEY, ASIDE_REFUSED};
use crate::client::turn::gather::Turn;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::{Entry, Incident, contradict, prove_fork, prove_relay_fork};
use crate::membership::SpaceKind;
use crate::model::id::EntryId;
use crate::store::{Batch, Table};
use wire::codec::{Reader, Writer};
use wire::id::{EnvelopeId, StoreId};
use wire::receipt::Receipt;

/// Begins the rows of receipts that a relay gave before it forgot, by store and position.
const META_CONFIRMED: &[u8] = b"confirmed";
/// Begins the rows of receipts that contradict one of those.
const META_DENIED: &[u8] = b"denied";
/// Receipts that are kept aside when a relay forgets: more would not say more.
const CONFIRMED_MAX: u64 = 10_000;

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

    fn kept_receipt(
        &self,
        prefix: &[u8],
        store: StoreId,
        position: u64,
    ) -> Result<Option<Receipt>, Error> {
        let row = self.shelf.get(Table::Meta, &receipt_row(prefix, store, position))?;
        let receipt = row.map(|row| Receipt::decode(&mut Reader::new(&row.body))).transpose();
        Ok(receipt?)
    }

    /// Before a relay that forgot confirms anew: what it confirmed before is kept by its place.
    pub(crate) fn keep_confirmed(
        &self,
        batch: &mut Batch,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if self.shelf.store().count(Table::Receipts)? > CONFIRMED_MAX {
            return Ok(());
        }
        for row in self.shelf.prefix(Table::Receipts, &[])? {
            let Ok(receipt) = Receipt::decode(&mut Reader::new(&row.body)) else { continue };
            let at = receipt_row(META_CONFIRMED, receipt.body.store, receipt.body.n);
            self.shelf.put(batch, Place::new(Table::Meta, &at), &row.body, random)?;
        }
        Ok(())
    }
}

impl Turn<'_> {
    /// A receipt came: it must not contradict what the relay confirmed before it forgot.
    pub(crate) fn compare_receipt(
        &mut self,
        receipt: &Receipt,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let (store, position) = (receipt.body.store, receipt.body.n);
        let before = self.space.kept_receipt(META_CONFIRMED, store, position)?;
        if before.is_none_or(|before| !contradict(&before.body, &receipt.body)) {
            return Ok(());
        }
        let mut encoded = Writer::new();
        receipt.encode(&mut encoded);
        let row = receipt_row(META_DENIED, store, position);
        let place = Place::new(Table::Meta, &row);
        self.space.shelf.put(&mut self.batch, place, encoded.as_slice(), random)?;
        self.report(&Incident::RelayFork { store, position }, random)
    }
}

/// Header and voice signature: what an author signed, without what they wrote.
fn signed_header(entry: &Entry) -> Vec<u8> {
    let mut bytes = entry.header.encode();
    bytes.extend_from_slice(entry.voice.as_bytes());
    bytes
}

fn receipt_row(prefix: &[u8], store: StoreId, position: u64) -> Vec<u8> {
    [prefix, store.as_bytes(), &position.to_be_bytes()].concat()
}
