//! The conductor: the only folder that knows the order in which the workers take their turns.
//!
//! ```text
//! out   apply    Command -> model (may they?) -> document -> entry (sign, chain) -> crypto (seal) -> one commit -> sync
//! in    deliver  sync -> crypto (open) -> entry (verify, admit) -> document (gate, merge) -> model (fold) -> one commit
//! ```
//!
//! Five rooms, each using those before it: `vault`, `space`, `turn`, `session`, `node`.
//!
//! Invariants: what a call returned from is on the disk; a turn commits whole or not at all; all that memory holds can
//! be read again from the disk.

mod error;
mod node;
mod session;
mod space;
mod turn;
mod vault;

pub use error::Error;
pub use node::check::{Checked, LastCheck, SideView};
pub use node::command::{Answer, Command, Invited, Whom};
pub use node::draft::{Draft, Unfinished};
pub use node::driver::Driver;
pub use node::machine::{Node, Notice, Now, Output};
pub use session::evidence::Exhibit;
pub use session::lists::{Found, SpaceReport};
pub use session::pages::{Shown, Timeline};
pub use session::regain::Rebuilding;
pub use session::unlocked::Session;
pub use session::verify::Verification;
pub use space::card::DocumentCard;
pub use turn::gather::Changed;
pub use vault::folder::{MemoryDisk, Place, Unlocked, Vault};
pub use vault::identity::Identity;
