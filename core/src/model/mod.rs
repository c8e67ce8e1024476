//! The couple's words and rules; pure: no clock, no store, no keys.
//!
//! What one person says is an [`Event`], for ever. The events of one record [`fold`] to a [`Record`]: a reach with its
//! returns, a question with its answers. [`may`] says before writing whether an event would count.
//! A new record touches `event.rs`, `permission.rs`, a file of its own, and a line each in `fold.rs` and here.
//!
//! Invariants: a record is a function of the *set* of its events; nothing told is dropped, reordered or changed; no
//! text of a person is in an error or in `Debug`.

pub mod agreement;
pub mod cbor;
mod event;
mod fold;
pub mod id;
pub mod journal;
pub mod measure;
pub mod moment;
mod permission;
pub mod person;
pub mod promise;
pub mod question;
pub mod reach;
mod text;
mod told;
pub mod when;

pub use event::{Event, EventError, Kind, Newer, member_record};
pub(crate) use event::{decode_value, encode_value};
pub use fold::{EVENTS_PER_PERSON_MAX, Facts, Record, Standing, Step, fold, may};
pub use permission::{Permission, Rule, Who, permission};
pub use text::{TEXT_BYTES_MAX, Text, TextError};
pub use told::{Head, TOLD_BYTES_PER_AUTHOR_MAX, TOLD_PER_AUTHOR_MAX, Told, has_share};
