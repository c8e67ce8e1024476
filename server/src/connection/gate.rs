//! Who may start a handshake: one token bucket for each network, asked before anything is kept for a stranger.
//!
//! Networks are kept as a keyed hash whose key lives in memory and changes every hour: a dump of this process is no
//! list of addresses.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use wire::{hash::sha256, time::Moment};

use crate::protocol::Prefix;

/// Networks remembered at a time; when all are busy, strangers must prove their address.
const NETWORKS_MAX: usize = 65_536;
/// A network may start this many seconds' worth of handshakes at once.
const BURST_SECONDS: f64 = 3.0;
/// How long a key of the hash is used.
const KEY_TIME: Duration = Duration::from_hours(1);
/// How often all buckets are looked at, at most.
const PRUNE_TIME_MIN: Duration = Duration::from_secs(1);
/// Above this many handshakes under way everybody must prove their address first.
const UNPROVEN_HANDSHAKES_MAX: usize = 256;

/// A network that cannot be turned back into an address: /24 of IPv4, /56 of IPv6, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network(u64);

/// What to do with a first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    /// Answer with a token that only comes back from the true address.
    Retry,
    /// A cheap answer, so that honest clients wait.
    Refuse,
}

/// What is known of a first packet, and how busy the relay is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Knock {
    pub(crate) network: Network,
    /// The address is proven: it gave a token back.
    pub(crate) proven: bool,
    /// Handshakes under way.
    pub(crate) handshakes: usize,
    pub(crate) now: Moment,
}

/// The buckets.
#[derive(Debug)]
pub(crate) struct Gate {
    key: [u8; 32],
    key_since: Moment,
    buckets: BTreeMap<Network, Bucket>,
    /// When the buckets that are full again were last forgotten: looking at all of them costs time.
    pruned: Moment,
    per_second: f64,
    handshakes_max: usize,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Below zero for those that go on although they were asked for a token.
    tokens: f64,
    filled: Moment,
}

impl Gate {
    pub(crate) fn new(key: [u8; 32], per_second: u64, handshakes_max: u64, now: Moment) -> Self {
        let per_second = f64::from(u32::try_from(per_second).unwrap_or(u32::MAX));
        let handshakes_max = usize::try_from(handshakes_max).unwrap_or(usize::MAX);
        let buckets = BTreeMap::new();
        Self { key, key_since: now, buckets, pruned: now, per_second, handshakes_max }
    }

    /// The name under which an address is counted, for now.
    pub(crate) fn network(&mut self, address: IpAddr, now: Moment) -> Network {
        if now.since(self.key_since) > KEY_TIME {
            self.key = sha256(&[&self.key]);
            self.key_since = now;
            self.buckets.clear();
        }
        Network(self.hash(address, 7))
    }

    /// The name under which the protocol counts what comes from an address: /24 of IPv4, /64 of IPv6.
    pub(crate) fn prefix(&self, address: IpAddr) -> Prefix {
        Prefix(self.hash(address, 8))
    }

    fn hash(&self, address: IpAddr, v6_bytes: usize) -> u64 {
        let hash = match address.to_canonical() {
            IpAddr::V4(v4) => sha256(&[&self.key, v4.octets().get(..3).unwrap_or_default()]),
            IpAddr::V6(v6) => sha256(&[&self.key, v6.octets().get(..v6_bytes).unwrap_or_default()]),
        };
        u64::from_be_bytes(*hash.first_chunk().unwrap_or(&[0; 8]))
    }

    /// Decides about one first packet.
    pub(crate) fn judge(&mut self, knock: Knock) -> Verdict {
        if knock.handshakes >= self.handshakes_max {
            return Verdict::Refuse;
        }
        let burst = self.per_second * BURST_SECONDS;
        if !self.make_room(knock, burst) {
            return if knock.proven { Verdict::Accept } else { Verdict::Retry };
        }
        let full = Bucket { tokens: burst, filled: knock.now };
        let bucket = self.buckets.entry(knock.network).or_insert(full);
        bucket.fill(self.per_second, burst, knock.now);
        if bucket.tokens >= 1.0 && (knock.proven || knock.handshakes < UNPROVEN_HANDSHAKES_MAX) {
            bucket.tokens -= 1.0;
            Verdict::Accept
        } else if !knock.proven {
            Verdict::Retry
        } else if bucket.tokens > -burst {
            bucket.tokens -= 1.0;
            Verdict::Accept
        } else {
            Verdict::Refuse
        }
    }

    /// Forgets networks whose bucket is full again. False: there is no room for one more.
    fn make_room(&mut self, knock: Knock, burst: f64) -> bool {
        if self.buckets.len() < NETWORKS_MAX || self.buckets.contains_key(&knock.network) {
            return true;
        }
        if knock.now.since(self.pruned) < PRUNE_TIME_MIN {
            return false;
        }
        self.pruned = knock.now;
        let per_second = self.per_second;
        self.buckets.retain(|_, bucket| {
            bucket.fill(per_second, burst, knock.now);
            bucket.tokens < burst
        });
        self.buckets.len() < NETWORKS_MAX
    }
}

impl Bucket {
    fn fill(&mut self, per_second: f64, burst: f64, now: Moment) {
        let elapsed = now.since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + elapsed * per_second).min(burst);
        self.filled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after_origin(Duration::from_secs(seconds))
    }

    fn knock(gate: &mut Gate, address: &str, proven: bool, seconds: u64) -> Verdict {
        let network = gate.network(address.parse().unwrap(), at(seconds));
        gate.judge(Knock { network, proven, handshakes: 0, now: at(seconds) })
    }

    #[test]
    fn a_network_above_its_rate_proves_its_address_and_then_is_refused() {
        let mut gate = Gate::new([1; 32], 20, 2_048, at(0));
        for _ in 0..60 {
            assert_eq!(knock(&mut gate, "192.0.2.1", false, 1), Verdict::Accept);
        }
        assert_eq!(knock(&mut gate, "192.0.2.77", false, 1), Verdict::Retry);
        for _ in 0..60 {
            assert_eq!(knock(&mut gate, "192.0.2.1", true, 1), Verdict::Accept);
        }
        assert_eq!(knock(&mut gate, "192.0.2.1", true, 1), Verdict::Refuse);
        assert_eq!(knock(&mut gate, "198.51.100.1", false, 1), Verdict::Accept);
        assert_eq!(knock(&mut gate, "192.0.2.1", false, 10), Verdict::Accept);
    }

    #[test]
    fn a_busy_relay_asks_for_proof_and_a_full_one_refuses() {
        let mut gate = Gate::new([1; 32], 20, 2_048, at(0));
        let network = gate.network("192.0.2.1".parse().unwrap(), at(0));
        let mut judge =
            |handshakes, proven| gate.judge(Knock { network, proven, handshakes, now: at(0) });
        assert_eq!(judge(255, false), Verdict::Accept);
        assert_eq!(judge(256, false), Verdict::Retry);
        assert_eq!(judge(256, true), Verdict::Accept);
        assert_eq!(judge(2_048, true), Verdict::Refuse);
    }

    #[test]
    fn a_network_is_a_24_or_a_56_under_a_key_that_changes() {
        let mut gate = Gate::new([1; 32], 20, 2_048, at(0));
        let mut of = |text: &str, seconds| gate.network(text.parse().unwrap(), at(seconds));
        assert_eq!(of("192.0.2.1", 0), of("192.0.2.255", 0));
        assert_eq!(of("192.0.2.1", 0), of("::ffff:192.0.2.1", 0));
        assert_ne!(of("192.0.2.1", 0), of("192.0.3.1", 0));
        assert_eq!(of("2001:db8::1", 0), of("2001:db8:0:ff::1", 0));
        assert_ne!(of("2001:db8::1", 0), of("2001:db8:0:100::1", 0));
        let before = of("192.0.2.1", 0);
        assert_ne!(of("192.0.2.1", 3_601), before);
    }

    #[test]
    fn strangers_without_number_take_bounded_memory() {
        let mut gate = Gate::new([1; 32], 1, 2_048, at(0));
        for number in 0..70_000_u32 {
            let [_, a, b, c] = number.to_be_bytes();
            let network = gate.network(IpAddr::from([a + 1, b, c, 0]), at(0));
            gate.judge(Knock { network, proven: false, handshakes: 0, now: at(0) });
        }
        assert_eq!(gate.buckets.len(), NETWORKS_MAX);
        assert_eq!(knock(&mut gate, "203.0.113.1", false, 0), Verdict::Retry);
        assert_eq!(knock(&mut gate, "203.0.113.1", false, 9), Verdict::Accept);
        assert_eq!(gate.buckets.len(), 1);
    }
}
