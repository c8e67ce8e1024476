//! Nora with her phone, Ben with his phone and his tablet, and a relay: paired as people do it.

use crate::home::Home;
use crate::process::DEADLINE;
use crate::relay::Relay;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use tempfile::TempDir;

/// The relay, the homes, and the folder with all of it.
pub(crate) struct Cast {
    pub(crate) relay: Relay,
    pub(crate) nora: Home,
    pub(crate) ben: Home,
    pub(crate) tablet: Home,
    /// One text of both.
    pub(crate) agreement: String,
    pub(crate) folder: TempDir,
}

impl Cast {
    /// All of it, all in step, with one text of both.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = Relay::start(folder.path());
        let [nora, ben] = ["nora", "ben"].map(|name| {
            let home = Home::new(folder.path(), name);
            home.rows(&["init", "--name", name, "--relay", &relay.line]);
            home
        });
        pair(&nora, &ben, "--partner");
        let tablet = Home::new(folder.path(), "tablet");
        pair(&ben, &tablet, "--device");
        let text = "Nora says what she needs.\nBen asks before he explains.";
        let agreement = nora.saved(&["agreement", "new", text, "--title", "Evenings"]);
        let cast = Self { relay, nora, ben, tablet, agreement, folder };
        for home in cast.homes() {
            home.sync();
        }
        cast
    }

    /// Nora's phone, Ben's phone, Ben's tablet.
    pub(crate) fn homes(&self) -> [&Home; 3] {
        [&self.nora, &self.ben, &self.tablet]
    }

    /// Syncs until all have what all have.
    pub(crate) fn settle(&self) {
        for home in [&self.nora, &self.ben, &self.tablet, &self.ben, &self.nora] {
            home.sync();
        }
    }

    /// All three say the same, can prove it, and have nothing left to exchange. What they say.
    pub(crate) fn agree(&self) -> String {
        self.agree_but("")
    }

    /// As [`Cast::agree`], with incidents of one code.
    pub(crate) fn agree_but(&self, known: &str) -> String {
        let told = each(self.homes(), |home| (home.shared(), home.proved(known)));
        let [nora, ben, tablet] = &told;
        assert_eq!(nora, ben, "Nora's phone and Ben's phone");
        assert_eq!(ben, tablet, "Ben's phone and Ben's tablet");
        nora.0.clone()
    }

    /// The path of a folder or file of this world.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Does something on each home at once.
pub(crate) fn each<'a, T: Send, const N: usize>(
    homes: [&'a Home; N],
    act: impl Fn(&'a Home) -> T + Sync,
) -> [T; N] {
    let act = &act;
    thread::scope(|scope| {
        let at_work = homes.map(|home| scope.spawn(move || act(home)));
        at_work.map(|work| work.join().unwrap())
    })
}

/// Pairs two devices: each person types what the other's device shows.
pub(crate) fn pair(inviter: &Home, joiner: &Home, whom: &str) {
    let file = joiner.folder.with_extension("code");
    let file = file.to_str().unwrap();
    let (sender, lines) = channel();
    let mut inviting =
        inviter.start_into(&["invite", whom, "--code-file", file], 0, sender.clone());
    let mut joining = None;
    let mut shown = [None, None];
    let mut asked = [false; 2];
    let mut ended = 0;
    while ended < 2 {
        let (who, row) = lines.recv_timeout(DEADLINE).unwrap();
        let Some(row) = row else {
            ended += 1;
            continue;
        };
        if row.get("code_file").is_some() {
            joining = Some(joiner.start_into(&["join", "--code-file", file], 1, sender.clone()));
        } else if let Some(number) = row.get("show") {
            shown[who] = Some(number.as_str().unwrap().to_owned());
        } else if row.get("type").is_some() {
            asked[who] = true;
        }
        for side in 0..2 {
            if asked[side]
                && let Some(number) = &shown[1 - side]
            {
                asked[side] = false;
                let typing = if side == 0 { Some(&mut inviting) } else { joining.as_mut() };
                typing.unwrap().type_line(number);
            }
        }
    }
    inviting.ended();
    joining.unwrap().ended();
}
