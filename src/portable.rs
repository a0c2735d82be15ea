//! Names that not every system has.

/// Names that Windows keeps for devices, whatever their extension.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];
/// What no name has in it on Windows, beside control characters.
const REFUSED: &str = "<>:\"|?*\\";

/// Whether Windows keeps a name for a device: what stands before the first dot decides, less the blanks at its end.
pub(crate) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ');
    DEVICES.iter().any(|one| one.eq_ignore_ascii_case(stem))
}

/// Why Windows has no file or folder of that name; None where it can have one.
pub(crate) fn refused_by_windows(name: &str) -> Option<String> {
    let refused = |character: &char| *character < ' ' || REFUSED.contains(*character);
    match (name.chars().find(refused), name.chars().next_back()) {
        _ if is_device(name) => Some("its name is that of a device on Windows".to_owned()),
        (Some(character), _) if character < ' ' => Some(format!(
            "its name has the character U+{:04X} in it, which Windows refuses",
            u32::from(character)
        )),
        (Some(character), _) => Some(format!(
            "its name has `{character}` in it, which Windows refuses"
        )),
        (None, Some('.' | ' ')) => {
            Some("its name ends in a dot or a blank, which Windows takes away".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_refuses() {
        let names = [
            "web-app.yaml",
            "console.yaml",
            "a.con",
            "Müller & Söhne.yaml",
            "web .yaml",
            "web..yaml",
            "aux.yaml",
            "NUL",
            "con.backup.json",
            "Lpt1 .yaml",
            "a:b.yaml",
            "what?.yaml",
            "a\\b.yaml",
            "bell\u{7}.yaml",
            "dev.",
            "dev ",
        ];
        let said = names.map(|name| {
            let why = refused_by_windows(name);
            format!("{}: {}", name.escape_debug(), why.as_deref().unwrap_or("-"))
        });
        insta::assert_snapshot!(said.join("\n"), @r"
        web-app.yaml: -
        console.yaml: -
        a.con: -
        Müller & Söhne.yaml: -
        web .yaml: -
        web..yaml: -
        aux.yaml: its name is that of a device on Windows
        NUL: its name is that of a device on Windows
        con.backup.json: its name is that of a device on Windows
        Lpt1 .yaml: its name is that of a device on Windows
        a:b.yaml: its name has `:` in it, which Windows refuses
        what?.yaml: its name has `?` in it, which Windows refuses
        a\\b.yaml: its name has `\` in it, which Windows refuses
        bell\u{7}.yaml: its name has the character U+0007 in it, which Windows refuses
        dev.: its name ends in a dot or a blank, which Windows takes away
        dev : its name ends in a dot or a blank, which Windows takes away
        ");
    }
}
