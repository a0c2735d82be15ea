//! The git repository that a story is in. All that is known of it comes from git itself: the tests read it with the same program
//! that people use, and share no code with tenantry.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::common::client_file::{edit_file, read};
use crate::common::{git, text};
use crate::promise::{Clients, Entry, entries};
use crate::units::{FIELDS, units};

/// How a merge with conflicts is settled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Settle {
    /// Hunk by hunk, by git, in favour of this branch.
    HunksOurs,
    /// Hunk by hunk, by git, in favour of the other.
    HunksTheirs,
    /// File by file: each bit is a file, the lock's is the first; a bit that is set is this branch's.
    Files(u8),
    /// The lock is this branch's or the other's, and each file has what either branch changed in it.
    Union { our_lock: bool },
    /// Not at all.
    Abort,
}

/// A clone, and what it holds. Its tenant directory is `tenant`.
pub struct Repository {
    root: PathBuf,
    clones: usize,
    at: PathBuf,
    /// The commits that HEAD is or comes from, HEAD first.
    past: Vec<String>,
    /// What the lock says in each commit.
    locks: BTreeMap<String, Locked>,
    /// The clients' files in a commit.
    files: BTreeMap<String, Clients>,
    branches: Vec<String>,
}

/// The lock's entries; None where a commit has no lock.
pub type Locked = Option<BTreeMap<String, Entry>>;

impl Repository {
    pub fn new(root: &Path) -> Repository {
        let at = root.join("0");
        fs::create_dir(&at).unwrap();
        let repository = Repository {
            root: root.to_owned(),
            clones: 0,
            at,
            past: Vec::new(),
            locks: BTreeMap::new(),
            files: BTreeMap::new(),
            branches: vec!["main".to_owned()],
        };
        repository.must(&["init", "-q", "-b", "main"]);
        repository
    }

    pub fn tenant(&self) -> PathBuf {
        self.at.join("tenant")
    }

    fn does(&self, arguments: &[&str]) -> bool {
        git::attempt(&self.at, arguments).is_ok()
    }

    #[track_caller]
    fn must(&self, arguments: &[&str]) -> String {
        git::attempt(&self.at, arguments).unwrap_or_else(|said| panic!("git {arguments:?}: {said}"))
    }

    pub fn head(&self) -> Option<&str> {
        self.past.first().map(String::as_str)
    }

    pub fn past(&self) -> &[String] {
        &self.past
    }

    /// What the lock says in HEAD and the commits before it, each commit once.
    pub fn locks(&self) -> impl Iterator<Item = &BTreeMap<String, Entry>> {
        let past = self.past.iter();
        past.filter_map(|commit| self.locks[commit].as_ref())
    }

    /// Asks git anew where HEAD is and what is before it.
    fn look(&mut self) {
        let Ok(past) = git::attempt(&self.at, &["rev-list", "HEAD"]) else {
            self.past.clear();
            return;
        };
        self.past = past.lines().map(str::to_owned).collect();
        let past = self.past.iter();
        let new: Vec<String> = past
            .filter(|commit| !self.locks.contains_key(*commit))
            .cloned()
            .collect();
        let paths = new
            .iter()
            .map(|commit| format!("{commit}:tenant/tenant.lock"));
        let locks = self.objects(paths);
        for (commit, lock) in new.into_iter().zip(locks) {
            let lock = lock.map(|lock| entries(&lock));
            self.locks.insert(commit, lock);
        }
    }

    /// Objects by their names; None is one that is not there.
    fn objects(&self, names: impl Iterator<Item = String>) -> Vec<Option<String>> {
        let names: Vec<String> = names.collect();
        if names.is_empty() {
            return Vec::new();
        }
        let mut git = git::command(&self.at, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = git.stdin.take().unwrap();
        let asked = names.join("\n");
        let writer = std::thread::spawn(move || writeln!(stdin, "{asked}").unwrap());
        let output = git.wait_with_output().unwrap().stdout;
        writer.join().unwrap();
        let mut rest = output.as_slice();
        let objects = names.iter().map(|_| {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
            let header = std::str::from_utf8(&rest[..end]).unwrap();
            let size: Option<usize> = match header.ends_with(" missing") {
                true => None,
                false => Some(header.rsplit(' ').next().unwrap().parse().unwrap()),
            };
            rest = &rest[end + 1..];
            let content = String::from_utf8(rest[..size?].to_vec()).unwrap();
            rest = &rest[size? + 1..];
            Some(content)
        });
        objects.collect()
    }

    /// What the clients' files say in a commit.
    pub fn files(&mut self, commit: &str) -> &Clients {
        if !self.files.contains_key(commit) {
            let listed = self.must(&[
                "ls-tree",
                "-r",
                "--name-only",
                "-z",
                commit,
                "tenant/clients/",
            ]);
            let paths: Vec<&str> = listed.split_terminator('\0').collect();
            let names = paths.iter().map(|path| format!("{commit}:{path}"));
            let contents = self.objects(names);
            let mut files = Clients::new();
            for (path, content) in paths.iter().zip(contents) {
                let fields = read(path, &content.unwrap());
                files.insert(text(&fields["client_id"]), units(&fields));
            }
            self.files.insert(commit.to_owned(), files);
        }
        &self.files[commit]
    }

    pub fn commit(&mut self, number: usize) -> bool {
        self.must(&["add", "-A"]);
        let done = self.does(&["commit", "-q", "-m", &format!("Commit {number}")]);
        self.look();
        done
    }

    /// The commit that is so many before HEAD.
    pub fn back(&self, back: u8) -> Option<String> {
        let past = &self.past;
        let at = usize::from(back) % past.len().max(1);
        past.get(at).cloned()
    }

    /// Reverts a commit; with `range`, all since then.
    pub fn revert(&mut self, commit: &str, range: bool) -> bool {
        let commit = match range {
            true => format!("{commit}~1..HEAD"),
            false => commit.to_owned(),
        };
        let done = self.does(&["revert", "--no-edit", &commit]);
        if !done {
            self.does(&["revert", "--abort"]);
        }
        self.look();
        done
    }

    /// A new branch at HEAD or an older commit.
    pub fn branch(&mut self, commit: &str) -> bool {
        let name = format!("b{}", self.branches.len());
        let done = self.does(&["switch", "-q", "-c", &name, commit]);
        if done {
            self.branches.push(name);
            self.look();
        }
        done
    }

    fn of(&self, branch: u8) -> &str {
        &self.branches[usize::from(branch) % self.branches.len()]
    }

    pub fn switch(&mut self, branch: u8) -> bool {
        let done = self.does(&["switch", "-q", self.of(branch)]);
        self.look();
        done
    }

    /// Merges a branch. The commit that it is at, if it was merged.
    pub fn merge(&mut self, branch: u8, settle: Settle) -> Option<String> {
        let other = self.must(&["rev-parse", self.of(branch)]).trim().to_owned();
        let mut arguments = vec!["merge", "-q", "--no-edit"];
        match settle {
            Settle::HunksOurs => arguments.push("-Xours"),
            Settle::HunksTheirs => arguments.push("-Xtheirs"),
            _ => {}
        }
        arguments.push(&other);
        let mut done = self.does(&arguments);
        if !done && !self.unmerged().is_empty() {
            done = self.settle(settle) && self.does(&["commit", "-q", "--no-edit"]);
            if !done {
                self.must(&["merge", "--abort"]);
            }
        }
        self.look();
        done.then_some(other)
    }

    /// Paths in which there is a conflict, with the stages that there are.
    fn unmerged(&self) -> BTreeMap<String, Vec<u8>> {
        let listed = self.must(&["ls-files", "-u", "-z"]);
        let mut unmerged: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for line in listed.split_terminator('\0') {
            let (entry, path) = line.split_once('\t').unwrap();
            let stage = entry.bytes().last().unwrap() - b'0';
            unmerged.entry(path.to_owned()).or_default().push(stage);
        }
        unmerged
    }

    fn settle(&self, settle: Settle) -> bool {
        for (at, (path, stages)) in self.unmerged().into_iter().enumerate() {
            let is_lock = path.ends_with(".lock");
            let ours = match settle {
                Settle::HunksOurs => true,
                Settle::HunksTheirs => false,
                Settle::Files(bits) if is_lock => bits & 1 != 0,
                Settle::Files(bits) => bits & (2 << (at % 7)) != 0,
                Settle::Union { our_lock } if is_lock => our_lock,
                Settle::Union { .. } => {
                    if stages != [1, 2, 3] || !self.union(&path) {
                        return false;
                    }
                    continue;
                }
                Settle::Abort => return false,
            };
            let (stage, side) = if ours { (2, "--ours") } else { (3, "--theirs") };
            if stages.contains(&stage) {
                self.must(&["checkout", "-q", side, "--", &path]);
                self.must(&["add", "--", &path]);
            } else {
                self.must(&["rm", "-q", "--cached", "--", &path]);
                let _ = fs::remove_file(self.at.join(&path));
            }
        }
        true
    }

    /// What is ours, with every managed field that they changed.
    fn union(&self, path: &str) -> bool {
        let stage = |stage: u8| self.must(&["show", &format!(":{stage}:{path}")]);
        let [old, ours, theirs] = [1, 2, 3].map(stage);
        let (old, theirs) = (read(path, &old), read(path, &theirs));
        let file = self.at.join(path);
        fs::write(&file, ours).unwrap();
        for field in FIELDS {
            if theirs.get(field) != old.get(field) {
                edit_file(&file, field, theirs.get(field), 0);
            }
        }
        self.does(&["add", "--", path])
    }

    /// Whether there was anything to put aside. The number makes a stash differ from an earlier one of the same second.
    pub fn stash(&self, number: usize) -> bool {
        let said = self.must(&["stash", "push", "-u", "-m", &format!("Stash {number}")]);
        !said.starts_with("No local changes")
    }

    /// Takes the newest stash back; a conflict is decided for it, or else for what is there, and then all of that is HEAD's.
    pub fn pop(&mut self, theirs: bool) -> Popped {
        if self.does(&["stash", "pop", "-q"]) {
            return Popped::Taken;
        }
        let unmerged = self.unmerged();
        if unmerged.is_empty() {
            return Popped::Refused;
        }
        if !theirs {
            self.undo();
            self.must(&["stash", "drop", "-q"]);
            return Popped::Dropped;
        }
        for (path, stages) in &unmerged {
            if stages.contains(&3) {
                self.must(&["checkout", "-q", "--theirs", "--", path]);
            } else {
                let _ = fs::remove_file(self.at.join(path));
            }
        }
        self.must(&["reset", "-q"]);
        self.must(&["stash", "drop", "-q"]);
        Popped::Taken
    }

    /// Goes on in a new clone, with all branches.
    pub fn clone_anew(&mut self) {
        self.clones += 1;
        let new = self.root.join(self.clones.to_string());
        let to = new.to_str().unwrap();
        self.must(&["clone", "-q", ".", to]);
        self.at = new;
        self.must(&["fetch", "-q", "-u", "origin", "refs/heads/*:refs/heads/*"]);
        self.look();
    }

    /// Moves the branch to a commit; what was not committed is lost.
    pub fn reset(&mut self, commit: &str) {
        self.must(&["reset", "-q", "--hard", commit]);
        self.look();
    }

    /// Forgets all that is not in HEAD, new files too.
    pub fn undo(&mut self) {
        self.must(&["reset", "-q", "--hard"]);
        self.must(&["clean", "-q", "-f", "-d"]);
        self.look();
    }

    /// Files and lock as they were in a commit, over HEAD.
    pub fn over(&mut self, commit: &str) -> bool {
        self.does(&[
            "restore",
            "--staged",
            "--worktree",
            "--source",
            commit,
            "--",
            "tenant",
        ])
    }
}

/// What came of taking a stash back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Popped {
    Taken,
    Refused,
    Dropped,
}
