//! What an operator gets wrong, B74 to B83: configuration, folders, the command line, signals.

use crate::bench::{Bench, MEBIBYTE, Refuser, Row, Said};
use reknit_relay::config::{Config, LogLevel, Sources, command, load, matched};
use reknit_relay::{Random, RunningServer, Server, StartError};
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const AT: Refuser = Refuser { who: "relay", bar: MEBIBYTE };

pub(crate) const ROWS: &[Row] = &[
    AT.row(74, &["config.unknown"], "an unknown key in a file, a variable", b74),
    AT.row(75, &["config.range"], "numbers out of range, other units, 1e99", b75),
    AT.row(76, &["config.form", "config.listen"], "no address; a port in use", b76),
    AT.row(77, &["config.tls"], "a key file that is empty, cut, PEM, readable by all", b77),
    AT.row(
        78,
        &["store.missing", "store.not_a_folder", "store.foreign", "store.newer"],
        "a folder that is missing, a file, another's, of a newer format",
        b78,
    ),
    AT.row(79, &["-"], "no configuration at all", b79),
    // A megabyte typed is a megabyte held, and held again in what is said of it.
    Row {
        bar: 8 * MEBIBYTE,
        ..AT.row(
            80,
            &["usage", "config.form", "-"],
            "wrong flags, a flag twice, 1 MB, a name that is no text",
            b80,
        )
    },
    AT.row(81, &["-"], "a closed standard output, two signals", b81),
    AT.row(82, &["-", "config.form"], "RUST_LOG=trace, log_level = \"trace\"", b82),
    AT.row(83, &["store.locked"], "a second program on a live folder", b83),
];

fn file(text: &str) -> Sources {
    let bytes = Some(text.as_bytes().to_vec());
    Sources { file: Some(("relay.toml".into(), bytes)), ..Sources::default() }
}

fn refusal(sources: &Sources) -> Option<Said> {
    load(sources).err().map(|error| Said::new(error.code(), error))
}

fn loads(bench: &mut Bench) {
    let good = file("listen = \"127.0.0.1:4433\"\nspace_quota = \"1 GiB\"\n");
    bench.good("a good file", load(&good).is_ok());
}

fn b74(bench: &mut Bench) {
    bench.bad("a key", || refusal(&file("# a relay\n\nmax_conection = 5\n")));
    bench.bad("a table", || refusal(&file("[server]\nlisten = \"127.0.0.1:1\"\n")));
    let variable = ("REKNIT_RELAY_LISTN".into(), "x".into());
    let environment = Sources { environment: vec![variable], ..Sources::default() };
    bench.bad("a variable", || refusal(&environment));
    let long = format!("{} = 1\n", "k".repeat(60_000));
    bench.bad("60,000 letters", || refusal(&file(&long)));
    loads(bench);
}

fn b75(bench: &mut Bench) {
    for line in [
        "space_quota = \"3MiB\"",
        "space_quota = -1",
        "space_quota = 1e99",
        "space_quota = \"10GB\"",
        "space_quota = \"99999999999999999999GiB\"",
        "max_connections = 0",
        "max_connections = true",
        "push_burst = 3",
    ] {
        bench.bad(line, || refusal(&file(&format!("\n\n\n{line}\n"))));
    }
    loads(bench);
}

fn random() -> Random {
    Box::new(|out| getrandom::fill(out).expect("randomness"))
}

fn config(folder: &Path) -> Config {
    let listen = "127.0.0.1:0".parse().expect("an address");
    Config { listen, data_folder: folder.to_owned(), ..Config::default() }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap()
}

fn start(runtime: &Runtime, config: Config) -> Result<RunningServer, StartError> {
    runtime.block_on(Server::start(config, random()))
}

fn why(started: Result<RunningServer, StartError>) -> Option<Said> {
    started.err().map(|error| Said::new(error.code(), error))
}

fn b76(bench: &mut Bench) {
    for wrong in ["relay.example.org:8443", "127.0.0.1", "127.0.0.1:99999", ":8443", ""] {
        bench.bad("no address", || refusal(&file(&format!("listen = \"{wrong}\""))));
    }
    let (runtime, folders) = (runtime(), [TempDir::new().unwrap(), TempDir::new().unwrap()]);
    let first = start(&runtime, config(folders[0].path())).unwrap();
    let mut taken = config(folders[1].path());
    taken.listen.set_port(first.address_line().address.port());
    bench.bad("a port in use", || why(start(&runtime, taken.clone())));
    taken.listen.set_port(0);
    bench.good("another port", start(&runtime, taken).is_ok());
    runtime.block_on(first.stop());
}

fn b77(bench: &mut Bench) {
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    let first = start(&runtime, config(folder.path())).unwrap();
    let line = first.address_line();
    runtime.block_on(first.stop());
    let path = folder.path().join("relay.key");
    let good = fs::read(&path).unwrap();
    let crlf = [good.strip_suffix(b"\n").unwrap(), b"\r\n"].concat();
    let pem: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
    for wrong in [b"".as_slice(), b"\n", &crlf, &good[1..], pem, &[0xff; 65]] {
        fs::write(&path, wrong).unwrap();
        bench.bad("another file", || why(start(&runtime, config(folder.path()))));
        bench.good("the file is as it was", fs::read(&path).unwrap() == wrong);
    }
    fs::write(&path, &good).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    bench.bad("readable by all", || why(start(&runtime, config(folder.path()))));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let again = start(&runtime, config(folder.path())).unwrap();
    bench.good("the same relay", again.address_line().relay == line.relay);
}

fn b78(bench: &mut Bench) {
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    let path = |name: &str| folder.path().join(name);
    bench.bad("no parent", || why(start(&runtime, config(&path("no/new")))));
    fs::write(path("file"), b"").unwrap();
    bench.bad("a file", || why(start(&runtime, config(&path("file")))));
    fs::create_dir(path("other")).unwrap();
    fs::write(path("other/relay.db"), [7; 5_000]).unwrap();
    bench.bad("another program's", || why(start(&runtime, config(&path("other")))));
    let first = start(&runtime, config(&path("newer"))).unwrap();
    runtime.block_on(first.stop());
    let format = set_format(&path("newer/relay.db"), 99);
    bench.bad("a newer format", || why(start(&runtime, config(&path("newer")))));
    set_format(&path("newer/relay.db"), format);
    bench.good("its own format", start(&runtime, config(&path("newer"))).is_ok());
}

/// Writes another format number into a database, and gives the one that stood there.
fn set_format(path: &Path, format: u32) -> u32 {
    let database = rusqlite::Connection::open(path).unwrap();
    let before = database.pragma_query_value(None, "user_version", |it| it.get(0)).unwrap();
    database.pragma_update(None, "user_version", format).unwrap();
    before
}

fn b79(bench: &mut Bench) {
    let mut made = None;
    bench.bad("nothing", || {
        let loaded = load(&Sources::default());
        made = loaded.as_ref().ok().cloned();
        loaded.err().map(|error| Said::new(error.code(), error))
    });
    bench.good("it listens here only", made.unwrap().listen.ip().is_loopback());
}

fn b80(bench: &mut Bench) {
    let long = "x".repeat(1 << 20);
    let usage = |arguments: &[&str]| {
        let all = std::iter::once("reknit-relay").chain(arguments.iter().copied());
        let error = command().try_get_matches_from(all).expect_err("no settings");
        (error.exit_code() == 2).then(|| Said::new("usage", error))
    };
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["--nothing"],
        &["--listen"],
        &["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"],
        &[long.as_str()],
    ] {
        bench.bad("arguments", || usage(arguments));
    }
    let all = ["reknit-relay", "--listen", long.as_str()];
    let flags = matched(&command().try_get_matches_from(all).unwrap());
    bench.bad("a value of 1 MB", || refusal(&Sources { flags, ..Sources::default() }));
    let name = OsString::from_vec(vec![b'/', 0xff, 0xfe]);
    let flags = vec![("data", name.clone())];
    let folder = load(&Sources { flags, ..Sources::default() }).unwrap().data_folder;
    bench.good("a folder of any name", folder.as_os_str() == name);
    let flags = vec![("listen", name)];
    bench.bad("an address that is no text", || refusal(&Sources { flags, ..Sources::default() }));
}

/// The relay's program: beside this one, built if it is not there.
fn program() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let program = this.parent().unwrap().parent().unwrap().join("reknit-relay");
    if !program.exists() {
        let cargo = Command::new(env!("CARGO"));
        let built = { cargo }.args(["build", "--quiet", "-p", "reknit-relay"]).status().unwrap();
        assert!(built.success());
    }
    program
}

fn running(program: &Path, folder: &Path) -> Child {
    let mut relay = Command::new(program);
    relay.args(["--listen", "127.0.0.1:0", "--data"]).arg(folder);
    relay.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

fn b81(bench: &mut Bench) {
    let folder = TempDir::new().unwrap();
    let (mut ends, program) = (vec![], program());
    bench.bad("a reader that goes away", || {
        let mut help = Command::new(&program).arg("--help").stdout(Stdio::piped()).spawn().unwrap();
        drop(help.stdout.take());
        ends.push(help.wait().unwrap().code());
        None
    });
    for signals in [&["TERM"][..], &["HUP", "PIPE", "TERM", "TERM"]] {
        bench.bad("signals", || {
            let mut relay = running(&program, folder.path());
            let mut line = String::new();
            BufReader::new(relay.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
            for name in signals {
                signal(&relay, name);
            }
            ends.push(relay.wait().unwrap().code());
            None
        });
    }
    bench.good("all end in order", ends == [Some(0); 3] || ends == [Some(0), Some(0), Some(1)]);
    let mut relay = running(&program, folder.path());
    let mut line = String::new();
    BufReader::new(relay.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    bench.good("it starts again", line.contains("127.0.0.1"));
    signal(&relay, "TERM");
    relay.wait().unwrap();
}

fn b82(bench: &mut Bench) {
    let environment = vec![("RUST_LOG".into(), "trace".into())];
    let sources = Sources { environment, ..Sources::default() };
    bench.bad("the environment", || {
        assert_eq!(load(&sources).unwrap().log_level, LogLevel::Info);
        None
    });
    for level in ["debug", "trace", "reknit_relay=trace"] {
        bench.bad("the file", || refusal(&file(&format!("log_level = \"{level}\""))));
    }
    loads(bench);
}

fn b83(bench: &mut Bench) {
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    let first = start(&runtime, config(folder.path())).unwrap();
    bench.bad("a second relay", || why(start(&runtime, config(folder.path()))));
    runtime.block_on(first.stop());
    bench.good("after the first has gone", start(&runtime, config(folder.path())).is_ok());
}
