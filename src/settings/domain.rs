//! A tenant's domain: what people write or paste as `AUTH0_DOMAIN`, checked and brought to one form.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// A tenant's domain in one form: lower case, without scheme and path, with the port where it is not the usual one.
/// It is what output shows and what a lock holds: `acme.eu.auth0.com`, `127.0.0.1:4000`, or a sandbox's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// A sandbox's name in place of its domain, since its port changes.
    pub(super) fn sandbox(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a value is not a domain. Somebody may have put a secret on the wrong line, so this holds nothing of the value but, in
/// `Path`, a host that was read without fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainProblem {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It has a character that no domain has.
    #[error("contains {0}, which no domain does")]
    Character(&'static str),
    /// Its scheme is neither `https` nor `http`.
    #[error("has another scheme than https://")]
    Scheme,
    /// `http://` for a host that is not this machine.
    #[error("uses http://, which is accepted for loopback hosts only")]
    Http,
    /// There is more than the domain.
    #[error("has a path, and only the domain belongs there")]
    Path {
        /// The domain that the value begins with.
        domain: String,
    },
    /// The address of the dashboard, without the part that names a tenant.
    #[error("is the dashboard's address, which names no tenant")]
    Dashboard,
    /// Not a host name, or one that only the local network could know.
    #[error("is not a full domain name")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
}

impl DomainProblem {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Http => "write https://, or leave the scheme out".to_owned(),
            Self::Path { domain } => format!("write {domain}"),
            Self::Character("a `;`") => "remove the `;`".to_owned(),
            _ => "write it as in the Auth0 dashboard, for example acme.eu.auth0.com".to_owned(),
        }
    }
}

/// Reads a domain as people write it: `acme.eu.auth0.com`, a pasted `https://acme.eu.auth0.com/`, or `http://` and a
/// loopback host. Answers the domain and the URL that every request's path is joined to.
pub(super) fn parse(text: &str) -> Result<(Domain, Url), DomainProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DomainProblem::Empty);
    }
    let named = in_dashboard(text)?;
    let text = named.as_deref().unwrap_or(text);
    check_characters(text)?;
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, text),
    };
    if !matches!(scheme.as_deref(), None | Some("https" | "http")) {
        return Err(DomainProblem::Scheme);
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));

    // Url accepts too much (empty ports, extra slashes, names of one label), so the text is checked before and after.
    let url = Url::parse(&format!(
        "{}://{authority}/",
        scheme.as_deref().unwrap_or("https")
    ))
    .map_err(|error| match error {
        url::ParseError::InvalidPort => DomainProblem::Port,
        _ => DomainProblem::Host,
    })?;
    if authority.ends_with(':') || url.port() == Some(0) {
        return Err(DomainProblem::Port);
    }
    let host = url.host().ok_or(DomainProblem::Host)?;
    if let Host::Domain(name) = host {
        check_name(name, scheme.is_some())?;
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(DomainProblem::Http);
    }
    let mut domain = url.host_str().ok_or(DomainProblem::Host)?.to_owned();
    if let Some(port) = url.port() {
        domain = format!("{domain}:{port}");
    }
    if path.is_empty() {
        Ok((Domain(domain), url))
    } else {
        Err(DomainProblem::Path { domain })
    }
}

/// The domain of the tenant that the dashboard's address shows, as it is copied from a browser:
/// `https://manage.auth0.com/dashboard/eu/acme/applications`. None for any other text.
///
/// A tenant that was made in the US before June 10, 2020 has no region in its domain, and the address does not tell it from
/// later ones: the newer form is returned.
/// Source: <https://auth0.com/docs/get-started/auth0-overview/create-tenants>, region.
fn in_dashboard(text: &str) -> Result<Option<String>, DomainProblem> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, path) = rest.split_once(['/', '?', '#']).unwrap_or((rest, ""));
    if !host.eq_ignore_ascii_case("manage.auth0.com") {
        return Ok(None);
    }
    let mut parts = path.split(['/', '?', '#']);
    let named = parts.next() == Some("dashboard");
    match (parts.next(), parts.next().map(str::to_ascii_lowercase)) {
        (Some(region), Some(tenant)) if named && is_region(region) && is_label(&tenant) => {
            Ok(Some(format!("{tenant}.{region}.auth0.com")))
        }
        _ => Err(DomainProblem::Dashboard),
    }
}

fn is_region(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether `url` stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
        Some(Host::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
        None => false,
    }
}

fn check_characters(text: &str) -> Result<(), DomainProblem> {
    for c in text.chars() {
        let what = match c {
            ';' => "a `;`",
            '\'' | '"' | '`' | '\u{2018}'..='\u{201f}' => "a quote",
            '@' => "an `@`",
            '?' => "a `?`",
            '#' => "a `#`",
            '%' => "a `%`",
            '\\' => "a `\\`",
            ',' => "a `,`",
            c if c.is_whitespace() => "white space",
            c if c.is_control() => "a control character",
            c if !c.is_ascii() => "a letter that is not ASCII",
            _ => continue,
        };
        return Err(DomainProblem::Character(what));
    }
    Ok(())
}

/// A name on the public internet has several labels. `localhost`, and what was written as a URL, may have one: a value
/// without a dot is more likely a tenant's short name, or an id on the wrong line.
fn check_name(name: &str, is_url: bool) -> Result<(), DomainProblem> {
    let is_full = is_url || name.contains('.') || name == "localhost";
    if is_full && name.len() <= 253 && name.split('.').all(is_label) {
        Ok(())
    } else {
        Err(DomainProblem::Host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        match parse(text) {
            Ok((domain, url)) => format!("{text} → {domain} {url} loopback: {}", is_loopback(&url)),
            Err(problem) => format!("{text} → {problem} | {}", problem.hint()),
        }
    }

    #[test]
    fn domains_are_read_as_people_write_them() {
        let texts = [
            "acme.eu.auth0.com",
            " Acme.EU.auth0.com ",
            "https://acme.eu.auth0.com/",
            "HTTPS://acme.eu.auth0.com",
            "acme.eu.auth0.com/",
            "acme.eu.auth0.com:443",
            "login.acme.com:8443",
            "http://127.0.0.1:4000",
            "http://127.9.9.9:4000/",
            "http://[::1]:4000",
            "http://localhost:3000",
            "localhost:3000",
            "https://auth0-mock:3000",
            "https://manage.auth0.com/dashboard/eu/acme/applications/Wq7m/settings?x=%20#y",
            "manage.auth0.com/dashboard/us/acme-dev",
            "https://manage.auth0.com/dashboard/au/Acme/",
        ];
        insta::assert_snapshot!(texts.map(show).join("\n"), @r"
        acme.eu.auth0.com → acme.eu.auth0.com https://acme.eu.auth0.com/ loopback: false
         Acme.EU.auth0.com  → acme.eu.auth0.com https://acme.eu.auth0.com/ loopback: false
        https://acme.eu.auth0.com/ → acme.eu.auth0.com https://acme.eu.auth0.com/ loopback: false
        HTTPS://acme.eu.auth0.com → acme.eu.auth0.com https://acme.eu.auth0.com/ loopback: false
        acme.eu.auth0.com/ → acme.eu.auth0.com https://acme.eu.auth0.com/ loopback: false
        acme.eu.auth0.com:443 → acme.eu.auth0.com https://acme.eu.auth0.com/ loopback: false
        login.acme.com:8443 → login.acme.com:8443 https://login.acme.com:8443/ loopback: false
        http://127.0.0.1:4000 → 127.0.0.1:4000 http://127.0.0.1:4000/ loopback: true
        http://127.9.9.9:4000/ → 127.9.9.9:4000 http://127.9.9.9:4000/ loopback: true
        http://[::1]:4000 → [::1]:4000 http://[::1]:4000/ loopback: true
        http://localhost:3000 → localhost:3000 http://localhost:3000/ loopback: true
        localhost:3000 → localhost:3000 https://localhost:3000/ loopback: true
        https://auth0-mock:3000 → auth0-mock:3000 https://auth0-mock:3000/ loopback: false
        https://manage.auth0.com/dashboard/eu/acme/applications/Wq7m/settings?x=%20#y → acme.eu.auth0.com https://acme.eu.auth0.com/ loopback: false
        manage.auth0.com/dashboard/us/acme-dev → acme-dev.us.auth0.com https://acme-dev.us.auth0.com/ loopback: false
        https://manage.auth0.com/dashboard/au/Acme/ → acme.au.auth0.com https://acme.au.auth0.com/ loopback: false
        ");
    }

    #[test]
    fn what_is_no_domain_says_why() {
        let texts = [
            "",
            "acme",
            "acme.eu.auth0.com;",
            "\"acme.eu.auth0.com\"",
            "\u{201c}acme.eu.auth0.com\u{201d}",
            "acme eu.auth0.com",
            "user:password@acme.eu.auth0.com",
            "https://acme.eu.auth0.com/api/v2/",
            "https://acme.eu.auth0.com//",
            "https:///acme.eu.auth0.com",
            "https:acme.eu.auth0.com",
            "acme.eu.auth0.com?x=1",
            "acme.eu.auth0.com#x",
            "acme.eu.auth0.com.",
            "acme..auth0.com",
            "-acme.auth0.com",
            "acme_dev.auth0.com",
            "münchen.auth0.com",
            "acme%2eauth0.com",
            "acme.eu.auth0.com:",
            "acme.eu.auth0.com:0",
            "acme.eu.auth0.com:99999",
            "ftp://acme.eu.auth0.com",
            "http://acme.eu.auth0.com",
            "http://localhost.acme.com",
            "http://10.0.0.1:4000",
            "https://manage.auth0.com/",
            "https://manage.auth0.com/dashboard/eu",
            "https://manage.auth0.com/dashboard/eu/-/x",
            "https://manage.auth0.com/#/applications",
        ];
        insta::assert_snapshot!(texts.map(show).join("\n"), @r#"
         → is empty | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme → is not a full domain name | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme.eu.auth0.com; → contains a `;`, which no domain does | remove the `;`
        "acme.eu.auth0.com" → contains a quote, which no domain does | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        “acme.eu.auth0.com” → contains a quote, which no domain does | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme eu.auth0.com → contains white space, which no domain does | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        user:password@acme.eu.auth0.com → contains an `@`, which no domain does | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        https://acme.eu.auth0.com/api/v2/ → has a path, and only the domain belongs there | write acme.eu.auth0.com
        https://acme.eu.auth0.com// → has a path, and only the domain belongs there | write acme.eu.auth0.com
        https:///acme.eu.auth0.com → is not a full domain name | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        https:acme.eu.auth0.com → has a port that is not a number from 1 to 65535 | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme.eu.auth0.com?x=1 → contains a `?`, which no domain does | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme.eu.auth0.com#x → contains a `#`, which no domain does | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme.eu.auth0.com. → is not a full domain name | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme..auth0.com → is not a full domain name | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        -acme.auth0.com → is not a full domain name | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme_dev.auth0.com → is not a full domain name | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        münchen.auth0.com → contains a letter that is not ASCII, which no domain does | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme%2eauth0.com → contains a `%`, which no domain does | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme.eu.auth0.com: → has a port that is not a number from 1 to 65535 | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme.eu.auth0.com:0 → has a port that is not a number from 1 to 65535 | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        acme.eu.auth0.com:99999 → has a port that is not a number from 1 to 65535 | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        ftp://acme.eu.auth0.com → has another scheme than https:// | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        http://acme.eu.auth0.com → uses http://, which is accepted for loopback hosts only | write https://, or leave the scheme out
        http://localhost.acme.com → uses http://, which is accepted for loopback hosts only | write https://, or leave the scheme out
        http://10.0.0.1:4000 → uses http://, which is accepted for loopback hosts only | write https://, or leave the scheme out
        https://manage.auth0.com/ → is the dashboard's address, which names no tenant | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        https://manage.auth0.com/dashboard/eu → is the dashboard's address, which names no tenant | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        https://manage.auth0.com/dashboard/eu/-/x → is the dashboard's address, which names no tenant | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        https://manage.auth0.com/#/applications → is the dashboard's address, which names no tenant | write it as in the Auth0 dashboard, for example acme.eu.auth0.com
        "#);
    }
}
