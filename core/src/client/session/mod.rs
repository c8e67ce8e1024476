//! An unlocked vault: its spaces, and what an app reads of them.
//!
//! A store that is damaged is set aside as it is, and a new one takes its place, filled from what can be read of the
//! old one and from the relay:
//!
//! ```text
//! opening   store refused -> renamed (store::set_aside) -> new store: what nobody else has of facts, drafts and intents,
//!           the control log, and the entries of the old store, waiting to be told again; a mark that it is rebuilt
//! offline   entries that follow on what is here are told again at once, so that lists are not empty
//! online    cursor at the start: all is pulled; at the relay's head the rest is told again, what was only here is said
//!           again under a new incarnation, and the mark goes
//! ```
//!
//! Invariants of that: nothing is written in a space that is being rebuilt; each step can be repeated after a crash;
//! what was only here and cannot be read is counted, by its kind.

pub(crate) mod evidence;
pub(crate) mod home;
pub(crate) mod lists;
pub(crate) mod pages;
pub(crate) mod regain;
pub(crate) mod replace;
pub(crate) mod unlocked;
pub(crate) mod verify;
