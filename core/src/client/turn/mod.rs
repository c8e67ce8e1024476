//! What one command or one delivery changes in one space, gathered and committed whole.

pub(crate) mod aside;
pub(crate) mod confirmed;
pub(crate) mod control;
pub(crate) mod deliver;
pub(crate) mod effect;
pub(crate) mod gaps;
pub(crate) mod gather;
pub(crate) mod merge;
pub(crate) mod rebuild;
pub(crate) mod spend;
pub(crate) mod staged;
pub(crate) mod weigh;
pub(crate) mod withdraw;
