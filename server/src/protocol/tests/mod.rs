//! The relay's conversation, with a real storage in memory and a clock that is set by hand.

mod control_log;
mod data_log;
mod desk;
mod mail;
mod sign_in;
mod strangers;
mod tails;
