//! The couple's words and rules, held against the product's own sentences: bytes, order, crossings, rules, one story.
//!
//! `cfg(test)` tells clippy that helpers may unwrap here as tests do.

#[cfg(test)]
mod bytes;
#[cfg(test)]
mod couple;
#[cfg(test)]
mod crossing;
#[cfg(test)]
mod limit;
#[cfg(test)]
mod order;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod story;
