//! What fails is caught, made small, and told with the command that replays it.

use crate::plan::{Length, Plan};
use crate::run::{Ended, run_seed};
use crate::swarm::Swarm;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Runs that making a failure small may cost.
const RUNS_MAX: usize = 120;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Under which seed.
    pub seed: u64,
    /// What the check said, beginning with the invariant's letter and number where it has one.
    pub what: String,
    /// Where it was said.
    pub at: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SEED={} {} ({})", self.seed, self.what, self.at)
    }
}

impl Failure {
    /// Whether another failure is of the same kind: the same place, or the same invariant.
    fn is_like(&self, other: &Self) -> bool {
        let kind = |failure: &Self| failure.what.split([':', ' ']).next().map(str::to_owned);
        self.at == other.at || kind(self) == kind(other)
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) };
}

/// Runs something; a panic in it is a failure, and prints nothing.
pub(crate) fn caught(seed: u64, run: impl FnOnce() -> Ended) -> Result<Ended, Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                return before(info);
            }
            let what = info.payload_as_str().unwrap_or("a panic").to_owned();
            let at = info.location().map_or_else(String::new, ToString::to_string);
            LAST.set((what, at));
        }));
    });
    let was = QUIET.replace(true);
    let done = catch_unwind(AssertUnwindSafe(run));
    QUIET.set(was);
    done.map_err(|_| {
        let (what, at) = LAST.take();
        Failure { seed, what, at }
    })
}

/// Drops steps as long as the run still fails alike. Gives the plan that is left, and how it fails.
pub fn shrink(failure: &Failure, plan: &Plan) -> (Plan, Failure) {
    let all = Swarm::drawn(failure.seed, plan).steps.len();
    let mut kept: Vec<usize> = (0..all).filter(|step| plan.keeps(*step)).collect();
    let mut least = (plan.clone(), failure.clone());
    let (mut runs, mut parts) = (0, 2);
    while !kept.is_empty() && runs < RUNS_MAX {
        let size = kept.len().div_ceil(parts);
        let smaller = (0..kept.len()).step_by(size).find_map(|from| {
            let rest = kept.iter().enumerate().filter(|(at, _)| *at < from || *at >= from + size);
            let rest: BTreeSet<usize> = rest.map(|(_, step)| *step).collect();
            runs += 1;
            let plan = plan.with_only(rest);
            let again = run_seed(failure.seed, &plan).err().filter(|again| again.is_like(failure));
            (runs <= RUNS_MAX).then_some(()).and(again).map(|again| (plan, again))
        });
        match smaller {
            Some(found) => {
                kept = found.0.only.iter().flatten().copied().collect();
                least = found;
                parts = parts.saturating_sub(1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(kept.len()),
        }
    }
    least
}

/// Tells a failure: what is left of it, and how to see it again.
pub fn told(failure: &Failure, plan: &Plan) -> String {
    let (least, failure) = shrink(failure, plan);
    let swarm = Swarm::drawn(failure.seed, &least);
    let steps = swarm.steps.iter().enumerate().filter(|(number, _)| least.keeps(*number));
    let lines: String =
        steps.clone().map(|(number, step)| format!("  step {number}: {step:?}\n")).collect();
    let numbers: Vec<String> = steps.map(|(number, _)| number.to_string()).collect();
    format!(
        "{failure}\n  {:?}, a {:?} relay, {} of {} steps:\n{lines}  replay: {}just simulate {} {}\n",
        swarm.devices,
        swarm.relay,
        numbers.len(),
        swarm.steps.len(),
        if plan.length == Length::Short { "REKNIT_LENGTH=short " } else { "" },
        failure.seed,
        numbers.join(","),
    )
}
