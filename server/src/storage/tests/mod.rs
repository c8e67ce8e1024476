//! The storage against restarts, power cuts, damage and other programs' files.

mod append;
mod files;
mod shelf;
mod unclosed;
