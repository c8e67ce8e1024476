//! The whole relay: folder, key, database, socket; and how it stops in order.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use quinn::{Endpoint, VarInt};
use tokio::{sync::watch, task::JoinSet, time::timeout};
use wire::{
    address::{AddressLine, RelayAddress},
    id::RelayId,
    refusal::Reason,
};

use crate::{
    Random,
    clock::Clock,
    config::Config,
    connection::{
        accept::{self, Door},
        gate::Gate,
        link::HubSender,
        tls,
    },
    data_folder::DataFolder,
    error::StartError,
    hub::{Hub, HubEnd},
    job::Bounds,
    protocol::{Limits, Rate, Relay, RelayKey},
    writer::Writer,
};

/// How long the last packets may take at a stop.
const LAST_PACKETS_TIME_MAX: Duration = Duration::from_secs(1);

/// Starts relays.
#[derive(Debug, Clone, Copy)]
pub struct Server;

/// A relay at work. Dropping it ends it at once, as a crash would; [`RunningServer::stop`] ends it in order.
pub struct RunningServer {
    line: AddressLine,
    endpoint: Endpoint,
    stopping: watch::Sender<bool>,
    end: watch::Receiver<Option<HubEnd>>,
    tasks: JoinSet<()>,
    writer: Writer,
    set_aside: Option<PathBuf>,
}

impl Server {
    /// Starts a relay in the current runtime. It answers when this returns.
    ///
    /// # Errors
    /// What the operator has to change: the folder, the key file, the database, or the address.
    #[expect(clippy::unused_async, reason = "QUIC needs the runtime of the caller")]
    pub async fn start(config: Config, mut random: Random) -> Result<RunningServer, StartError> {
        let DataFolder { storage, set_aside, seed } =
            DataFolder::open(&config.data_folder, &mut random)?;
        let clock = Clock::start();
        let gate = Gate::new(
            draw(&mut random),
            config.handshakes_per_second,
            config.max_handshakes,
            clock.moment(),
        );
        let tls = tls::server_config(&seed).map_err(|_| StartError::System)?;
        let key = RelayKey::from_seed(&seed).map_err(|_| StartError::System)?;
        let relay = Relay::new(key, storage.store_id(), limits(&config), clock.now());
        let endpoint = Endpoint::server(accept::quic_config(tls, &config), config.listen)
            .map_err(|_| StartError::Listen { port: config.listen.port() })?;
        let line = address_line(&config, &endpoint, relay.id())?;
        let (writer, jobs) = Writer::start(storage)?;

        let (stopping, told) = watch::channel(false);
        let (ended, end) = watch::channel(None);
        let (hub, events) = HubSender::new();
        let connections_max = usize::try_from(config.max_connections).unwrap_or(usize::MAX);
        let door = Door { endpoint: endpoint.clone(), hub, gate, clock, connections_max };
        let hub = Hub { relay, events, jobs, links: BTreeMap::new(), clock };
        let mut tasks = JoinSet::new();
        tasks.spawn(door.run(told.clone()));
        tasks.spawn(async move {
            ended.send_replace(Some(hub.run(told).await));
        });
        tracing::info!(
            port = line.address.port(),
            version = env!("CARGO_PKG_VERSION"),
            "relay started"
        );
        Ok(RunningServer { line, endpoint, stopping, end, tasks, writer, set_aside })
    }
}

impl fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunningServer(..)")
    }
}

impl RunningServer {
    /// What clients are told: `HOST:PORT/KEY`.
    pub fn address_line(&self) -> AddressLine {
        self.line.clone()
    }

    /// Where a damaged database was moved to at this start. The relay began empty, and clients fill it again.
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// Waits until the relay can go on no longer: its disk failed. Nothing unsaved was confirmed.
    pub async fn failed(&self) {
        let mut end = self.end.clone();
        let broken = end.wait_for(|end| *end == Some(HubEnd::Broken)).await.is_ok();
        if !broken {
            std::future::pending::<()>().await;
        }
    }

    /// Ends in order: nobody new, a word to everybody, what was begun finished and confirmed, the database closed.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        let mut end = self.end.clone();
        // An error: the hub is gone, which is as good.
        drop(end.wait_for(Option::is_some).await);
        self.endpoint.close(VarInt::from_u32(u32::from(Reason::Away as u16)), b"");
        // The hub's end of the jobs is gone, so the thread ends after the last commit.
        let writer = self.writer;
        drop(tokio::task::spawn_blocking(|| writer.join()).await);
        drop(timeout(LAST_PACKETS_TIME_MAX, self.endpoint.wait_idle()).await);
        self.tasks.shutdown().await;
        tracing::info!("relay stopped");
    }
}

/// An address that was left open, as 0.0.0.0, is of no use to clients: then this machine's own stands for it.
fn address_line(
    config: &Config,
    endpoint: &Endpoint,
    relay: RelayId,
) -> Result<AddressLine, StartError> {
    let local = endpoint.local_addr().map_err(|_| StartError::System)?;
    let host = match local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    let local = SocketAddr::new(host, local.port()).to_string();
    let address = RelayAddress::parse(config.address.as_deref().unwrap_or(&local))
        .map_err(|_| StartError::System)?;
    Ok(AddressLine { address, relay })
}

fn draw<const N: usize>(random: &mut Random) -> [u8; N] {
    let mut out = [0; N];
    random(&mut out);
    out
}

/// What the operator chose, in the protocol's words; the rest keeps its defaults.
fn limits(config: &Config) -> Limits {
    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);
    let per_hour = |count| Rate::new(count, count, HOUR);
    let per_minute = |count| Rate::new(count, count, MINUTE);
    let failures = config.failed_sign_ins_per_minute;
    let defaults = Limits::default();
    Limits {
        pushes: Rate::new(config.push_burst, config.pushes_per_second, SECOND),
        push_bytes: per_hour(config.push_bytes_per_hour),
        pulls: Rate::new(2 * config.pulls_per_second, config.pulls_per_second, SECOND),
        creations: per_hour(config.creations_per_hour),
        mailboxes: per_hour(config.mailboxes_per_hour),
        mail_requests: per_minute(config.mail_requests_per_minute),
        auth_failures: Rate::new(defaults.auth_failures.burst.max(failures), failures, MINUTE),
        storage: Bounds {
            spaces: config.max_spaces,
            data_bytes_per_principal: config.space_quota / 2,
            ..defaults.storage
        },
        ..defaults
    }
}
