//! The commands, one file a family.

pub(crate) mod check;
pub(crate) mod document;
pub(crate) mod draft;
pub(crate) mod evidence;
pub(crate) mod init;
pub(crate) mod journal;
pub(crate) mod look;
pub(crate) mod pair;
pub(crate) mod question;
pub(crate) mod reach;
mod run;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod tell;

pub(crate) use run::run;
