//! Finds what somebody meant who mistyped a name.

use similar::get_close_matches;

/// The closest of several names to one that is none of them, if one is close.
pub(crate) fn closest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    closer(typed, names, 0.6)
}

/// The closest of several names to one that is none of them, if it is so close that the name must be mistyped.
pub(crate) fn slip<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    closer(typed, names, 0.85)
}

fn closer<'a>(typed: &str, names: impl Iterator<Item = &'a str>, at_least: f32) -> Option<&'a str> {
    let lower = typed.to_lowercase();
    let names: Vec<&str> = names.collect();
    let other_case = names.iter().find(|name| name.to_lowercase() == lower);
    other_case
        .or(get_close_matches(typed, &names, 1, at_least).first())
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes() {
        let names = ["web-app", "Billing API", "dev", "prod"];
        let meant = |typed| closest(typed, names.into_iter());
        assert_eq!(meant("wep-app"), Some("web-app"));
        assert_eq!(meant("billing api"), Some("Billing API"));
        assert_eq!(meant("pord"), Some("prod"));
        assert_eq!(meant("devv"), Some("dev"));
        assert_eq!(meant("staging"), None);
        assert_eq!(meant(""), None);
    }
}
