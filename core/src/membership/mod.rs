//! Who is in a space, and which key it uses: the control log.
//!
//! ```text
//! item --open with K_before--> Op --fold--> Applied | Void --> Table, one for each place in the log
//! ```
//!
//! The log is linear and hash-linked; the relay keeps it and can read none of it. An op is signed by who may ask for
//! it and says what the table is afterwards, so that two programs cannot drift apart unseen.
//!
//! Invariants: the fold is a pure function of the items; a void op stays in the chain and does nothing; nobody's
//! junk stops the log, and only a key that fits its commitment enters the keyring.
//! Sources: `docs/protocol.md`, RFC 8032 (Ed25519), RFC 9180 (HPKE).

mod action;
mod branch;
mod choice;
mod climb;
mod compose;
mod fold;
mod genesis;
mod intent;
mod joiner;
mod keyring;
mod lineage;
mod log;
mod merge;
mod op;
mod outcome;
mod reject;
mod rejoin;
mod rules;
mod table;

pub use action::{
    Action, AddDevice, Genesis, GenesisPerson, JoinSpace, NewIncarnation, RemoveDevice, SpaceKind,
};
pub use branch::{Branch, Carried};
pub use choice::{Claim, First, choose};
pub use climb::ClimbError;
pub use compose::{ComposeError, Composer};
pub use fold::{Applied, Judged, State, decode_op};
pub use genesis::{Founded, GenesisDraft, PrivateGenesis, SharedGenesis, private_genesis};
pub use intent::{Intent, IntentError, Want};
pub use joiner::{Card, CheckedGenesis, GenesisError, JoinerView};
pub use keyring::{Keyring, Recipient};
pub use log::{ControlLog, Head, ReceiveError};
pub use merge::{Merge, Named};
pub use op::{ActionBytes, Author, Op, OpSignature, RULES, WrapSlot};
pub use outcome::{Folded, KeyArrival, Outcome, VoidReason};
pub use reject::RENEWALS_MAX;
pub use rules::ItemFacts;
pub use table::{Cut, Member, Person, Standing, Table};

#[cfg(test)]
mod tests;
