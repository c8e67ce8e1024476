//! An unlocked vault: its spaces, and what an app reads of them.

pub(crate) mod evidence;
pub(crate) mod lists;
pub(crate) mod pages;
pub(crate) mod unlocked;
pub(crate) mod verify;
