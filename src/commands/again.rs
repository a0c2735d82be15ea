//! Hints name commands. A copied hint has to work on the same tenant and folder, so their options are added to it.

use std::borrow::Cow;
use std::path::Path;

/// The commands that work on a tenant's files.
const COMMANDS: [&str; 7] = ["pull", "diff", "push", "undo", "list", "check", "init"];

/// The options of a command line that say which tenant and folder are meant, and whose settings: ` --tenant dev --dir there`.
pub(super) fn options(tenant: Option<&str>, dir: Option<&Path>, env_file: Option<&Path>) -> String {
    let path = |option: &str, path: &Path| format!(" {option} {}", quoted(&path.to_string_lossy()));
    let tenant = tenant.map(|tenant| format!(" --tenant {tenant}"));
    let dir = dir.map(|dir| path("--dir", dir));
    let env_file = env_file.map(|file| path("--env-file", file));
    [tenant, dir, env_file].into_iter().flatten().collect()
}

/// The text in quotes, where a shell would not take it for one word.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}

/// The text with these options in each command that it names, unless they are there.
pub(super) fn named<'a>(text: &'a str, options: &str) -> Cow<'a, str> {
    const BEGIN: &str = "`tenantry ";
    if options.is_empty() || !text.contains(BEGIN) {
        return Cow::Borrowed(text);
    }
    let mut named = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        named.push_str(before);
        named.push_str(BEGIN);
        let command = COMMANDS.into_iter().find(|command| {
            after
                .strip_prefix(command)
                .is_some_and(|after| after.starts_with([' ', '`']))
        });
        let line = after.split('`').next().unwrap_or_default();
        rest = match command {
            Some(command) if !line.contains(" --tenant") && !line.contains(" --dir") => {
                named.push_str(command);
                named.push_str(options);
                &after[command.len()..]
            }
            _ => after,
        };
    }
    named.push_str(rest);
    Cow::Owned(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_the_tenant_and_the_folder_in_use() {
        let options = options(Some("dev"), Some(Path::new("my files")), None);
        let say = |text: &str| named(text, &options).into_owned();
        insta::assert_snapshot!(say("run `tenantry pull`, `tenantry push --yes x` or `tenantry pushed`; `tenantry pull --tenant a`"), @"run `tenantry pull --tenant dev --dir 'my files'`, `tenantry push --tenant dev --dir 'my files' --yes x` or `tenantry pushed`; `tenantry pull --tenant a`");
        assert_eq!(named("`tenantry pull`", ""), "`tenantry pull`");
    }
}
