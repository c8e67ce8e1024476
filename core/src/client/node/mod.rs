//! The client as one machine without a clock or a socket: commands, links to relays, pairing, and the driver that turns
//! it.

pub(crate) mod anew;
pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod command;
pub(crate) mod draft;
pub(crate) mod driver;
pub(crate) mod found;
pub(crate) mod lie;
pub(crate) mod link;
pub(crate) mod lock;
pub(crate) mod machine;
pub(crate) mod meeting;
pub(crate) mod missing;
pub(crate) mod pair;
pub(crate) mod rejoin;
pub(crate) mod relink;
pub(crate) mod reseed;
pub(crate) mod settle;
