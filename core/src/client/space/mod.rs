//! One space in memory, as its rows say: members, keys, chains, what waits, what is in doubt. Nothing here decides what
//! comes next.

pub(crate) mod card;
pub(crate) mod damage;
pub(crate) mod doubt;
pub(crate) mod edit_row;
pub(crate) mod gaps;
pub(crate) mod incarnation;
pub(crate) mod intents;
pub(crate) mod keys;
pub(crate) mod outbox;
pub(crate) mod overlay;
pub(crate) mod quarantine;
pub(crate) mod quota;
pub(crate) mod relay;
pub(crate) mod state;
pub(crate) mod suspects;
