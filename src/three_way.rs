//! Base, local and live of one field → what happened to it. Pure, and the one place that decides: diff, push and pull all
//! ask here.

use serde_json::Value;

/// What happened to a field since base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Local and live say the same.
    None,
    /// The file has no such key although base had one, or nothing is known of a base: the field is not managed.
    Unmanaged,
    /// Local differs from live, and live still equals base, or there is no base.
    Edit,
    /// Live changed since base, and local did not.
    Drift,
    /// Local and live both changed since base, differently.
    Conflict,
}

/// Decides what happened to a field. `base` is None where the client has no base at all; inside it, and for the other two
/// sides, None is a field that is absent there.
pub fn three_way(
    base: Option<Option<&Value>>,
    local: Option<&Value>,
    live: Option<&Value>,
) -> Change {
    match base {
        _ if local == live => Change::None,
        None | Some(Some(_)) if local.is_none() => Change::Unmanaged,
        None => Change::Edit,
        Some(base) if local == base => Change::Drift,
        Some(base) if live == base => Change::Edit,
        Some(_) => Change::Conflict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Every case of three values and absence, as `base local live → change`; `?` is no base, `-` an absent field.
    #[test]
    fn every_case() {
        let (a, b, c) = (json!("a"), json!("b"), json!("c"));
        let show = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("-").to_owned();
        let sides = [None, Some(&a), Some(&b), Some(&c)];
        let bases = [None, Some(None), Some(Some(&a))];
        let mut lines = Vec::new();
        for base in bases {
            for local in sides {
                for live in sides {
                    let change = three_way(base, local, live);
                    if change != Change::None {
                        let base = base.map_or("?".to_owned(), show);
                        lines.push(format!("{base} {} {} {change:?}", show(local), show(live)));
                    }
                    // Agreement is no difference, whatever base was, and nothing else is.
                    assert_eq!(change == Change::None, local == live);
                }
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @"
        ? - a Unmanaged
        ? - b Unmanaged
        ? - c Unmanaged
        ? a - Edit
        ? a b Edit
        ? a c Edit
        ? b - Edit
        ? b a Edit
        ? b c Edit
        ? c - Edit
        ? c a Edit
        ? c b Edit
        - - a Drift
        - - b Drift
        - - c Drift
        - a - Edit
        - a b Conflict
        - a c Conflict
        - b - Edit
        - b a Conflict
        - b c Conflict
        - c - Edit
        - c a Conflict
        - c b Conflict
        a - a Unmanaged
        a - b Unmanaged
        a - c Unmanaged
        a a - Drift
        a a b Drift
        a a c Drift
        a b - Conflict
        a b a Edit
        a b c Conflict
        a c - Conflict
        a c a Edit
        a c b Conflict
        ");
    }
}
