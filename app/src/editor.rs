//! Writing in the person's own editor: the text lies in a folder of theirs alone, in memory where the system has one,
//! and is gone afterwards. What an editor that was killed left behind is removed at the next start.

use crate::context::{Context, Environment};
use crate::failure::Failure;
use crate::text;
use reknit_core::model::Text;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// A folder that is being made: never holds a text.
const MAKING: &str = "reknit-new-";
/// A folder with a text. Whoever uses it holds a lock on it.
const PREFIX: &str = "reknit-edit-";
const FILE: &str = "text.md";

/// Opens the editor on a text until what it leaves can be taken, or was left as it was.
///
/// # Errors
/// [`Failure::NoText`] without an editor, [`Failure::Editor`], [`Failure::EditorFile`], and what the text is refused for.
pub(crate) fn write<const N: usize>(context: &Context, initial: &str) -> Result<Text<N>, Failure> {
    let editor = context.environment.editor.as_ref().ok_or(Failure::NoText)?;
    let folder = Folder::make(&base(&context.environment)).map_err(|_| Failure::EditorFile)?;
    let path = folder.path.join(FILE);
    put(&path, initial).map_err(|_| Failure::EditorFile)?;
    // An interrupt is for the editor; it must not leave its file behind.
    let _interrupts = signal(SignalKind::interrupt()).map_err(|_| Failure::System)?;
    let mut command = editor.clone();
    command.push(" \"$1\"");
    let mut before = None;
    loop {
        let ended = Command::new("sh").arg("-c").arg(&command).arg("sh").arg(&path).status();
        if !ended.is_ok_and(|status| status.success()) {
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
