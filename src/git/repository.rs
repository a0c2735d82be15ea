//! A repository, looked at from a tenant directory.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::error::GitError;
use super::object::{ObjectId, TrackedFile};
use super::process::{content_of_tree, failed, git, header, lines, run, tracked};

/// No file of a tenant directory comes near this; what is larger is not taken into memory.
const LARGEST_BLOB: u64 = 32 * 1024 * 1024;

/// The repository that a folder is in, looked at from that folder.
#[derive(Debug, Clone)]
pub struct Repository {
    folder: PathBuf,
    prefix: String,
    own_folder: PathBuf,
    is_shallow: bool,
    head: Option<ObjectId>,
}

impl Repository {
    /// The repository of a folder; None where it is in none.
    ///
    /// # Errors
    /// There is no git, or it refuses to look.
    pub fn of(folder: &Path) -> Result<Option<Repository>, GitError> {
        // Asked without git, so that it costs nothing where there is no repository.
        let Ok(folder) = fs::canonicalize(folder) else {
            return Ok(None);
        };
        if !folder.ancestors().any(|above| above.join(".git").exists()) {
            return Ok(None);
        }
        let folder = plain(&folder);
        let about = [
            "rev-parse",
            "--is-shallow-repository",
            "--git-common-dir",
            "--show-prefix",
        ];
        let output = lines(run(git(folder), about)?);
        let [is_shallow, own_folder, prefix] = output.as_slice() else {
            return Err(failed("rev-parse", "it answered something else"));
        };
        let head = run(git(folder), ["rev-parse", "--verify", "--quiet", "HEAD"]);
        let head = head.ok().map(lines).unwrap_or_default();
        Ok(Some(Repository {
            // As git has it: an absolute path, or one relative to the folder.
            own_folder: folder.join(own_folder),
            prefix: prefix.clone(),
            is_shallow: is_shallow == "true",
            // Before the first commit there is none.
            head: head.first().and_then(|head| ObjectId::parse(head)),
            folder: folder.to_owned(),
        }))
    }

    /// The commit that is checked out; None before the first one.
    pub fn head(&self) -> Option<&ObjectId> {
        self.head.as_ref()
    }

    /// Whether the clone has a part of the history only.
    pub fn is_shallow(&self) -> bool {
        self.is_shallow
    }

    /// git's own folder, shared by all work trees.
    pub fn own_folder(&self) -> &Path {
        &self.own_folder
    }

    /// A file's path from the root of the repository.
    pub fn path_from_root(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }

    /// The commit of that name.
    ///
    /// # Errors
    /// The text is no name of one commit, or the repository does not have it.
    pub fn commit(&self, rev: &str) -> Result<ObjectId, GitError> {
        let is_name = !rev.is_empty()
            && !rev.starts_with(['-', '^'])
            && !rev.contains(':')
            && !rev.contains("..")
            && !rev.contains(char::is_control);
        if !is_name {
            return Err(GitError::NoRev {
                rev: rev.to_owned(),
            });
        }
        let commit = format!("{rev}^{{commit}}");
        let asked = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &commit,
        ];
        let unknown = || GitError::UnknownRev {
            rev: rev.to_owned(),
            is_shallow: self.is_shallow,
        };
        let output = match run(self.git(), asked) {
            Ok(output) => lines(output),
            Err(GitError::Failed { .. }) => return Err(unknown()),
            Err(error) => return Err(error),
        };
        match output.as_slice() {
            [id] => ObjectId::parse(id).ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }

    /// The regular files that a folder of the tenant directory had at a commit; none where it was not there.
    ///
    /// # Errors
    /// git fails.
    pub fn files(&self, commit: &ObjectId, folder: &str) -> Result<Vec<TrackedFile>, GitError> {
        // What ends in a slash stands for what is in it; without one, the tenant directory itself is meant.
        let folder = format!("{folder}/");
        let path = if folder == "/" { "." } else { &folder };
        let output = run(self.git(), ["ls-tree", "-z", commit.as_str(), "--", path])?;
        Ok(tracked(&output.stdout, content_of_tree))
    }

    /// The regular files that folders of this name had at a commit, wherever they were in the repository; by their paths from its
    /// root.
    ///
    /// # Errors
    /// git fails.
    pub fn files_of_folders(
        &self,
        commit: &ObjectId,
        folder: &str,
    ) -> Result<Vec<TrackedFile>, GitError> {
        let all = ["ls-tree", "-r", "-z", "--full-tree", commit.as_str()];
        let mut files = tracked(&run(self.git(), all)?.stdout, content_of_tree);
        let is_in_one = |file: &TrackedFile| {
            let above = Path::new(&file.path).parent();
            above.is_some_and(|above| above.ends_with(folder))
        };
        files.retain(is_in_one);
        Ok(files)
    }

    /// Whether a commit is HEAD, or leads to it.
    ///
    /// # Errors
    /// git fails.
    pub fn is_in_past(&self, commit: &ObjectId) -> Result<bool, GitError> {
        let Some(head) = &self.head else {
            return Ok(false);
        };
        let beyond = ["rev-list", "--max-count=1", commit.as_str(), "--not"];
        let beyond = beyond.into_iter().chain([head.as_str(), "--"]);
        Ok(head == commit || run(self.git(), beyond)?.stdout.is_empty())
    }

    /// The regular files of the tenant directory that the index has, as the next commit will.
    ///
    /// # Errors
    /// git fails, or a merge is under way in one of them.
    pub fn staged(&self) -> Result<Vec<TrackedFile>, GitError> {
        let output = run(self.index()?, ["ls-files", "--stage", "-z", "--", "."])?;
        let unmerged = tracked(&output.stdout, |about| {
            let [_, id, stage] = about else { return None };
            (*stage != "0").then_some(*id)
        });
        if let Some(file) = unmerged.into_iter().next() {
            return Err(GitError::Unmerged { path: file.path });
        }
        Ok(tracked(&output.stdout, |about| {
            let [mode, id, _] = about else { return None };
            mode.starts_with("100").then_some(*id)
        }))
    }

    /// Every file in the index of the whole repository, as a path from the folder.
    ///
    /// # Errors
    /// git fails.
    pub fn tracked_files(&self) -> Result<Vec<PathBuf>, GitError> {
        let mut git = self.index()?;
        git.current_dir(self.folder.join(self.way_up()));
        let output = run(git, ["ls-files", "-z"])?;
        let files = String::from_utf8_lossy(&output.stdout);
        let files = files.split_terminator('\0');
        Ok(files
            .map(|file| match file.strip_prefix(&self.prefix) {
                Some(below) => PathBuf::from(below),
                None => self.way_up().join(file),
            })
            .collect())
    }

    /// The relative path from the folder to the root of the repository.
    fn way_up(&self) -> PathBuf {
        self.prefix.split_terminator('/').map(|_| "..").collect()
    }

    /// git, looking at the index that the next commit is made of.
    ///
    /// # Errors
    /// There is no such file, which git would take for an index without anything in it.
    fn index(&self) -> Result<Command, GitError> {
        let mut git = self.git();
        // While `git commit` runs a hook, it may be another file than usual, which git names from the root of the repository. An
        // outer repository's hook does not mean ours.
        let index = std::env::var_os("GIT_INDEX_FILE").map(PathBuf::from);
        let from_root = |index: PathBuf| self.folder.join(self.way_up()).join(index);
        let index = index.and_then(|index| match index.is_absolute() {
            true => Some(index),
            false => std::path::absolute(from_root(index))
                .ok()
                .filter(|index| self.owns(index)),
        });
        if let Some(index) = index {
            // Before the first commit there may be none.
            if self.head.is_some() && !index.is_file() {
                let index = index.display();
                let message = format!("GIT_INDEX_FILE names {index}, which is not there");
                return Err(failed("ls-files", &message));
            }
            git.env("GIT_INDEX_FILE", index);
        }
        Ok(git)
    }

    /// Whether a file is in git's own folder.
    fn owns(&self, file: &Path) -> bool {
        let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
        let own = self.own_folder.canonicalize().ok();
        folder
            .zip(own)
            .is_some_and(|(folder, own)| folder.starts_with(own))
    }

    /// The commits that changed one of these files of the tenant directory, newest first, on every line of history that leads to
    /// `from`; at most so many, and none that `settled` leads to.
    ///
    /// # Errors
    /// git fails.
    pub fn history(
        &self,
        files: &[&str],
        from: &ObjectId,
        settled: Option<&ObjectId>,
        at_most: Option<usize>,
    ) -> Result<Vec<ObjectId>, GitError> {
        let mut git = self.git();
        git.args(["rev-list", "--full-history"]);
        if let Some(at_most) = at_most {
            git.arg(format!("--max-count={at_most}"));
        }
        git.arg(from.as_str());
        if let Some(settled) = settled {
            git.arg(format!("^{settled}"));
        }
        git.arg("--");
        let output = run(git, files)?;
        let commits = lines(output);
        Ok(commits
            .iter()
            .filter_map(|commit| ObjectId::parse(commit))
            .collect())
    }

    /// The content ids of a file of the tenant directory at these commits; None where it was not there.
    ///
    /// # Errors
    /// git fails.
    pub fn contents_at(
        &self,
        file: &str,
        commits: &[ObjectId],
    ) -> Result<Vec<Option<ObjectId>>, GitError> {
        let path = self.path_from_root(file);
        // git reads one name from each line.
        if path.contains('\n') {
            return Ok(vec![None; commits.len()]);
        }
        let names = commits.iter().map(|commit| format!("{commit}:{path}"));
        let mut ids = Vec::new();
        self.batch("--batch-check", names.collect(), |output| {
            let id = header(output)?.map(|(id, _)| id);
            ids.push(id);
            Ok(())
        })?;
        Ok(ids)
    }

    /// Calls `each` with the content of each of these, in their order; None for one that is not there or is no file of ours. One
    /// process, however many there are.
    ///
    /// # Errors
    /// git fails.
    pub fn read(
        &self,
        contents: &[ObjectId],
        mut each: impl FnMut(Option<Vec<u8>>),
    ) -> Result<(), GitError> {
        let names = contents.iter().map(ToString::to_string).collect();
        self.batch("--batch", names, |output| {
            let Some((_, size)) = header(output)? else {
                each(None);
                return Ok(());
            };
            if size > LARGEST_BLOB {
                io::copy(&mut output.take(size + 1), &mut io::sink())?;
                each(None);
                return Ok(());
            }
            let mut content = Vec::new();
            output.take(size).read_to_end(&mut content)?;
            output.read_exact(&mut [0])?;
            each(Some(content));
            Ok(())
        })
    }

    /// Asks one `git cat-file` about every name, and has each answer read.
    fn batch(
        &self,
        form: &str,
        names: Vec<String>,
        mut each: impl FnMut(&mut dyn BufRead) -> io::Result<()>,
    ) -> Result<(), GitError> {
        if names.is_empty() {
            return Ok(());
        }
        let mut git = self.git();
        git.args(["cat-file", form])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let failed = |error: io::Error| failed("cat-file", &error.to_string());
        let mut child = git.spawn().map_err(|error| GitError::NoGit { error })?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let count = names.len();
        // git answers while it is still being asked, so another thread asks.
        let asking = thread::spawn(move || -> io::Result<()> {
            let Some(mut stdin) = stdin else {
                return Ok(());
            };
            stdin.write_all((names.join("\n") + "\n").as_bytes())
        });
        let mut answers = BufReader::with_capacity(
            1 << 16,
            stdout
                .into_iter()
                .fold(Box::new(io::empty()) as Box<dyn Read>, |_, stdout| {
                    Box::new(stdout)
                }),
        );
        let read = (0..count).try_for_each(|_| each(&mut answers));
        drop(answers);
        let asked = asking.join().unwrap_or(Ok(()));
        child.wait().map_err(failed)?;
        read.and(asked).map_err(failed)
    }

    fn git(&self) -> Command {
        git(&self.folder)
    }
}

/// A folder as programs on Windows take it, which do not know the form that the system itself has for it: `\\?\C:\work`.
fn plain(folder: &Path) -> &Path {
    let text = folder.to_str();
    let plain = text.and_then(|text| text.strip_prefix(r"\\?\"));
    let plain = plain.filter(|plain| !plain.starts_with(r"UNC\"));
    plain.map_or(folder, Path::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_own_form_of_a_folder_is_none_of_git_s() {
        for (folder, plainly) in [
            (r"\\?\C:\work\tenant", r"C:\work\tenant"),
            (r"\\?\UNC\host\share", r"\\?\UNC\host\share"),
            (r"C:\work", r"C:\work"),
            ("/work/tenant", "/work/tenant"),
        ] {
            assert_eq!(plain(Path::new(folder)), Path::new(plainly));
        }
    }
}
