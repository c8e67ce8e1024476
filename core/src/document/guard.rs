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

/// The work panicked, or no thread could be had.
#[derive(Debug)]
pub(super) struct Failed;

/// Runs the work to its end and returns what it returned. Whatever it was given to change must then be dropped.
pub(super) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Failed> {
    silence_own_thread();
    thread::scope(|scope| {
        thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(work)))
            .map_err(|_| Failed)?
            .join()
            .map_err(|_| Failed)?
            .map_err(|_| Failed)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_quiet() {
        assert!(run(|| panic!("must not be printed")).is_err());
        assert_eq!(run(|| 5).unwrap(), 5);
    }
}
