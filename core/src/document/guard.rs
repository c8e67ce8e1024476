//! Runs Automerge where its panics and its recursion hurt nobody: a thread of its own, with a large stack.
//!
//! The standard library reports every panic through one process-wide hook before it can be caught, and Automerge's
//! reports hold actor ids and may hold text. So the first use puts a filter before whatever hook is there: it
//! is silent for threads of this name and hands all others on.

use super::limit::STACK_BYTES;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::thread;

const THREAD_NAME: &str = "reknit-document";

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// The work panicked: it would again.
    Panicked,
    /// The system gave no thread with such a stack, for want of memory: nothing was looked at, and it may at another time.
    NoThread,
}

/// Runs the work to its end and returns what it returned. Whatever it was given to change must then be dropped.
pub(super) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Failed> {
    run_on(STACK_BYTES, work)
}

/// The same on a stack of another size.
pub(super) fn run_on<T: Send>(stack: usize, work: impl FnOnce() -> T + Send) -> Result<T, Failed> {
    silence_own_thread();
    thread::scope(|scope| {
        thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .stack_size(stack)
            .spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(work)))
            .map_err(|_| Failed::NoThread)?
            .join()
            .map_err(|_| Failed::Panicked)?
            .map_err(|_| Failed::Panicked)
    })
}

fn silence_own_thread() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            if thread::current().name() != Some(THREAD_NAME) {
                others(info);
            }
        }));
    });
}

/// A stack that no machine has.
#[cfg(test)]
pub(super) const TOO_MUCH: usize = 1 << 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_quiet() {
        assert_eq!(run(|| panic!("must not be printed")), Err::<(), _>(Failed::Panicked));
        assert_eq!(run(|| 5).unwrap(), 5);
    }

    #[test]
    fn a_stack_that_no_machine_has_is_no_refusal() {
        assert_eq!(run_on(TOO_MUCH, || 5), Err(Failed::NoThread));
    }
}
