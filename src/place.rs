//! Where the project is: `tenant/` and the `.env` files are looked for here and in the folders above, as git does, up to the root of
//! the git repository.

use std::path::{Path, PathBuf};

/// `here` and the folders above it up to the root of the git repository, as paths from there: ``, `..`, `../..`. Outside a
/// repository, this folder alone: what lies above it is not ours.
pub(crate) fn above(here: &Path) -> Vec<PathBuf> {
    let root = here
        .ancestors()
        .position(|folder| folder.join(".git").exists());
    let up = |steps| std::iter::repeat_n("..", steps).collect();
    (0..=root.unwrap_or(0)).map(up).collect()
}

/// The nearest of these folders above `here` with the tenants' folder in it; where there is none, the folder is to be here.
pub(crate) fn root(here: &Path, above: &[PathBuf], name: &Path) -> PathBuf {
    let mut folders = above.iter().map(|folder| folder.join(name));
    folders
        .find(|folder| here.join(folder).is_dir())
        .unwrap_or_else(|| name.to_owned())
}
