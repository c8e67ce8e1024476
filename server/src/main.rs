//! `reknit-relay`: reads the configuration, starts the relay, runs until a signal.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use reknit_relay::{
    Server,
    config::{self, Config, ConfigError, Sources},
    log,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a wrong configuration or folder ends with, as command lines do.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let config = match configuration() {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    log::start(config.log_level, config.log_format);
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else {
        return fail("start.system", "the system gives no threads", 1);
    };
    let exit = runtime.block_on(run(config));
    runtime.shutdown_background();
    exit
}

fn configuration() -> Result<Config, ExitCode> {
    let matches = config::command().try_get_matches().map_err(|asked| {
        // Printed by hand: a closed pipe is no reason to panic.
        let text = asked.render().to_string();
        match asked.exit_code() {
            0 => say(&text),
            _ => complain(&text),
        }
        ExitCode::from(u8::try_from(asked.exit_code()).unwrap_or(EXIT_USAGE))
    })?;
    let file: Option<OsString> = matches
        .get_one::<OsString>("config")
        .cloned()
        .or_else(|| env::var_os("REKNIT_RELAY_CONFIG"));
    let sources = Sources {
        file: file.map(|path| {
            let name = Path::new(&path).file_name().unwrap_or(&path).to_owned();
            (name, fs::read(&path).ok())
        }),
        environment: env::vars_os().collect(),
        flags: config::matched(&matches),
    };
    config::load(&sources)
        .map_err(|error: ConfigError| fail(error.code(), &error.to_string(), EXIT_USAGE))
}

async fn run(config: Config) -> ExitCode {
    let (Ok(mut stop), Ok(mut interrupt), Ok(_ignored)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()), // A closed terminal does not stop a relay.
    ) else {
        return fail("start.system", "the system gives no signals", 1);
    };
    let this_machine_only = config.listen.ip().is_loopback();
    let random = Box::new(|out: &mut [u8]| {
        #[expect(clippy::expect_used, reason = "without randomness no key may be made")]
        getrandom::fill(out).expect("the operating system gives randomness");
    });
    let server = match Server::start(config, random).await {
        Ok(server) => server,
        Err(error) => return fail(error.code(), &error.to_string(), EXIT_USAGE),
    };
    if let Some(aside) = server.set_aside() {
        complain(&format!(
            "store.damaged: The database was damaged. It was set aside in {}, unchanged. \
             The relay started empty; each device puts back what it holds.\n",
            aside.display()
        ));
    }
    say(&format!("{}\n", server.address_line()));
    if this_machine_only {
        complain(
            "Only this machine can connect. To be reached from elsewhere: \
             --listen 0.0.0.0:8443 --address HOST:8443\n",
        );
    }
    tokio::select! {
        () = either(&mut stop, &mut interrupt) => {}
        () = server.failed() => {
            return fail("store.failed", "the disk failed. What was confirmed is on it; start again", 1);
        }
    }
    tokio::select! {
        () = server.stop() => ExitCode::SUCCESS,
        // Who asks twice does not want to wait. What was confirmed is on the disk.
        () = either(&mut stop, &mut interrupt) => ExitCode::FAILURE,
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {},
        _ = other.recv() => {},
    }
}

fn fail(code: &str, sentence: &str, exit: u8) -> ExitCode {
    complain(&format!("{code}: {sentence}\n"));
    ExitCode::from(exit)
}

/// To standard output. Whoever reads it may have gone.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// To standard error. Whoever reads it may have gone.
fn complain(text: &str) {
    let _gone = io::stderr().lock().write_all(text.as_bytes());
}
