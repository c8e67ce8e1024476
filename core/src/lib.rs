//! The client library: each of two people writes on their own device; what they give reaches the other, sealed.
//!
//! `ARCHITECTURE.md` draws the layers. Workers know nothing of each other; only `client` knows the order.

pub mod client;
pub mod crypto;
pub mod document;
pub mod entry;
pub mod environment;
pub mod membership;
pub mod model;
pub mod pairing;
pub mod store;
pub mod sync;
pub mod transport;
pub mod view;
