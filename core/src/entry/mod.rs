//! Who wrote what, after what: signed entries, chained per device, admitted in causal order.
//!
//! Flow out: [`Payload::encode`] -> [`Chains::draft`] -> [`sign`] -> [`Entry::encode`], which `client` seals.
//! Flow in: [`Entry::decode`] -> [`Entry::verify`] -> [`Chains::admit`], which accepts, waits or refuses.
//!
//! Invariants: only what both signatures and hashes prove is admitted; an entry is accepted only after everything it
//! names, so that any order of arrival ends in the same accepted set; the order key and what an author had seen are
//! pure functions of that set; two entries in one place are both kept and are evidence, never erased.
//! Sources: `docs/protocol.md` (entry), RFC 8032 (Ed25519), the Automerge binary format (change hashes).

mod admit;
mod agreed;
mod allowance;
mod chain;
mod change;
mod draft;
mod error;
mod frontier;
mod header;
mod incident;
mod incident_words;
mod payload;
mod proof;
#[cfg(test)]
mod replica;
mod sight;
mod signed;
mod waiting;

pub use admit::{Accepted, Admission, AdmitContext, Known, Missing, NONE_CLOSED, is_phantom};
pub use agreed::{Acknowledged, Doubt, Doubtful, Standing, agreed};
pub use allowance::{Allowance, BYTES_PER_DAY_MAX, Cost, ITEMS_PER_DAY_MAX};
pub use chain::{Chain, Chains, Split};
pub use change::{ChangeError, change_hash};
pub use draft::{DraftContext, DraftError};
pub use error::EntryError;
pub use frontier::{
    Frontier, decode_frontier, empty_frontier_root, encode_frontier, frontier_root, sees,
};
pub use header::{DeltaItem, FLAG_SEAT, Header, Hlc, VERSION};
pub use incident::Incident;
pub use payload::{
    CHANGES_PER_ENTRY_MAX, DOCUMENTS_PER_ENTRY_MAX, DocumentChanges, Payload, PayloadKind,
    payload_hash,
};
pub use proof::{ProofError, Proven, contradict, prove_fork, prove_relay_fork, verify_proof};
pub use sight::{Difference, Held, Sight};
pub use signed::{Entry, sign};
pub use waiting::{
    Overflow, Place, Ticket, WAITING_BYTES_MAX, WAITING_ENTRIES_MAX, Waiting, WaitingRoom,
};
