//! The conductor: the only folder that knows the order in which the workers take their turns.
//!
//! ```text
//! out   apply    Command -> model (may they?) -> document -> entry (sign, chain) -> crypto (seal) -> one commit -> sync
//! in    deliver  sync -> crypto (open) -> entry (verify, admit) -> document (gate, merge) -> model (fold) -> one commit
//! ```
//!
//! Invariants: what a call returned from is on the disk; a turn commits whole or not at all; all that memory holds can
//! be read again from the disk.

mod anew;
mod apply;
mod aside;
mod card;
mod check;
mod command;
mod control;
mod deliver;
mod doubt;
mod draft;
mod driver;
mod edit_row;
mod effect;
mod error;
mod evidence;
mod found;
mod gaps;
mod identity;
mod keys;
mod lie;
mod link;
mod lists;
mod lock;
mod mark;
mod meeting;
mod merge;
mod missing;
mod node;
mod overlay;
mod pages;
mod pair;
mod quota;
mod rebuild;
mod rejoin;
mod relink;
mod reseed;
mod session;
mod settle;
mod shelf;
mod space;
mod staged;
mod turn;
mod vault;
mod verify;
mod withdraw;

pub use card::DocumentCard;
pub use check::{Checked, LastCheck, SideView};
pub use command::{Answer, Command, Invited, Whom};
pub use draft::{Draft, Unfinished};
pub use driver::Driver;
pub use error::Error;
pub use evidence::Exhibit;
pub use identity::Identity;
pub use lists::{Found, SpaceReport};
pub use node::{Node, Notice, Now, Output};
pub use pages::{Shown, Timeline};
pub use session::Session;
pub use turn::Changed;
pub use vault::{MemoryDisk, Place, Unlocked, Vault};
pub use verify::Verification;
