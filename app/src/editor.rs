//! Writing in the person's own editor: the text lies in a folder of theirs alone, in memory where the system has one,
//! and is gone afterwards. What an editor that was killed left behind is removed at the next start. Whoever opens it is
//! shown what the editor saves, as it saves it.

use crate::context::{Context, Environment};
use crate::failure::Failure;
use crate::text;
use reknit_core::model::Text;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A folder that is being made: never holds a text.
const MAKING: &str = "reknit-new-";
/// A folder with a text. Whoever uses it holds a lock on it.
const PREFIX: &str = "reknit-edit-";
const FILE: &str = "text.md";
/// How often is looked for what the editor saved: what stands still for one step is taken, so within two.
const STEP: Duration = Duration::from_millis(25);

/// Opens the editor on a text until what it leaves can be taken, or was left as it was. `saved` is handed each text that
/// the editor saves; while it returns false it is handed the same text again.
///
/// # Errors
/// [`Failure::NoText`] without an editor, [`Failure::Editor`], [`Failure::EditorFile`], and what the text is refused for.
pub(crate) fn write<const N: usize>(
    context: &Context,
    initial: &str,
    saved: &mut dyn FnMut(&str) -> bool,
) -> Result<Text<N>, Failure> {
    let editor = context.environment.editor.as_ref().ok_or(Failure::NoText)?;
    let folder = Folder::make(&base(&context.environment)).map_err(|_| Failure::EditorFile)?;
    let path = folder.path.join(FILE);
    put(&path, initial).map_err(|_| Failure::EditorFile)?;
    // An interrupt is for the editor; it must not leave its file behind.
    let _interrupts = signal(SignalKind::interrupt()).map_err(|_| Failure::System)?;
    let mut command = editor.clone();
    command.push(" \"$1\"");
    let mut before = None;
    let mut watch = Watch::new(&path, initial, saved);
    loop {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(&command).arg("sh").arg(&path);
        if !watch.run(shell)?.success() {
            return Err(Failure::Editor);
        }
        let read = File::open(&path).map_err(|_| Failure::EditorFile).and_then(text::read);
        let refused = match read.and_then(|text| Ok(Text::new(text)?)) {
            Ok(text) => return Ok(text),
            Err(refused) => refused,
        };
        // What was typed is not thrown away: the editor opens on it again, unless nobody is there to change it.
        let left = fs::read(&path).ok();
        if !io::stdin().is_terminal() || left == before {
            return Err(refused);
        }
        context.out.complain(&refused);
        before = left;
    }
}

/// Looks at what an editor saves.
struct Watch<'a> {
    path: &'a Path,
    text: String,
    /// The file as it was at the last look, and as it was when its text was taken.
    found: Option<Stamp>,
    taken: Option<Stamp>,
    saved: &'a mut dyn FnMut(&str) -> bool,
}

/// When a file was written, how long it is, and which one it is.
type Stamp = (i64, i64, u64, u64);

impl<'a> Watch<'a> {
    fn new(path: &'a Path, text: &str, saved: &'a mut dyn FnMut(&str) -> bool) -> Self {
        Self { path, text: text.to_owned(), found: None, taken: None, saved }
    }

    /// Runs the editor to its end, and looks once more after it.
    fn run(&mut self, mut command: Command) -> Result<ExitStatus, Failure> {
        let mut editor = command.spawn().map_err(|_| Failure::Editor)?;
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || drop(sender.send(editor.wait())));
        loop {
            match ended.recv_timeout(STEP) {
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::Editor),
                Ok(status) => {
                    self.take();
                    return status.map_err(|_| Failure::Editor);
                }
            }
        }
    }

    /// What changes from one look to the next may be half-written.
    fn look(&mut self) {
        let found = fs::metadata(self.path).ok();
        let found = found.map(|file| (file.mtime(), file.mtime_nsec(), file.len(), file.ino()));
        let still = found == self.found;
        self.found = found;
        if still && found.is_some() && found != self.taken && self.take() {
            self.taken = found;
        }
    }

    /// Hands on what the file says, if that is new. What cannot be read as a text is looked at again.
    fn take(&mut self) -> bool {
        let file = File::open(self.path).map_err(|_| Failure::EditorFile);
        let Ok(text) = file.and_then(text::read) else { return false };
        let taken = text == self.text || (self.saved)(&text);
        if taken {
            self.text = text;
        }
        taken
    }
}

/// Removes the folders of editors that were killed. What cannot be removed is somebody else's.
pub(crate) fn remove_leftovers(environment: &Environment) {
    let Ok(entries) = fs::read_dir(base(environment)) else { return };
    for entry in entries.filter_map(Result::ok) {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let unused = File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok());
        if unused {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// In memory where the system has such a folder, else where temporary files go.
fn base(environment: &Environment) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let runtime = environment.runtime.as_deref().filter(|folder| folder.is_dir());
    let memory = Some(memory).filter(|folder| folder.is_dir());
    runtime.or(memory).unwrap_or(&environment.temporary).to_owned()
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    if text.is_empty() || text.ends_with('\n') { Ok(()) } else { file.write_all(b"\n") }
}

/// A folder of this process alone, removed when it goes.
struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Made under another name and renamed once it is locked: at no time does it look left behind.
    fn make(base: &Path) -> io::Result<Self> {
        let making = tempfile::Builder::new()
            .prefix(MAKING)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(base)?;
        let lock = File::open(making.path())?;
        lock.try_lock()?;
        let name = making.path().file_name().unwrap_or_default().to_string_lossy();
        let path = base.join(name.replacen(MAKING, PREFIX, 1));
        fs::rename(making.path(), &path)?;
        drop(making.keep());
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(base: &Path) -> Environment {
        Environment {
            home: None,
            data: None,
            runtime: Some(base.to_owned()),
            temporary: base.to_owned(),
            zone: None,
            system_zone: None,
            relay: Vec::new(),
            editor: None,
        }
    }

    #[test]
    fn a_folder_in_use_stays_and_one_left_behind_goes() {
        let base = tempfile::tempdir().unwrap();
        let used = Folder::make(base.path()).unwrap();
        let mode = fs::metadata(&used.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        put(&used.path.join(FILE), "typed").unwrap();
        let left = base.path().join(format!("{PREFIX}killed"));
        fs::create_dir(&left).unwrap();
        put(&left.join(FILE), "typed").unwrap();
        remove_leftovers(&environment(base.path()));
        assert!(used.path.join(FILE).exists() && !left.exists());
        drop(used);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }
}
