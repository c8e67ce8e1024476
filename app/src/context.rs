//! What every command needs: where the vault is, what opens it, what time it is here, and where answers go.

use crate::cli::Options;
use crate::failure::Failure;
use crate::output::Output;
use crate::secret::{self, Opener};
use crate::words;
use reknit_core::client::{Driver, Found, Place, Session, Vault};
use reknit_core::environment::SystemRandom;
use reknit_core::model::id::{DocumentId, RecordId};
use reknit_core::model::when::{Zone, Zoned};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Fewer letters of an id are not taken.
pub(crate) const ID_LETTERS_MIN: usize = 4;

/// What `main` read from the process's environment.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// The home folder.
    pub(crate) home: Option<PathBuf>,
    /// Where programs keep a person's data.
    pub(crate) data: Option<PathBuf>,
    /// A folder on tmpfs of this person alone.
    pub(crate) runtime: Option<PathBuf>,
    /// Where temporary files go.
    pub(crate) temporary: PathBuf,
    /// The zone of this process.
    pub(crate) zone: Option<String>,
    /// Where the system's zone points to.
    pub(crate) system_zone: Option<PathBuf>,
    /// What sets up a relay that runs here.
    pub(crate) relay: Vec<(OsString, OsString)>,
    /// The editor of this person, a shell command.
    pub(crate) editor: Option<OsString>,
}

/// What every command needs.
#[derive(Debug)]
pub(crate) struct Context {
    /// As read at the start.
    pub(crate) environment: Environment,
    /// Where answers go.
    pub(crate) out: Output,
    home: PathBuf,
    secret_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    zone: Zone,
}

impl Context {
    /// From the options and the environment.
    ///
    /// # Errors
    /// [`Failure::NoHome`]; [`Failure::When`] for a zone that does not exist.
    pub(crate) fn new(
        options: Options,
        environment: Environment,
        out: Output,
    ) -> Result<Self, Failure> {
        let data = || {
            let data = environment.data.clone().filter(|path| path.is_absolute());
            data.or_else(|| environment.home.as_ref().map(|home| home.join(".local/share")))
        };
        let home = options.home.or_else(|| data().map(|data| data.join("reknit")));
        let home = home.ok_or(Failure::NoHome)?;
        let zone = match &options.zone {
            Some(chosen) => Zone::chosen(chosen)?,
            None => device_zone(&environment),
        };
        let (secret_file, key_file) = (options.secret_file, options.key_file);
        Ok(Self { environment, out, home, secret_file, key_file, zone })
    }

    /// Where the vault is, or will be.
    pub(crate) fn place(&self) -> Place {
        Place::Folder(self.home.clone())
    }

    /// The vault's folder.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Whether a vault is there.
    pub(crate) fn has_vault(&self) -> bool {
        Vault::exists(&self.place())
    }

    /// The zone of this device.
    pub(crate) const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What opens the vault: a key from its file, or the secret from its file or from the terminal.
    ///
    /// # Errors
    /// [`Failure::TwoOpeners`]; as [`secret::read`] and [`secret::read_key`].
    pub(crate) fn opener(&self, new: bool) -> Result<Opener, Failure> {
        match (&self.key_file, &self.secret_file) {
            (Some(_), Some(_)) => Err(Failure::TwoOpeners),
            (Some(path), None) => secret::read_key(path).map(Opener::Key),
            (None, file) => secret::read(file.as_deref(), new, self.out).map(Opener::Secret),
        }
    }

    /// Opens the vault.
    ///
    /// # Errors
    /// That there is none, that the secret is wrong, or that it is damaged.
    pub(crate) fn unlock(&self) -> Result<Session, Failure> {
        // Before the secret is asked for in vain.
        let vault = Vault::open(self.place())?;
        drop(vault);
        let opener = self.opener(false)?;
        let session = Session::open(self.place(), opener.unlock(), &mut SystemRandom)?;
        for of in session.rebuilding()? {
            self.out.remark(&words::rebuilding(&of));
        }
        Ok(session)
    }

    /// Opens the vault, with a clock and a network. `live` keeps listening.
    ///
    /// # Errors
    /// As [`Context::unlock`].
    pub(crate) fn driver(&self, live: bool) -> Result<Driver, Failure> {
        self.drive(self.unlock()?, live)
    }

    /// Gives an open vault a clock and a network.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn drive(&self, session: Session, live: bool) -> Result<Driver, Failure> {
        Ok(Driver::new(session, self.zone.as_str(), live)?)
    }
}

/// A time as typed, in the zone of this device.
///
/// # Errors
/// What [`Zoned::parse`] refuses.
pub(crate) fn time(typed: &str, driver: &Driver) -> Result<Zoned, Failure> {
    Ok(Zoned::parse(typed, &driver.now().at()?)?)
}

/// The record that an id or its beginning names.
///
/// # Errors
/// Unknown, ambiguous, or not a record.
pub(crate) fn record(session: &Session, typed: &str) -> Result<RecordId, Failure> {
    match session.find(typed)? {
        Found::Record(record) => Ok(record),
        Found::Document(_) => Err(Failure::OtherKind),
    }
}

/// The document that an id or its beginning names.
///
/// # Errors
/// Unknown, ambiguous, or not a document.
pub(crate) fn document(session: &Session, typed: &str) -> Result<DocumentId, Failure> {
    match session.find(typed)? {
        Found::Document(document) => Ok(document),
        Found::Record(_) => Err(Failure::OtherKind),
    }
}

/// The zone that this process or this system is set to, if it has an IANA name; else UTC.
fn device_zone(environment: &Environment) -> Zone {
    let own = environment.zone.as_deref().map(|zone| zone.trim_start_matches(':'));
    let link = environment.system_zone.as_deref().and_then(Path::to_str);
    let system = link.and_then(|link| link.split_once("zoneinfo/")).map(|(_, zone)| zone);
    let known = |zone: Option<&str>| zone.and_then(|zone| Zone::chosen(zone).ok());
    known(own).or_else(|| known(system)).unwrap_or_else(Zone::utc)
}
