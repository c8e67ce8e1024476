//! What screens show: pure functions of records. Given the same events, both phones show the same bytes.
//!
//! A [`Card`] is made from a record when it changes and stored beside it; lists are made from cards alone, so a list
//! never folds a history. [`timeline()`] and [`open_list()`] hold shared facts only: names, never "me" and "you", and
//! nothing that depends on the time or on this phone. What does is added beside them: [`label()`], [`reminders`].
//! `serde` is used here to derive how rows are written, `Card` for the store and `*Line` for JSON.

mod card;
mod label;
mod names;
mod notification;
mod open_list;
mod said;
mod timeline;
pub mod words;

pub use card::{Card, CardError, CardStep, Mark, STEPS_MAX, Status};
pub use label::{Carried, label};
pub use names::Names;
pub use notification::{Reminder, reminders, reminders_between};
pub use open_list::{OpenLine, open_list};
pub use said::{Said, Says};
pub use timeline::{Line, StepLine, timeline};
