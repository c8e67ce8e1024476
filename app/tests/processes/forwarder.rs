//! The network between people and their relay, as a small UDP forwarder: it loses, delays and reorders datagrams, moves
//! a client to another port as NAT boxes do, and swallows everything. It needs no privileges.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

const DATAGRAM_BYTES_MAX: usize = 65_536;
/// The first bits of a long header of QUIC version 1 of type Initial (RFC 9000, section 17.2.2).
const INITIAL: (u8, u8) = (0b1111_0000, 0b1100_0000);

/// What the network does to a datagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Of a hundred datagrams, so many are lost.
    pub(crate) lost: u64,
    /// Each way takes so long.
    pub(crate) delay: Duration,
    /// And up to so much longer: what overtakes is what reorders.
    pub(crate) spread: Duration,
}

impl Weather {
    pub(crate) const FAIR: Self = Self { lost: 0, delay: Duration::ZERO, spread: Duration::ZERO };
    /// A train in a valley: a round trip of half a second and more, one datagram in five lost.
    pub(crate) const BAD: Self =
        Self { lost: 20, delay: Duration::from_millis(250), spread: Duration::from_millis(80) };
    /// Nothing comes through.
    pub(crate) const BLACK_HOLE: Self = Self { lost: 100, ..Self::FAIR };
}

/// What happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Datagrams that came through.
    pub(crate) passed: u64,
    /// Datagrams that were lost.
    pub(crate) lost: u64,
    /// First packets of connections, from clients.
    pub(crate) initials: u64,
}

#[derive(Debug, Default)]
struct Counters {
    passed: AtomicU64,
    lost: AtomicU64,
    initials: AtomicU64,
    draws: AtomicU64,
}

/// One client's way to the relay: a port of its own.
#[derive(Debug)]
struct Way {
    socket: Arc<UdpSocket>,
    back: AbortHandle,
}

#[derive(Debug)]
struct Network {
    weather: Mutex<Weather>,
    ways: Mutex<BTreeMap<SocketAddr, Way>>,
    counters: Counters,
    front: UdpSocket,
    relay: SocketAddr,
}

/// A network at work, until it is dropped.
#[derive(Debug)]
pub(crate) struct Forwarder {
    /// What clients take for the relay.
    pub(crate) address: SocketAddr,
    network: Arc<Network>,
    runtime: Option<Runtime>,
}

impl Forwarder {
    /// Between clients, which find it at an address of this machine, and the relay, in fair weather.
    pub(crate) fn start(front: IpAddr, relay: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let front = runtime.block_on(UdpSocket::bind((front, 0))).unwrap();
        let address = front.local_addr().unwrap();
        let network = Arc::new(Network {
            weather: Mutex::new(Weather::FAIR),
            ways: Mutex::default(),
            counters: Counters::default(),
            front,
            relay,
        });
        runtime.spawn(Arc::clone(&network).carry());
        Self { address, network, runtime: Some(runtime) }
    }

    pub(crate) fn set(&self, weather: Weather) {
        *self.network.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// Forgets all ports, as NAT boxes do: what a client sends next comes from another one, and what the relay sends to
    /// the old one is lost.
    pub(crate) fn rebind(&self) {
        let mut ways = self.network.ways.lock().unwrap_or_else(PoisonError::into_inner);
        for way in std::mem::take(&mut *ways).into_values() {
            way.back.abort();
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { passed, lost, initials, .. } = &self.network.counters;
        Counts { passed: count(passed), lost: count(lost), initials: count(initials) }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Network {
    /// From clients to the relay.
    async fn carry(self: Arc<Self>) {
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let Ok((length, client)) = self.front.recv_from(&mut datagram).await else { continue };
            let datagram = datagram[..length].to_vec();
            if datagram.first().is_some_and(|first| first & INITIAL.0 == INITIAL.1) {
                self.counters.initials.fetch_add(1, Ordering::Relaxed);
            }
            let Some(delay) = self.judge() else { continue };
            let Some(socket) = self.way(client).await else { continue };
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                drop(socket.send(&datagram).await);
            });
        }
    }

    /// From the relay back to one client.
    async fn carry_back(self: Arc<Self>, socket: Arc<UdpSocket>, client: SocketAddr) {
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            // A relay that is not there is told by an error here: nothing comes, and that is all.
            let Ok(length) = socket.recv(&mut datagram).await else { continue };
            let Some(delay) = self.judge() else { continue };
            let (network, datagram) = (Arc::clone(&self), datagram[..length].to_vec());
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                drop(network.front.send_to(&datagram, client).await);
            });
        }
    }

    /// None while no route leads to the relay: what is sent then is lost.
    async fn way(self: &Arc<Self>, client: SocketAddr) -> Option<Arc<UdpSocket>> {
        let known = {
            let ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
            ways.get(&client).map(|way| Arc::clone(&way.socket))
        };
        if known.is_some() {
            return known;
        }
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap());
        socket.connect(self.relay).await.ok()?;
        let back = tokio::spawn(Arc::clone(self).carry_back(Arc::clone(&socket), client));
        let way = Way { socket: Arc::clone(&socket), back: back.abort_handle() };
        self.ways.lock().unwrap_or_else(PoisonError::into_inner).insert(client, way);
        Some(socket)
    }

    /// How long a datagram takes; none if it is lost.
    fn judge(&self) -> Option<Duration> {
        let weather = *self.weather.lock().unwrap_or_else(PoisonError::into_inner);
        let draw = self.draw();
        if draw % 100 < weather.lost {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.counters.passed.fetch_add(1, Ordering::Relaxed);
        let spread = u64::try_from(weather.spread.as_micros()).unwrap_or(u64::MAX);
        Some(weather.delay + Duration::from_micros((draw >> 16) % (spread + 1)))
    }

    /// `SplitMix64`.
    fn draw(&self) -> u64 {
        let step = self.counters.draws.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mut z = step;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
