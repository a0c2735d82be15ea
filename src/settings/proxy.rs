//! The proxy that the environment names. The HTTP library ignores one that it can't use, and sends past it: here that is an error.

use http::Uri;

use super::Environment;
use super::error::{SettingsError, ValueProblem};
use super::origin::Origin;

/// The variables, in the order in which the HTTP library asks for them; the first of a pair that is set counts.
const PAIRS: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];

/// The variable of that name, if it is one of a proxy's.
pub(super) fn variable(name: &str) -> Option<&'static str> {
    PAIRS.into_iter().flatten().find(|ours| *ours == name)
}

/// Checks the proxy that requests to a tenant go through.
///
/// # Errors
/// There is one, and it can't be used.
pub(super) fn check(environment: &Environment) -> Result<(), SettingsError> {
    for [first, second] in PAIRS {
        // The HTTP library stops at the first variable of a pair, even if it is empty.
        let is_set = |variable| {
            environment
                .get(variable)
                .is_some_and(|value| !value.is_empty())
        };
        if environment.get(first) == Some("") && is_set(second) {
            return Err(SettingsError::BothNames {
                first: Origin::Environment { variable: first },
                second: Origin::Environment { variable: second },
            });
        }
    }
    let set = PAIRS.into_iter().filter_map(|pair| {
        pair.into_iter()
            .find_map(|variable| Some((variable, environment.get(variable)?)))
    });
    let first = set.into_iter().find(|(_, value)| !value.is_empty());
    match first {
        Some((variable, value)) if !is_usable(value) => Err(SettingsError::Value {
            origin: Origin::Environment { variable },
            problem: ValueProblem::NotProxy,
        }),
        _ => Ok(()),
    }
}

fn is_usable(value: &str) -> bool {
    let Ok(uri) = value.parse::<Uri>() else {
        return false;
    };
    let Some(authority) = uri.authority() else {
        return false;
    };
    let host = authority.host();
    let after = authority.as_str().rsplit_once(host);
    let port_is_right = after.is_some_and(|(_, after)| {
        after.is_empty() || authority.port_u16().is_some_and(|port| port > 0)
    });
    matches!(uri.scheme_str(), None | Some("http" | "https")) && !host.is_empty() && port_is_right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(variables: &[(&'static str, &str)]) -> Option<String> {
        let environment = variables.iter().copied().collect();
        check(&environment).err().map(|error| error.to_string())
    }

    #[test]
    fn what_can_be_used() {
        for value in [
            "",
            "http://proxy.example.com",
            "http://proxy.example.com:3128/",
            "HTTPS://me:secret@proxy.example.com:3128",
            "proxy:3128",
            "http://[::1]:3128",
        ] {
            assert_eq!(problem(&[("HTTPS_PROXY", value)]), None, "{value}");
            assert_eq!(problem(&[("all_proxy", value)]), None, "{value}");
        }
    }

    #[test]
    fn what_can_t_be_used_is_an_error_that_does_not_show_it() {
        for value in [
            " ",
            "http://",
            "http:/proxy:3128",
            "ftp://proxy.example.com:21",
            "socks5://me:secret@proxy.example.com:1080",
            "http://:3128",
            "http://proxy:port",
            "http://proxy:99999",
            "http://proxy:0",
            "htp//proxy:3128",
            "http://pröxy:3128",
            "http://proxy example:3128",
        ] {
            for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
                assert_eq!(
                    problem(&[(variable, value)]),
                    Some(format!(
                        "{variable} in the environment is no proxy that can be used"
                    )),
                    "{value}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_asked_for_does_not_matter() {
        assert_eq!(
            problem(&[
                ("HTTPS_PROXY", "http://proxy"),
                ("ALL_PROXY", "socks5://proxy")
            ]),
            None
        );
        assert_eq!(problem(&[("HTTP_PROXY", "nonsense://")]), None);
        assert!(problem(&[("HTTPS_PROXY", ""), ("ALL_PROXY", "socks5://proxy")]).is_some());
        assert_eq!(
            problem(&[("HTTPS_PROXY", ""), ("https_proxy", "http://proxy")]).unwrap(),
            "HTTPS_PROXY in the environment and https_proxy in the environment are the same setting with different values"
        );
    }
}
