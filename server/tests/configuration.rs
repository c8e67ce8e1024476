//! What an operator can get wrong, row by row, and the sentence that answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::OsString;

use reknit_relay::config::{Config, LogLevel, SETTINGS, Sources, command, load, matched};

fn file(text: &str) -> Sources {
    Sources {
        file: Some(("relay.toml".into(), Some(text.as_bytes().to_vec()))),
        ..Sources::default()
    }
}

fn refused(sources: &Sources) -> (&'static str, String) {
    let error = load(sources).unwrap_err();
    (error.code(), error.to_string())
}

#[test]
fn b74_an_unknown_key_is_named_with_its_line_and_the_nearest_key() {
    let (code, text) = refused(&file("# a relay\n\nmax_conection = 5\n"));
    assert_eq!(code, "config.unknown");
    assert_eq!(
        text,
        "relay.toml line 3: unknown key 'max_conection'. Did you mean 'max_connections'?"
    );
    let (_, text) = refused(&file("[server]\nlisten = \"127.0.0.1:1\"\n"));
    assert_eq!(text, "relay.toml line 1: unknown key 'server'. --help lists all keys.");
    let variable = ("REKNIT_RELAY_LISTN".into(), "x".into());
    let (code, text) = refused(&Sources { environment: vec![variable], ..Sources::default() });
    assert_eq!(code, "config.unknown");
    assert_eq!(text, "environment REKNIT_RELAY_LISTN: unknown key 'listn'. Did you mean 'listen'?");
}

#[test]
fn b75_a_number_out_of_range_is_answered_with_the_range() {
    let quota = "space_quota must be between 16MiB and 64GiB, got ";
    let count = "max_connections must be between 1 and 1000000, got ";
    let unit = "space_quota takes bytes, or a number with KiB, MiB or GiB, got ";
    for (line, sentence, got) in [
        ("space_quota = \"3MiB\"", quota, "3MiB"),
        ("space_quota = -1", quota, "-1"),
        ("space_quota = 1e99", quota, "1e99"),
        ("space_quota = \"1e99\"", quota, "1e99"),
        ("space_quota = \"99999999999999999999GiB\"", quota, "99999999999999999999GiB"),
        ("space_quota = \"10GB\"", unit, "10GB"),
        ("space_quota = \"10gib\"", unit, "10gib"),
        ("space_quota = \"\"", quota, ""),
        ("max_connections = 0", count, "0"),
        ("max_connections = -5", count, "-5"),
        ("max_connections = 1e99", count, "1e99"),
        ("max_connections = true", count, "boolean"),
        ("max_connections = [1]", count, "array"),
        ("max_connections = \"many\"", count, "many"),
        ("push_burst = 3", "push_burst must be between 32 and 1000000, got ", "3"),
    ] {
        let (code, text) = refused(&file(&format!("\n\n\n\n\n\n\n{line}\n")));
        assert_eq!(code, "config.range", "{line}");
        assert_eq!(text, format!("relay.toml line 8: {sentence}{got}"));
    }
}

#[test]
fn b75_units_and_separators_are_read() {
    let config = load(&file("space_quota = \"1 GiB\"\nmax_connections = 1_000\n")).unwrap();
    assert_eq!((config.space_quota, config.max_connections), (1 << 30, 1_000));
    assert_eq!(load(&file("space_quota = 33554432")).unwrap().space_quota, 32 << 20);
}

#[test]
fn b76_an_address_that_cannot_be_listened_on_is_refused() {
    for wrong in ["relay.example.org:8443", "127.0.0.1", "127.0.0.1:99999", ":8443", ""] {
        let (code, text) = refused(&file(&format!("listen = \"{wrong}\"")));
        assert_eq!(code, "config.form");
        let expected =
            "relay.toml line 1: listen must be an IP address and port, such as 0.0.0.0:8443";
        assert_eq!(text, format!("{expected}, got {wrong}"));
    }
    let (_, text) = refused(&file("address = \"https://relay.example.org\""));
    assert!(text.contains("address must be HOST:PORT"), "{text}");
}

#[test]
fn b79_without_any_configuration_it_listens_on_this_machine_only() {
    let config = load(&Sources::default()).unwrap();
    assert_eq!(config, Config::default());
    assert!(config.listen.ip().is_loopback());
}

#[test]
fn b80_no_argument_makes_it_panic_and_none_is_a_secret() {
    let long = "x".repeat(1 << 20);
    for (arguments, code) in [
        (vec!["--help"], 0),
        (vec!["--version"], 0),
        (vec!["--nothing"], 2),
        (vec!["--listen"], 2),
        (vec!["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"], 2),
        (vec![long.as_str()], 2),
    ] {
        let all = std::iter::once("reknit-relay").chain(arguments);
        let error = command().try_get_matches_from(all).unwrap_err();
        assert_eq!(error.exit_code(), code);
    }
    let all = ["reknit-relay", "--listen", long.as_str()];
    let flags = matched(&command().try_get_matches_from(all).unwrap());
    let (_, text) = refused(&Sources { flags, ..Sources::default() });
    assert!(text.starts_with("--listen: listen must be") && text.len() < 300);
    for setting in SETTINGS {
        assert!(!["key", "seed", "secret"].iter().any(|word| setting.name.contains(word)));
    }
}

#[cfg(unix)]
#[test]
fn b80_a_folder_may_have_a_name_that_is_not_text() {
    use std::os::unix::ffi::OsStringExt;
    let name = OsString::from_vec(vec![b'/', 0xff, 0xfe]);
    let flags = vec![("data", name.clone())];
    let config = load(&Sources { flags, ..Sources::default() }).unwrap();
    assert_eq!(config.data_folder.as_os_str(), name);
    let flags = vec![("listen", name)];
    let (_, text) = refused(&Sources { flags, ..Sources::default() });
    assert_eq!(text, "--listen: listen must be UTF-8 text");
}

#[test]
fn b82_no_level_below_info_can_be_asked_for() {
    for level in ["debug", "trace", "INFO", "reknit_relay=trace"] {
        let (code, text) = refused(&file(&format!("log_level = \"{level}\"")));
        assert_eq!(code, "config.form");
        assert!(text.contains("error, warn or info: more is never logged"), "{text}");
    }
    let environment = vec![("RUST_LOG".into(), "trace".into())];
    let config = load(&Sources { environment, ..Sources::default() }).unwrap();
    assert_eq!(config.log_level, LogLevel::Info);
}

#[test]
fn a_file_that_is_not_toml_or_says_a_thing_twice_is_refused() {
    let (code, text) = refused(&file("listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n"));
    assert_eq!(code, "config.form");
    assert_eq!(text, "relay.toml line 2: a key stands twice. Remove one of the two.");
    let (_, text) = refused(&file("\nlisten 127.0.0.1\n"));
    assert!(text.starts_with("relay.toml line 2: this is not TOML"), "{text}");
    let missing = Sources { file: Some(("relay.toml".into(), None)), ..Sources::default() };
    assert_eq!(refused(&missing).1, "relay.toml: this file cannot be read. Is it there?");
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let mut sources = file("max_spaces = 1\npush_burst = 41\nmax_connections = 1\n");
    sources.environment = vec![
        ("REKNIT_RELAY_MAX_SPACES".into(), "2".into()),
        ("REKNIT_RELAY_MAX_CONNECTIONS".into(), "2".into()),
        ("REKNIT_RELAY_CONFIG".into(), "relay.toml".into()),
        ("PATH".into(), "/bin".into()),
    ];
    sources.flags = vec![("max_connections", "3".into())];
    let config = load(&sources).unwrap();
    assert_eq!((config.push_burst, config.max_spaces, config.max_connections), (41, 2, 3));
}

#[test]
fn what_is_shown_of_a_bad_value_cannot_rewrite_a_terminal() {
    let (_, text) = refused(&file("log_level = \"\\u001b[2J\""));
    assert!(text.contains("got ?[2J") && !text.contains('\u{1b}'));
}
