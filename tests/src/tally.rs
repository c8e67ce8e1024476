//! What happened in a run, or in many: the proof that schedules did not end early.

use std::ops::AddAssign;

/// Counts; each field is what its name says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a count of what its name says")]
pub struct Tally {
    pub runs: u64,
    pub frames: u64,
    /// Entries that a device took from the relay.
    pub delivered: u64,
    /// Frames under way when their connection ended.
    pub lost: u64,
    /// Envelopes and items that the relay was sent once more.
    pub duplicated: u64,
    /// Frames that overtook an earlier one of another stream.
    pub reordered: u64,
    pub crashes_between: u64,
    pub crashes_inside: u64,
    pub relay_restarts: u64,
    /// Restarts of the relay when a batch was durable and its receipts were not out.
    pub receipts_lost: u64,
    pub amnesias: u64,
    pub clock_jumps: u64,
    pub rekeys: u64,
    pub pairings: u64,
    pub pairings_cut: u64,
    pub refused: u64,
    pub edits: [u64; 2],
}

impl Tally {
    /// Every count with its name.
    pub fn rows(&self) -> [(&'static str, u64); 18] {
        [
            ("runs", self.runs),
            ("edits by the first person", self.edits[0]),
            ("edits by the second person", self.edits[1]),
            ("commands that were not allowed", self.refused),
            ("frames sent", self.frames),
            ("entries delivered", self.delivered),
            ("messages lost", self.lost),
            ("messages duplicated", self.duplicated),
            ("messages reordered", self.reordered),
            ("crashes between transactions", self.crashes_between),
            ("crashes inside transactions", self.crashes_inside),
            ("relay restarts", self.relay_restarts),
            ("  of them between commit and receipt", self.receipts_lost),
            ("amnesias", self.amnesias),
            ("clock jumps", self.clock_jumps),
            ("new epoch keys", self.rekeys),
            ("pairings", self.pairings),
            ("pairings cut off", self.pairings_cut),
        ]
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.frames += other.frames;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.crashes_between += other.crashes_between;
        self.crashes_inside += other.crashes_inside;
        self.relay_restarts += other.relay_restarts;
        self.receipts_lost += other.receipts_lost;
        self.amnesias += other.amnesias;
        self.clock_jumps += other.clock_jumps;
        self.rekeys += other.rekeys;
        self.pairings += other.pairings;
        self.pairings_cut += other.pairings_cut;
        self.refused += other.refused;
        self.edits[0] += other.edits[0];
        self.edits[1] += other.edits[1];
    }
}
