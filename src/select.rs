//! Which clients a command is about: by file stem, client name or client id, globs allowed. A selector that matches nothing is
//! an error, since it is a typing mistake.

use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};

use crate::closest::closest;

/// The `CLIENT…` arguments of a command; none of them selects every client.
#[derive(Debug)]
pub struct Selection(Vec<Selector>);

#[derive(Debug)]
struct Selector {
    text: String,
    /// None where the text is no valid glob: then it can only be a name as it stands.
    glob: Option<GlobMatcher>,
}

/// What can be said of a client to select it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its file's stem.
    pub stem: Option<&'a str>,
    /// Its name in the file.
    pub local_name: Option<&'a str>,
    /// Its name on the tenant.
    pub live_name: Option<&'a str>,
}

/// Selectors that match no client.
#[derive(Debug, thiserror::Error)]
#[error("no client matches {}", quoted(.selectors))]
pub struct NoMatch {
    selectors: Vec<String>,
    /// What they may have meant.
    meant: Vec<String>,
}

impl NoMatch {
    /// What to do about it.
    pub fn hint(&self) -> String {
        if !self.meant.is_empty() {
            return format!("did you mean {}?", quoted(&self.meant));
        }
        "a client is named by its file (without folder and extension), its name or its id; `tenantry list` shows them".to_owned()
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl Selection {
    /// The selection of these arguments.
    pub fn new(selectors: &[String]) -> Selection {
        Selection(
            selectors
                .iter()
                .map(|text| Selector {
                    text: text.clone(),
                    glob: Glob::new(text).ok().map(|glob| glob.compile_matcher()),
                })
                .collect(),
        )
    }

    /// Whether every client is selected.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each selector is the very id or stem of one of these clients, so that no other client needs to be looked at: a name
    /// may be that of several.
    pub fn names_exactly<'a>(&self, clients: impl Iterator<Item = Names<'a>> + Clone) -> bool {
        !self.0.is_empty()
            && self.0.iter().all(|selector| {
                clients
                    .clone()
                    .any(|names| names.id == selector.text || names.stem == Some(&selector.text))
            })
    }

    /// The selected ones among these clients.
    ///
    /// # Errors
    /// Names every selector that matches none of them.
    pub fn pick<'a, T>(
        &self,
        clients: impl IntoIterator<Item = (Names<'a>, T)>,
    ) -> Result<Vec<T>, NoMatch> {
        let clients: Vec<(Names<'a>, T)> = clients.into_iter().collect();
        // What is somebody's very name is no glob: `App [eu]` must not select `App e`.
        let names: Vec<bool> = self
            .0
            .iter()
            .map(|selector| clients.iter().any(|(names, _)| selector.names(names)))
            .collect();
        let every_name: BTreeSet<&str> =
            clients.iter().flat_map(|(names, _)| names.all()).collect();
        let mut matched = BTreeSet::new();
        let picked = clients
            .into_iter()
            .filter(|(client, _)| {
                let mut picked = self.0.is_empty();
                for (index, selector) in self.0.iter().enumerate() {
                    let hit = if names[index] {
                        selector.names(client)
                    } else {
                        selector.globs(client)
                    };
                    if hit {
                        matched.insert(index);
                        picked = true;
                    }
                }
                picked
            })
            .map(|(_, client)| client)
            .collect();
        let selectors: Vec<String> = self
            .0
            .iter()
            .enumerate()
            .filter(|(index, _)| !matched.contains(index))
            .map(|(_, selector)| selector.text.clone())
            .collect();
        if selectors.is_empty() {
            return Ok(picked);
        }
        let meant = selectors
            .iter()
            .filter_map(|selector| closest(selector, every_name.iter().copied()))
            .map(str::to_owned);
        Err(NoMatch {
            meant: meant.collect(),
            selectors,
        })
    }
}

impl Selector {
    fn names(&self, names: &Names<'_>) -> bool {
        names.all().any(|name| name == self.text)
    }

    fn globs(&self, names: &Names<'_>) -> bool {
        let glob = self.glob.as_ref();
        glob.is_some_and(|glob| names.all().any(|name| glob.is_match(name)))
    }
}

impl<'a> Names<'a> {
    fn all(self) -> impl Iterator<Item = &'a str> {
        [Some(self.id), self.stem, self.local_name, self.live_name]
            .into_iter()
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(selectors: &[&str]) -> Result<Vec<u8>, String> {
        let selectors: Vec<String> = selectors.iter().map(|text| (*text).to_owned()).collect();
        let web = Names {
            id: "Abc",
            stem: Some("web-app"),
            local_name: Some("Web/App [dev]"),
            live_name: Some("Web App"),
        };
        let api = Names {
            id: "Xyz",
            live_name: Some("API"),
            ..Names::default()
        };
        Selection::new(&selectors)
            .pick([(web, 1), (api, 2)])
            .map_err(|error| error.to_string())
    }

    #[test]
    fn stems_names_ids_and_globs() {
        assert_eq!(pick(&[]), Ok(vec![1, 2]));
        for selector in [
            "web-app",
            "Web/App [dev]",
            "Web App",
            "Abc",
            "web-*",
            "A?c",
            "{web-app,x}",
            "*[[]dev]",
        ] {
            assert_eq!(pick(&[selector]), Ok(vec![1]), "{selector}");
        }
        assert_eq!(pick(&["*"]), Ok(vec![1, 2]));
        assert_eq!(pick(&["API", "API", "web-app"]), Ok(vec![1, 2]));
    }

    #[test]
    fn a_name_is_no_glob() {
        let names = |name| Names {
            id: name,
            ..Names::default()
        };
        let clients = [(names("App [eu]"), 1), (names("App e"), 2)];
        assert_eq!(
            Selection::new(&["App [eu]".to_owned()])
                .pick(clients)
                .unwrap(),
            [1]
        );
    }

    #[test]
    fn a_selector_that_matches_nothing_is_named() {
        assert_eq!(
            pick(&["web-app", "wep-app", "api", "["]).unwrap_err(),
            "no client matches `wep-app`, `api`, `[`"
        );
    }
}
