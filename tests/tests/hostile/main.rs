//! A partner with valid keys whose app says what no honest app says: what becomes of it on the other person's phones.

mod control;
mod entries;
mod forks;
mod keys;
mod siege;
