//! Where all lies: one folder with sealed keys and stores of sealed rows. Nothing here knows what a row means.

pub(crate) mod folder;
pub(crate) mod identity;
pub(crate) mod mark;
pub(crate) mod shelf;
