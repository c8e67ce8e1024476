//! The data folder: made for the relay alone, and never on a network file system, where locks and fsync may lie.

use std::{
    fs::{self, DirBuilder, File},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

/// File systems on which a lock or an fsync can be taken back.
const NETWORK_FILE_SYSTEMS: [&str; 8] =
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs", "fuse.s3fs"];
/// What Linux says of its mounts (`man 5 proc_pid_mountinfo`).
const MOUNTS: &str = "/proc/self/mountinfo";

/// Why the folder cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// The folder in which it would be made is not there.
    #[error("the folder that should hold the data folder does not exist")]
    NoParent,
    /// A file stands there.
    #[error("the data folder is a file")]
    NotAFolder,
    /// No right to make it, or to write in it.
    #[error("the data folder cannot be written")]
    NotWritable,
    /// Somebody else's computer holds the disk.
    #[error("the data folder is on a network file system, which can lose what it has confirmed")]
    Network,
}

impl FolderError {
    /// The stable code, for scripts.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoParent => "store.missing",
            Self::NotAFolder => "store.not_a_folder",
            Self::NotWritable => "store.not_writable",
            Self::Network => "store.network",
        }
    }
}

/// Makes the folder if it is missing, for this user only, and checks that it can be written.
///
/// # Errors
/// Each case of [`FolderError`]; nothing was changed.
pub(crate) fn prepare(folder: &Path) -> Result<(), FolderError> {
    match fs::metadata(folder) {
        Ok(facts) if facts.is_dir() => {}
        Ok(_) => return Err(FolderError::NotAFolder),
        Err(error) if error.kind() == ErrorKind::NotFound => make(folder)?,
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(FolderError::NotAFolder);
        }
        Err(_) => return Err(FolderError::NotWritable),
    }
    let folder = fs::canonicalize(folder).map_err(|_| FolderError::NotWritable)?;
    let mounts = fs::read_to_string(MOUNTS).unwrap_or_default();
    if file_system(&folder, &mounts).is_some_and(|kind| NETWORK_FILE_SYSTEMS.contains(&kind)) {
        return Err(FolderError::Network);
    }
    let probe = folder.join(".writable");
    fs::write(&probe, b"").map_err(|_| FolderError::NotWritable)?;
    fs::remove_file(&probe).map_err(|_| FolderError::NotWritable)
}

/// A folder that is only in memory takes everything in it along when the power goes.
fn make(folder: &Path) -> Result<(), FolderError> {
    create(folder)?;
    let above = folder.parent().filter(|above| *above != Path::new(""));
    let above = File::open(above.unwrap_or(Path::new(".")));
    above.and_then(|above| above.sync_all()).map_err(|_| FolderError::NotWritable)
}

fn create(folder: &Path) -> Result<(), FolderError> {
    DirBuilder::new().mode(0o700).create(folder).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            FolderError::NoParent
        } else if error.kind() == ErrorKind::NotADirectory {
            FolderError::NotAFolder
        } else {
            FolderError::NotWritable
        }
    })
}

/// The kind of file system at `folder`: that of the longest mount point above it.
fn file_system<'a>(folder: &Path, mounts: &'a str) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            Some((mount.split(' ').nth(4)?, kind.split(' ').next()?))
        })
        .filter(|(point, _)| folder.starts_with(point))
        .max_by_key(|(point, _)| point.len())
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn b78_a_folder_that_cannot_hold_data_is_refused_and_says_why() {
        let temporary = tempfile::tempdir().unwrap();
        let path = |name: &str| temporary.path().join(name);
        prepare(&path("new")).unwrap();
        assert_eq!(fs::metadata(path("new")).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path("new")).unwrap().count(), 0);
        prepare(&path("new")).unwrap();

        assert_eq!(prepare(&path("no/new")), Err(FolderError::NoParent));
        fs::write(path("file"), b"").unwrap();
        assert_eq!(prepare(&path("file")), Err(FolderError::NotAFolder));
        assert_eq!(prepare(&path("file/new")), Err(FolderError::NotAFolder));
    }

    #[test]
    fn b78_a_network_file_system_is_known_by_its_mount() {
        let mounts = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                      99 21 0:51 / /srv rw shared:9 master:1 - nfs4 nas:/srv rw\n\
                      98 99 8:2 / /srv/local rw - xfs /dev/sdb rw\n";
        for (folder, kind) in
            [("/srv/relay", "nfs4"), ("/srv/local/relay", "xfs"), ("/srvother", "ext4")]
        {
            assert_eq!(file_system(Path::new(folder), mounts), Some(kind));
        }
        assert_eq!(file_system(Path::new("/srv"), ""), None);
    }
}
