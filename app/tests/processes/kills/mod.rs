//! Thousands of `kill -9`: of programs at work on real files, at random moments. What they acknowledged is there.
//!
//! `./test` runs a short form; `just kills` runs 2,000 (`REKNIT_KILLS`). Each test prints the kills of its phase, what
//! had been acknowledged when they struck, and how much of it was lost: none, or the test fails. Most victims are roles
//! of this folder's own, which link the library and open their vault with a key, so that they write within milliseconds
//! of their start; the others are `reknit` and a relay (`reknit serve`, or the program that `REKNIT_RELAY` names).

mod begin;
mod chance;
mod command;
mod commits;
mod exchange;
mod meet;
mod role;
mod tally;
mod vault;
mod victim;
mod write;
