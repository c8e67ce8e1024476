# `just` lists the recipes. CI runs `just ci`; nothing is checked there that is not checked here.

_list:
    @just --list --unsorted

# Formatting, lints, spelling, dependencies.
check:
    cargo fmt --all --check
    cargo fmt --check --manifest-path tests/disk/Cargo.toml
    taplo fmt --check
    typos
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo machete
    cargo deny --locked check bans licenses sources

# Unit, simulation, architecture and end-to-end tests, then the examples in the docs.
test *args:
    cargo test --workspace --locked {{ args }}
    cp Cargo.lock tests/disk/
    cargo test --manifest-path tests/disk/Cargo.toml --target-dir target {{ args }}

# All that CI runs.
ci: check test
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Replays one schedule of the simulator, or only these of its steps, and prints what happens in it.
simulate SEED STEPS="":
    REKNIT_TRACE=1 REKNIT_SEED={{ SEED }} REKNIT_STEPS={{ STEPS }} cargo test --locked --profile schedules -p reknit-e2e --test simulation one_seed -- --nocapture

# Looks through every order of two phones and a relay that forgets: situations, items, ends.
orders:
    cargo test --locked -p reknit-core --lib every_order -- --nocapture

# Looks through every order of a removal, a new key and edits: situations, steps, views, ends. `just removals 2`: more.
removals EDITS="1":
    REKNIT_EDITS={{ EDITS }} cargo test --locked -p reknit-e2e --test removal -- --nocapture

# A partner who wraps garbage keys silences nobody: one line for each way to try.
silence:
    cargo test --locked -p reknit-e2e --test hostile b39

# Plants bugs in a copy of the sources: the simulator must find each within 2,000 seeds. Prints what caught it.
planted *names:
    cargo run --quiet --locked -p reknit-e2e --example planted -- {{ names }}

# The same, each from the seed that found it last: for every run.
planted-again:
    cargo run --quiet --locked -p reknit-e2e --example planted -- --again

# Sizes, start, bytes of one edit, entries per second: what the README says of cost.
figures:
    cargo build --release --locked -p reknit -p reknit-relay
    cargo run --release --locked -p reknit-e2e --example figures

# Each row of the catalogue of bad inputs: its code, its time, its memory.
bad-inputs:
    cargo build --locked -p reknit-relay
    cargo test --locked -p reknit-e2e --test bad_inputs -- --nocapture --test-threads=1

# A phone whose memory runs out over what its partner sent: how often it dies before it goes on.
deaths REWRITINGS="12":
    REKNIT_REWRITINGS={{ REWRITINGS }} cargo test --locked -p reknit --test processes f24 -- --nocapture

# Cuts the power under the real stores so many times, and prints what was lost.
disk CUTS="10000":
    cp Cargo.lock tests/disk/
    REKNIT_CUTS={{ CUTS }} cargo test --quiet --manifest-path tests/disk/Cargo.toml --target-dir target --test cuts d1_d2_d3 -- --nocapture

# Spoils the stores of a phone so many times: nothing that the relay holds may be lost, nothing else without a word.
damages COUNT="500":
    REKNIT_DAMAGES={{ COUNT }} cargo test --locked -p reknit-e2e --test damaged -- --nocapture

# Two million mutants of changes against the gate, 5,000 histories in two orders, 10,000 honest ones.
mutants:
    REKNIT_MUTANTS=2000000 REKNIT_ORDERS=5000 REKNIT_HISTORIES=10000 nice cargo test --locked -p reknit-e2e --test mutants -- --nocapture --test-threads=1

# So many `kill -9` of real processes on real files: nothing that was acknowledged may be lost.
kills COUNT="2000":
    cargo build --locked -p reknit-relay
    REKNIT_KILLS={{ COUNT }} REKNIT_RELAY=$PWD/target/debug/reknit-relay cargo test --locked -p reknit --test processes kills:: -- --nocapture

# A relay under a crowd: phones that all come at once, readers that do not read, clients that say nothing.
load CONNECTIONS="4000":
    cargo build --release --locked -p reknit-relay
    REKNIT_CONNECTIONS={{ CONNECTIONS }} cargo run --release --locked -p reknit-e2e --example load

# Writes the seeds of the fuzz targets anew, from honest runs.
corpus:
    cargo run --locked -p reknit-e2e --example corpus

# Many short schedules of the simulator, from 0 on: how many, how fast, how many false alarms, what happened in them.
simulate-many COUNT="20000":
    REKNIT_LENGTH=short REKNIT_SEEDS={{ COUNT }} cargo test --locked --profile schedules -p reknit-e2e --test simulation five_hundred -- --nocapture

# What a phone spends on the worst that a partner may send, and on so many entries.
memory ENTRIES="10000":
    REKNIT_INGEST={{ ENTRIES }} cargo test --locked -p reknit-e2e --test memory -- --nocapture

# Each fuzz target for half a minute, from its seeds on; needs the nightly compiler and cargo-fuzz.
fuzz SECONDS="30":
    cd fuzz && for target in $(cargo +nightly fuzz list); do mkdir -p corpus/$target && cargo +nightly fuzz run "$target" corpus/$target seeds/$target -- -max_total_time={{ SECONDS }} || exit 1; done

# Security advisories; needs the network.
audit:
    cargo deny check advisories
