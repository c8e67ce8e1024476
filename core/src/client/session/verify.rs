//! Proves again, from the stored bytes alone, that nothing in the history was changed: every signature, every link,
//! every order key, every control op.

use crate::client::error::Error;
use crate::client::session::unlocked::Session;
use crate::client::space::card;
use crate::client::space::overlay::Placed;
use crate::client::space::state::Space;
use crate::crypto::Unverified;
use crate::entry::{Admission, AdmitContext, Chains, Entry, Frontier, Known};
use crate::membership::{SpaceKind, Standing};
use crate::model::id::{ChainId, EntryId, OrderKey};
use std::collections::BTreeMap;
use wire::hash::sha256;

/// What verifying a space came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Private or shared.
    pub kind: SpaceKind,
    /// Control items folded.
    pub control: u32,
    /// SHA-256 over the member table: equal where the same items were folded.
    pub members: [u8; 32],
    /// Entries whose signatures, links and order were proved.
    pub entries: usize,
    /// Chains they stand in.
    pub chains: usize,
    /// Entries that could not be proved; none, unless the store was changed.
    pub broken: usize,
    /// SHA-256 over the ids of all entries, sorted: equal where the histories are equal.
    pub history: [u8; 32],
    /// SHA-256 over what lists show, in their order: equal where the views are equal.
    pub view: [u8; 32],
}

/// Entries proved so far.
#[derive(Debug, Default)]
struct Proved(BTreeMap<(ChainId, u64), Vec<Placed>>);

impl Known for Proved {
    fn entries_at(&self, chain: ChainId, seq: u64) -> Vec<(EntryId, OrderKey)> {
        let at = self.0.get(&(chain, seq));
        at.map(|at| at.iter().map(|(id, k, _)| (*id, *k)).collect()).unwrap_or_default()
    }

    fn seen_by(&self, chain: ChainId, seq: u64, id: EntryId) -> Frontier {
        let at = self.0.get(&(chain, seq)).and_then(|at| at.iter().find(|(of, ..)| *of == id));
        at.map(|(_, _, seen)| seen.clone()).unwrap_or_default()
    }
}

impl Session {
    /// Verifies each space.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn verify(&self) -> Result<Vec<Verification>, Error> {
        self.spaces().map(verify).collect()
    }
}

fn verify(space: &Space) -> Result<Verification, Error> {
    let mut proved = Proved::default();
    let mut chains = Chains::new();
    let mut broken = 0_usize;
    let mut ids = Vec::new();
    card::each_entry(&space.shelf, space.home.space, |filed, entry| {
        ids.push(entry.id);
        if prove(space, entry, &mut chains, &mut proved) != Some(filed) {
            broken = broken.saturating_add(1);
        }
    })?;
    ids.sort_unstable();
    let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    let cards = card::list_bytes(&space.shelf)?;
    let cards: Vec<&[u8]> = cards.iter().map(Vec::as_slice).collect();
    Ok(Verification {
        kind: space.kind,
        control: space.log.next_idx(),
        members: sha256(&[&space.log.table().encode()]),
        entries: ids.len().saturating_sub(broken),
        chains: chains.iter().count(),
        broken,
        history: sha256(&ids),
        view: sha256(&cards),
    })
}

/// The order key of an entry that can be proved.
fn prove(
    space: &Space,
    entry: Entry,
    chains: &mut Chains,
    proved: &mut Proved,
) -> Option<OrderKey> {
    let (idx, op) = entry.header.control;
    let chain = entry.header.chain;
    let table = space.log.table_named(idx, &op)?;
    let author = table.device(chain.device).filter(|member| member.state == Standing::In);
    let author = author.map(|member| &member.device);
    let verified = Entry::verify(Unverified::new(entry), author, space.home.space).ok()?;
    let slots = table.slots();
    let context = AdmitContext {
        space: space.home.space,
        slots: &slots,
        control_known: true,
        known: proved,
        closed: &space.closed,
    };
    let Admission::Accept(accepted) = chains.admit(&verified, &context) else { return None };
    let at = proved.0.entry((chain, verified.header.seq)).or_default();
    at.push((verified.id, accepted.k, accepted.seen));
    chains.apply(chain, accepted.chain);
    Some(accepted.k)
}
