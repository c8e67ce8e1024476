//! The commands, one file a family.

pub(crate) mod document;
pub(crate) mod init;
pub(crate) mod journal;
pub(crate) mod look;
mod run;
pub(crate) mod status;

pub(crate) use run::run;
