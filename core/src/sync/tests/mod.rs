//! The engine against a model of a relay: single facts, and random schedules.

mod facts;
mod owner;
mod relay;
mod schedules;
mod world;
