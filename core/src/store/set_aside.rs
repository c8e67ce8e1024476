//! A store that cannot be trusted is set aside: its folder gets another name beside the old one, and nothing in it is
//! changed or deleted by this program, ever. The number in the name only counts.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::folder::{sync_folder, with_ending};
use super::presence::Presence;

/// So many stand side by side; then a person has to look at the disk, and to move them away.
const ASIDE_MAX: usize = 16;
/// What stands between the name and the number.
const ENDING: &str = ".aside-";

/// Gives the folder of a store another name, under a number that none beside it has, and returns that.
///
/// # Errors
/// [`StoreError::Absent`] if it is not there; [`StoreError::Busy`] while another process has it open;
/// [`StoreError::Crowded`] if as many stand there as may; [`StoreError::Disk`]. It is where it was then.
pub fn set_aside(folder: &Path) -> Result<PathBuf, StoreError> {
    let (presence, alone) = Presence::enter(folder)?;
    if !alone {
        return Err(StoreError::Busy);
    }
    let numbers = numbers(folder)?;
    if numbers.len() >= ASIDE_MAX {
        return Err(StoreError::Crowded);
    }
    let next = numbers.last().map_or(1, |last| last.saturating_add(1));
    let aside = numbered(folder, next)?;
    fs::rename(folder, &aside)?;
    sync_folder(folder.parent().unwrap_or(Path::new(".")))?;
    drop(presence);
    Ok(aside)
}

/// What was set aside last from this place.
///
/// # Errors
/// [`StoreError::Disk`].
pub fn last_set_aside(folder: &Path) -> Result<Option<PathBuf>, StoreError> {
    numbers(folder)?.last().map(|number| numbered(folder, *number)).transpose()
}

/// The numbers that are taken, in their order.
fn numbers(folder: &Path) -> Result<Vec<u32>, StoreError> {
    let prefix = with_ending(folder, ENDING)?;
    let prefix = prefix.file_name().ok_or(StoreError::Disk)?.to_string_lossy().into_owned();
    let mut numbers = Vec::new();
    let beside = match fs::read_dir(folder.parent().unwrap_or(Path::new("."))) {
        Ok(beside) => beside,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(numbers),
        Err(error) => return Err(error.into()),
    };
    for entry in beside {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn numbered(folder: &Path, number: u32) -> Result<PathBuf, StoreError> {
    with_ending(folder, &format!("{ENDING}{number}"))
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn d9_each_gets_a_number_of_its_own_and_none_takes_the_place_of_another() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("shared");
        assert_eq!(set_aside(&folder), Err(StoreError::Absent));
        assert_eq!(last_set_aside(&folder), Ok(None));
        for number in 1..=3 {
            drop(Store::create(&folder).unwrap());
            let aside = home.path().join(format!("shared.aside-{number}"));
            assert_eq!(set_aside(&folder), Ok(aside.clone()));
            assert!(!folder.exists() && aside.join("rows.db").exists());
            assert_eq!(last_set_aside(&folder), Ok(Some(aside)));
        }
        fs::remove_dir_all(home.path().join("shared.aside-2")).unwrap();
        drop(Store::create(&folder).unwrap());
        assert_eq!(set_aside(&folder), Ok(home.path().join("shared.aside-4")));
    }

    #[test]
    fn d9_a_store_that_somebody_has_open_stays_where_it_is() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("shared");
        let open = Store::create(&folder).unwrap();
        assert_eq!(set_aside(&folder), Err(StoreError::Busy));
        assert!(folder.exists());
        drop(open);
        assert!(set_aside(&folder).is_ok());
    }

    #[test]
    fn d9_past_sixteen_nothing_is_touched() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("shared");
        for number in 1..=ASIDE_MAX {
            fs::create_dir(home.path().join(format!("shared.aside-{number}"))).unwrap();
        }
        drop(Store::create(&folder).unwrap());
        assert_eq!(set_aside(&folder), Err(StoreError::Crowded));
        assert!(folder.join("rows.db").exists());
    }
}
