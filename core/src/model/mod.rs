//! The couple's words and rules; pure.

pub mod id;
