//! What happened in a run, or in many: the proof that schedules did not end early.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::AddAssign;

macro_rules! counts {
    ($($field:ident: $name:literal,)*) => {
        /// Counts; each field is what its name says.
        #[derive(Debug, Default, Clone, PartialEq, Eq)]
        pub struct Tally {
            $(#[doc = $name] pub $field: u64,)*
            /// Error codes that commands ended with and incidents that were shown, by code.
            pub codes: BTreeMap<&'static str, u64>,
        }

        impl Tally {
            /// Every count with its name.
            pub fn rows(&self) -> Vec<(&'static str, u64)> {
                vec![$(($name, self.$field),)*]
            }
        }

        impl AddAssign for Tally {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)*
                for (code, count) in other.codes {
                    *self.codes.entry(code).or_default() += count;
                }
            }
        }
    };
}

counts! {
    runs: "runs",
    steps: "steps",
    edits_first: "edits by the first person",
    edits_second: "edits by the second person",
    refused: "commands that were not allowed",
    frames: "frames sent",
    delivered: "entries delivered",
    lost: "messages lost",
    swallowed: "messages that a relay did not hear or say",
    duplicated: "messages duplicated",
    reordered: "messages reordered",
    crashes_between: "crashes between transactions",
    crashes_inside: "crashes inside transactions",
    relay_restarts: "relay restarts",
    receipts_lost: "  of them between commit and receipt",
    amnesias: "amnesias",
    relay_forks: "relays that showed two logs",
    freezes: "relays that froze a view",
    roll_backs: "relays that went back to an old disk",
    broken_words: "positions confirmed and then told differently",
    hostile_acts: "acts of a hostile partner",
    lies: "  of them lies that every device must report",
    restores: "phones that came back with an old disk",
    clones: "phones of which there were two",
    drafts: "texts kept while they were typed",
    drafts_given: "  of them closed",
    drafts_found: "  of them there again after a crash",
    clock_jumps: "clock jumps",
    rekeys: "new epoch keys",
    pairings: "pairings",
    pairings_cut: "pairings cut off",
}

impl Tally {
    /// Edits of both.
    pub const fn edits(&self) -> u64 {
        self.edits_first + self.edits_second
    }

    /// Prints every count with its name, then the codes, and a line on the whole: also where the run is green, so not by
    /// the macros whose words the test harness keeps to itself.
    pub fn print(&self, whole: &str) {
        let rows = self.rows().into_iter();
        let rows = rows.chain(self.codes.iter().map(|(code, count)| (*code, *count)));
        let rows: String = rows.map(|(name, count)| format!("{count:>9} {name}\n")).collect();
        let said = writeln!(std::io::stdout().lock(), "\n{rows}{whole}");
        said.expect("standard output is open");
    }
}
