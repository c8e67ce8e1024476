//! The engine against a model of a relay: single facts, and random schedules.

#![expect(clippy::cast_possible_truncation, reason = "the model's numbers are small")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the model knows what it is sent")]

mod crowds;
mod facts;
mod late;
mod lies;
mod owner;
mod relay;
mod schedules;
mod world;
