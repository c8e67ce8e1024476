//! Everybody comes at once: after a cold start, after a relay that died, after one that ended in order.

use crate::networks::Networks;
use crate::phone::{PHONES_A_SPACE, Phone, Told};
use crate::relay::Relay;
use crate::space;
use reknit_core::environment::SystemClock;
use reknit_core::transport::DialError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use wire::refusal::Reason;
use wire::time::Moment;

/// After so long without all of them in, the rest counts as starved.
const TIME_MAX: Duration = Duration::from_mins(5);
/// Connections at a time that make spaces.
const MAKERS: usize = 16;

/// The phones, and what they say.
pub(crate) struct Crowd {
    pub(crate) count: usize,
    networks: Arc<Networks>,
    clock: SystemClock,
    tell: mpsc::UnboundedSender<Told>,
    told: mpsc::UnboundedReceiver<Told>,
    losses: watch::Sender<u32>,
    phones: JoinSet<()>,
}

impl Crowd {
    /// So many phones, none of them online; their spaces are made.
    pub(crate) async fn new(count: usize, networks: Arc<Networks>) -> Self {
        let spaces = u16::try_from(count.div_ceil(PHONES_A_SPACE)).expect("fewer spaces");
        make_spaces(&networks, 0..spaces).await;
        let (tell, told) = mpsc::unbounded_channel();
        let clock = SystemClock::start();
        let losses = watch::Sender::new(0);
        Self { count, networks, clock, tell, told, losses, phones: JoinSet::new() }
    }

    /// The first time: all of them at once.
    pub(crate) async fn come(&mut self) {
        let start = self.clock.moment();
        for number in 0..self.count {
            let networks = Arc::clone(&self.networks);
            let phone = Phone::new(number, networks, self.clock, self.tell.clone());
            self.phones.spawn(phone.run(self.losses.subscribe()));
        }
        self.all_in("a cold start, all at once", start).await;
    }

    /// The relay dies and is there again, and everybody notices in the same instant: nothing is worse.
    pub(crate) async fn lose(&mut self, relay: &mut Relay) {
        relay.kill_and_restart();
        let start = self.clock.moment();
        self.losses.send_modify(|losses| *losses += 1);
        self.all_in("a relay that was killed, noticed by all at once", start).await;
    }

    /// The relay ends in order and is there again: it told everybody when to come.
    pub(crate) async fn part(&mut self, relay: &mut Relay) {
        let start = self.clock.moment();
        relay.stop_and_restart();
        self.all_in("a relay that restarted in order", start).await;
    }

    /// How many lost their connection since they were counted last.
    pub(crate) fn lost(&mut self) -> usize {
        let mut lost = 0;
        while let Ok(told) = self.told.try_recv() {
            lost += usize::from(matches!(told, Told::Lost));
        }
        lost
    }

    async fn all_in(&mut self, what: &str, start: Moment) {
        let mut seen = Seen::default();
        let work = async {
            while seen.came_in.len() < self.count {
                let told = self.told.recv().await.expect("phones live on");
                seen.take(told, start);
            }
        };
        let starved = timeout(TIME_MAX, work).await.is_err();
        seen.report(what, self.count);
        assert!(!starved, "{} phones never came in", self.count - seen.came_in.len());
    }
}

/// Makes spaces, from as many networks as there are.
pub(crate) async fn make_spaces(networks: &Arc<Networks>, spaces: core::ops::Range<u16>) {
    let mut makers = JoinSet::new();
    for number in spaces {
        if makers.len() >= MAKERS {
            makers.join_next().await.expect("there are some").expect("a space is made");
        }
        let networks = Arc::clone(networks);
        makers.spawn(async move { space::make(&networks, number).await });
    }
    while let Some(made) = makers.join_next().await {
        made.expect("a space is made");
    }
}

/// What happened while they came in.
#[derive(Default)]
struct Seen {
    /// Seconds after the start at which each came in.
    came_in: Vec<f64>,
    dials: BTreeMap<u64, usize>,
    failed: BTreeMap<&'static str, usize>,
    /// Waits that the relay asked for, in ms.
    asked: Vec<u64>,
    refused: usize,
    lost: usize,
}

impl Seen {
    fn take(&mut self, told: Told, start: Moment) {
        match told {
            Told::Dials(at) => *self.dials.entry(at.since(start).as_secs()).or_default() += 1,
            Told::In(at) => self.came_in.push(at.since(start).as_secs_f64()),
            Told::Failed(error) => *self.failed.entry(name(error)).or_default() += 1,
            Told::Lost => self.lost += 1,
            Told::Refused(refusal) => {
                self.refused += 1;
                if matches!(refusal.reason, Reason::Busy | Reason::Away | Reason::Rate) {
                    self.asked.push(refusal.argument);
                }
            }
        }
    }

    fn report(&mut self, what: &str, count: usize) {
        let last = self.came_in.iter().copied().fold(0.0, f64::max);
        self.came_in.sort_by(f64::total_cmp);
        let middle = self.came_in.get(count / 2).copied().unwrap_or(f64::NAN);
        let dials: usize = self.dials.values().sum();
        let fullest = self.dials.values().max().copied().unwrap_or(0);
        let waits = self.waits();
        println!(
            "{what}: {} of {count} connections in after {last:.1} s (half after {middle:.1} s); {dials} dials, {fullest} \
             in the fullest second; {} connections lost, {} refusals{}",
            self.came_in.len(),
            self.lost,
            self.refused,
            waits,
        );
        if !self.failed.is_empty() {
            println!("  dials that failed: {:?}", self.failed);
        }
    }

    fn waits(&mut self) -> String {
        self.asked.sort_unstable();
        match (self.asked.first(), self.asked.get(self.asked.len() / 2), self.asked.last()) {
            (Some(first), Some(middle), Some(last)) => {
                format!(", asking for {first} to {last} ms, {middle} in the middle")
            }
            _ => String::new(),
        }
    }
}

const fn name(error: DialError) -> &'static str {
    match error {
        DialError::Setup => "setup",
        DialError::Socket => "socket",
        DialError::NameNotFound => "name",
        DialError::NoAnswer => "no answer",
        DialError::Untrusted => "untrusted",
        DialError::Version => "version",
        DialError::Busy => "refused at the door",
        DialError::Lost => "lost",
    }
}
