//! The program's stop, while a client keeps it busy.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use wire::{address::AddressLine, frame::Frame, id::RendezvousId, refusal::Reason};

use crate::client::{Client, soon};

/// Longer than any answer from an empty mailbox.
const ANSWER_BYTES_MAX: usize = 65_536;

/// A relay in a process of its own. A test that fails leaves none behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Running {
    fn terminate(&self) {
        let sent = Command::new("kill").args(["-s", "TERM", &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

fn start(folder: &TempDir) -> (Running, AddressLine) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_reknit-relay"));
    program.args(["--listen", "127.0.0.1:0", "--data"]).arg(folder.path());
    let child = program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (running, line.trim_end().parse().unwrap())
}

/// Asks again and again, so that the relay is never done with what was begun.
async fn ask_on(client: Client) {
    let ask = Frame::MailGet { rid: RendezvousId::ZERO, from: 0, wait_ms: 0 }.encode();
    while let Ok((mut send, mut answer)) = client.quic.open_bi().await {
        if send.write_all(&ask).await.is_err() || send.finish().is_err() {
            break;
        }
        // The next is asked when this one is answered; whatever the answer is.
        drop(answer.read_to_end(ANSWER_BYTES_MAX).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b81_a_second_signal_ends_at_once_what_the_first_would_have_finished() {
    let folder = TempDir::new().unwrap();
    let (mut running, line) = start(&folder);
    let client = Client::connect(&line).await;
    let mut control = client.control().await;
    tokio::spawn(ask_on(client));
    running.terminate();
    let Frame::GoAway { refusal } = control.hear().await else { panic!("no word at the stop") };
    assert_eq!(refusal.reason, Reason::Away);
    running.terminate();
    let ended = soon(tokio::task::spawn_blocking(move || running.0.wait().unwrap().code())).await;
    assert_eq!(ended.unwrap(), Some(1), "a stop in order would have ended with 0");

    let (again, same) = start(&folder);
    assert_eq!(same.relay, line.relay);
    drop(again);
}
