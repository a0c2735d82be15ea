//! Where the project is: `tenant/` and the `.env` files are looked for here and in the folders above, as git does, up to the root of
//! the git repository.

use std::path::{Path, PathBuf};

/// This folder and those above it up to the root of the git repository, as paths from here: ``, `..`, `../..`. Outside a
/// repository, this folder alone: what lies above it is not ours.
pub(super) fn above() -> Vec<PathBuf> {
    let Ok(here) = std::env::current_dir() else {
        return vec![PathBuf::new()];
    };
    let root = here
        .ancestors()
        .position(|folder| folder.join(".git").exists());
    let up = |steps| std::iter::repeat_n("..", steps).collect();
    (0..=root.unwrap_or(0)).map(up).collect()
}

/// The nearest of these folders with the tenants' folder in it; where there is none, the folder is to be here.
pub(super) fn root(above: &[PathBuf], name: &Path) -> PathBuf {
    let mut folders = above.iter().map(|folder| folder.join(name));
    folders
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| name.to_owned())
}

/// The nearest of these folders with one of these files in it.
pub(super) fn holding<'a>(above: &'a [PathBuf], files: &[String]) -> Option<&'a Path> {
    let holds = |folder: &&PathBuf| files.iter().any(|file| folder.join(file).is_file());
    Some(above.iter().find(holds)?)
}
