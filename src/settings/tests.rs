//! Settings end to end: sources in a folder and an environment, and the connection or the error that they make.

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;

const KEY: &[u8] = include_bytes!("../../fixtures/settings/test-signing-key.pem");

/// A working directory with .env files, a process environment, and the command line's options.
#[derive(Default)]
struct Setup {
    files: Vec<(&'static str, Vec<u8>)>,
    environment: Vec<(&'static str, String)>,
    tenant: Option<&'static str>,
    env_file: Option<&'static str>,
}

fn setup() -> Setup {
    Setup::default()
}

impl Setup {
    fn file(mut self, name: &'static str, text: impl AsRef<[u8]>) -> Self {
        self.files.push((name, text.as_ref().to_owned()));
        self
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    fn tenant(self, tenant: &'static str) -> Self {
        Self {
            tenant: Some(tenant),
            ..self
        }
    }

    fn env_file(self, file: &'static str) -> Self {
        Self {
            env_file: Some(file),
            ..self
        }
    }

    fn connection(&self) -> Result<Connection, SettingsError> {
        let folder = TempDir::new().unwrap();
        for (name, bytes) in &self.files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if name.ends_with('/') {
                std::fs::create_dir_all(path).unwrap();
            } else {
                std::fs::write(path, bytes).unwrap();
            }
        }
        let lookup = Lookup {
            tenant: self.tenant,
            env_file: self.env_file.map(Path::new),
            folder: folder.path(),
            above: &[],
        };
        let environment = self.environment.iter().cloned().collect();
        connection(&lookup, &environment)
    }

    /// The notes, or the error and its hint.
    fn show(&self) -> String {
        match self.connection() {
            Ok(connection) => connection.notes().join("\n"),
            Err(error) => format!(
                "{error}
hint: {}",
                error.hint().unwrap()
            ),
        }
    }
}

const DEV: &str =
    "AUTH0_DOMAIN=dev.auth0.com\nAUTH0_CLIENT_ID=dev-id\nAUTH0_CLIENT_SECRET=dev-s3\n";
const PROD: &str =
    "AUTH0_DOMAIN=prod.auth0.com\nAUTH0_CLIENT_ID=prod-id\nAUTH0_CLIENT_SECRET=prod-s3\n";

fn secret(connection: &Connection) -> &str {
    match connection.credentials() {
        Credentials::Secret { client_secret, .. } => client_secret.expose_secret(),
        Credentials::Token { token, .. } => token.expose_secret(),
        Credentials::SigningKey { .. } => "signing key",
    }
}

#[test]
fn the_article_s_env_file_works() {
    let connection = setup()
        .file(
            ".env",
            "CLIENT_DOMAIN=\"acme.eu.auth0.com\";\nCLIENT_ID=\"abc\";\nCLIENT_SECRET=\"s3\";\n",
        )
        .connection()
        .unwrap();
    assert_eq!(connection.domain().as_str(), "acme.eu.auth0.com");
    assert_eq!(connection.base_url().as_str(), "https://acme.eu.auth0.com/");
    assert_eq!(connection.audience(), "https://acme.eu.auth0.com/api/v2/");
    assert_eq!(connection.scope(), None);
    assert_eq!(connection.credentials().client_id(), Some("abc"));
    assert_eq!(secret(&connection), "s3");
    assert!(!connection.is_loopback());
    insta::assert_snapshot!(connection.notes().join("\n"), @r"
    domain acme.eu.auth0.com from CLIENT_DOMAIN (.env:1)
    client id abc from CLIENT_ID (.env:2)
    client secret from CLIENT_SECRET (.env:3)
    ");
    insta::assert_snapshot!(connection.credentials().source(), @"CLIENT_ID (.env:2) and CLIENT_SECRET (.env:3)");
}

/// The client id of each combination of sources: environment, `.env.prod`, `.env`.
#[test]
fn the_first_source_wins() {
    for bits in 1..8 {
        let has = |bit: i32| bits & bit != 0;
        let mut setup = setup().tenant("prod");
        if has(1) {
            setup = setup.set("CLIENT_ID", "environment");
        }
        if has(2) {
            setup = setup.file(".env.prod", "AUTH0_CLIENT_ID=tenant");
        }
        let id = if has(4) { "CLIENT_ID=plain" } else { "" };
        setup = setup.file(
            ".env",
            format!("AUTH0_DOMAIN=a.auth0.com\nCLIENT_SECRET=s3\n{id}"),
        );
        let expected = match (has(1), has(2)) {
            (true, _) => "environment",
            (false, true) => "tenant",
            (false, false) => "plain",
        };
        let connection = setup.connection().unwrap();
        assert_eq!(connection.credentials().client_id(), Some(expected));
    }
}

#[test]
fn without_a_tenant_its_file_is_not_read() {
    let setup = setup().file(".env", DEV).file(".env.prod", PROD);
    let domain = |setup: &Setup| setup.connection().unwrap().domain().to_string();
    assert_eq!(domain(&setup), "dev.auth0.com");
    assert_eq!(domain(&setup.tenant("prod")), "prod.auth0.com");
}

#[test]
fn an_env_file_replaces_the_others() {
    let setup = setup()
        .tenant("prod")
        .env_file("conf/ci")
        .file(".env", DEV)
        .file(".env.prod", PROD);
    insta::assert_snapshot!(setup.show(), @r"
    conf/ci: there is no such file
    hint: check the path after --env-file
    ");
    let setup = setup.file("conf/ci", "AUTH0_DOMAIN=ci.auth0.com\nCLIENT_ID=ci\n");
    insta::assert_snapshot!(setup.show(), @r"
    setting not set: AUTH0_CLIENT_SECRET (or CLIENT_SECRET)
    hint: put what is missing into conf/ci; `tenantry init` writes a commented .env to fill in, and `--tenant sandbox` needs no account
    ");
    let setup = setup.set("AUTH0_CLIENT_SECRET", "s3");
    insta::assert_snapshot!(setup.show(), @r"
    domain ci.auth0.com from AUTH0_DOMAIN (conf/ci:1)
    client id ci from CLIENT_ID (conf/ci:2)
    client secret from AUTH0_CLIENT_SECRET in the environment
    client id and client secret come from different places
    ");
}

#[test]
fn two_domains_stop_everything() {
    let of = |domain| setup().set("AUTH0_DOMAIN", domain).file(".env.prod", PROD);
    insta::assert_snapshot!(of("https://dev.auth0.com/").tenant("prod").show(), @r"
    two domains: AUTH0_DOMAIN in the environment is dev.auth0.com, AUTH0_DOMAIN (.env.prod:1) is prod.auth0.com
    hint: unset AUTH0_DOMAIN, or choose the tenant that it belongs to
    ");
    insta::assert_snapshot!(of("dev.auth0.com").env_file(".env.prod").show(), @r"
    two domains: AUTH0_DOMAIN in the environment is dev.auth0.com, AUTH0_DOMAIN (.env.prod:1) is prod.auth0.com
    hint: unset AUTH0_DOMAIN, or choose the tenant that it belongs to
    ");
    // The same one, written in another way, and a plain .env, which the environment is meant to override.
    insta::assert_snapshot!(of("https://PROD.auth0.com/").tenant("prod").show(), @r"
    domain prod.auth0.com from AUTH0_DOMAIN in the environment
    client id prod-id from AUTH0_CLIENT_ID (.env.prod:2)
    client secret from AUTH0_CLIENT_SECRET (.env.prod:3)
    ");
    insta::assert_snapshot!(setup().set("AUTH0_DOMAIN", "prod.auth0.com").file(".env", DEV).show(), @r"
    domain prod.auth0.com from AUTH0_DOMAIN in the environment
    client id dev-id from AUTH0_CLIENT_ID (.env:2)
    client secret from AUTH0_CLIENT_SECRET (.env:3)
    ");
}

#[test]
fn both_names_in_one_source_must_agree() {
    let show = |text: &str| setup().file(".env", format!("{DEV}{text}")).show();
    insta::assert_snapshot!(show("CLIENT_ID=other"), @r"
    AUTH0_CLIENT_ID (.env:2) and CLIENT_ID (.env:4) are the same setting with different values
    hint: remove one of the two
    ");
    insta::assert_snapshot!(show("CLIENT_DOMAIN=https://dev.auth0.com/\nCLIENT_ID=dev-id\nCLIENT_SECRET="), @r"
    domain dev.auth0.com from AUTH0_DOMAIN (.env:1)
    client id dev-id from AUTH0_CLIENT_ID (.env:2)
    client secret from AUTH0_CLIENT_SECRET (.env:3)
    ");
    let setup = setup()
        .file(".env", DEV)
        .set("CLIENT_SECRET", "one")
        .set("AUTH0_CLIENT_SECRET", "two");
    insta::assert_snapshot!(setup.show(), @r"
    AUTH0_CLIENT_SECRET in the environment and CLIENT_SECRET in the environment are the same setting with different values
    hint: remove one of the two
    ");
}

#[test]
fn a_token_wins_unless_credentials_come_first() {
    let show = |setup: Setup| setup.tenant("prod").show();
    insta::assert_snapshot!(show(setup().file(".env.prod", format!("{PROD}AUTH0_API_TOKEN=t0"))), @r"
    domain prod.auth0.com from AUTH0_DOMAIN (.env.prod:1)
    access token from AUTH0_API_TOKEN (.env.prod:4)
    ");
    insta::assert_snapshot!(show(setup().file(".env.prod", PROD).file(".env", "AUTH0_ACCESS_TOKEN=t0")), @r"
    domain prod.auth0.com from AUTH0_DOMAIN (.env.prod:1)
    client id prod-id from AUTH0_CLIENT_ID (.env.prod:2)
    client secret from AUTH0_CLIENT_SECRET (.env.prod:3)
    AUTH0_ACCESS_TOKEN (.env:1) is not used: the credentials take precedence
    ");
    insta::assert_snapshot!(show(setup().file(".env.prod", PROD).set("AUTH0_ACCESS_TOKEN", "t0")), @r"
    domain prod.auth0.com from AUTH0_DOMAIN (.env.prod:1)
    access token from AUTH0_ACCESS_TOKEN in the environment
    ");
    // Half of the credentials come after the token.
    insta::assert_snapshot!(
        show(
            setup()
                .file(".env.prod", "AUTH0_DOMAIN=prod.auth0.com\nAUTH0_ACCESS_TOKEN=t0")
                .file(".env", DEV)
                .set("CLIENT_ID", "ci")
        ),
        @r"
    domain prod.auth0.com from AUTH0_DOMAIN (.env.prod:1)
    access token from AUTH0_ACCESS_TOKEN (.env.prod:2)
    "
    );
}

#[test]
fn credentials_from_two_files_are_noted() {
    let setup = setup().tenant("prod").file(".env", DEV).file(
        ".env.prod",
        "AUTH0_DOMAIN=prod.auth0.com\nCLIENT_ID=prod-id",
    );
    insta::assert_snapshot!(setup.show(), @r"
    domain prod.auth0.com from AUTH0_DOMAIN (.env.prod:1)
    client id prod-id from CLIENT_ID (.env.prod:2)
    client secret from AUTH0_CLIENT_SECRET (.env:3)
    client id and client secret come from different places
    ");
    assert_eq!(secret(&setup.connection().unwrap()), "dev-s3");
}

#[test]
fn audience_and_scope_are_taken_over() {
    let connection = setup()
        .file(".env", format!("{DEV}AUTH0_AUDIENCE=https://acme.eu.auth0.com/api/v2/;\nAUTH0_SCOPE=\"read:clients  update:clients\";"))
        .connection()
        .unwrap();
    assert_eq!(connection.audience(), "https://acme.eu.auth0.com/api/v2/");
    assert_eq!(connection.scope(), Some("read:clients update:clients"));
    insta::assert_snapshot!(connection.notes().join("\n"), @r"
    domain dev.auth0.com from AUTH0_DOMAIN (.env:1)
    client id dev-id from AUTH0_CLIENT_ID (.env:2)
    client secret from AUTH0_CLIENT_SECRET (.env:3)
    audience https://acme.eu.auth0.com/api/v2/ from AUTH0_AUDIENCE (.env:4)
    scope read:clients update:clients from AUTH0_SCOPE (.env:5)
    ");
}

#[test]
fn loopback_may_be_plain_http_and_have_a_name() {
    let connection = Connection::client_secret("http://127.0.0.1:4000", "id", "s3").unwrap();
    assert_eq!(connection.domain().as_str(), "127.0.0.1:4000");
    assert_eq!(connection.audience(), "http://127.0.0.1:4000/api/v2/");
    assert!(connection.is_loopback());
    let connection = connection.named("sandbox");
    assert_eq!(connection.domain().as_str(), "sandbox");
    assert_eq!(connection.issuer(), "http://127.0.0.1:4000/");
}

#[test]
fn missing_settings_are_listed_together() {
    insta::assert_snapshot!(setup().show(), @"
    settings not set:
      AUTH0_DOMAIN (or CLIENT_DOMAIN)
      AUTH0_CLIENT_ID (or CLIENT_ID)
      AUTH0_CLIENT_SECRET (or CLIENT_SECRET)
    hint: put what is missing into .env; `tenantry init` writes a commented .env to fill in, and `--tenant sandbox` needs no account
    ");
    insta::assert_snapshot!(setup().tenant("prod").show(), @"
    settings not set:
      AUTH0_DOMAIN (or CLIENT_DOMAIN)
      AUTH0_CLIENT_ID (or CLIENT_ID)
      AUTH0_CLIENT_SECRET (or CLIENT_SECRET)
    hint: put what is missing into .env.prod; `tenantry init` writes a commented .env to fill in, and `--tenant sandbox` needs no account
    ");
    insta::assert_snapshot!(
        setup()
            .tenant("prod")
            .set("AUTH0_CLIENT_SECRET", " ")
            .file(".env.prod", "AUTH0_DOMAIN=prod.auth0.com\nCLIENT_ID=\nCLIENT_SECRET=''")
            .show(),
        @"
    settings not set:
      AUTH0_CLIENT_ID (or CLIENT_ID; CLIENT_ID is empty at .env.prod:2)
      AUTH0_CLIENT_SECRET (or CLIENT_SECRET; AUTH0_CLIENT_SECRET is empty in the environment; CLIENT_SECRET is empty at .env.prod:3)
    hint: put what is missing into .env.prod; `tenantry init` writes a commented .env to fill in, and `--tenant sandbox` needs no account
    "
    );
    insta::assert_snapshot!(setup().file(".env", "AUTH0_ACCESS_TOKEN=t0").show(), @r"
    setting not set: AUTH0_DOMAIN (or CLIENT_DOMAIN)
    hint: put what is missing into .env; `tenantry init` writes a commented .env to fill in, and `--tenant sandbox` needs no account
    ");
    insta::assert_snapshot!(
        setup().file(".env", "CLIENT_DOMAIN=a.auth0.com\nAUTH0_CLIENT_SIGNING_KEY_PATH=key.pem").show(),
        @r"
    setting not set: AUTH0_CLIENT_ID (or CLIENT_ID)
    hint: put what is missing into .env; `tenantry init` writes a commented .env to fill in, and `--tenant sandbox` needs no account
    "
    );
}

#[test]
fn the_signing_key_is_found_beside_its_file() {
    let text = "CLIENT_DOMAIN=a.auth0.com\nCLIENT_ID=abc\nCLIENT_SECRET=s3\n\
                AUTH0_CLIENT_SIGNING_KEY_PATH=keys/a.pem\nAUTH0_CLIENT_SIGNING_ALGORITHM=PS256\n";
    let setup = setup()
        .env_file("conf/ci")
        .file("conf/ci", text)
        .file("conf/keys/a.pem", KEY);
    let connection = setup.connection().unwrap();
    let Credentials::SigningKey { key, key_path, .. } = connection.credentials() else {
        panic!("{connection:?}");
    };
    assert_eq!(key.algorithm().name(), "PS256");
    assert!(key_path.ends_with("conf/keys/a.pem"));
    insta::assert_snapshot!(connection.notes().join("\n"), @r"
    domain a.auth0.com from CLIENT_DOMAIN (conf/ci:1)
    client id abc from CLIENT_ID (conf/ci:2)
    signing key from AUTH0_CLIENT_SIGNING_KEY_PATH (conf/ci:4)
    ");
    // A secret from a source that comes first wins.
    insta::assert_snapshot!(setup.set("CLIENT_SECRET", "s3").show(), @r"
    domain a.auth0.com from CLIENT_DOMAIN (conf/ci:1)
    client id abc from CLIENT_ID (conf/ci:2)
    client secret from CLIENT_SECRET in the environment
    client id and client secret come from different places
    ");
}

#[test]
fn the_environment_s_signing_key_is_in_the_working_directory() {
    let setup = setup()
        .set("AUTH0_CLIENT_SIGNING_KEY_PATH", "a.pem")
        .file("a.pem", KEY)
        .file(".env", DEV);
    insta::assert_snapshot!(setup.show(), @r"
    domain dev.auth0.com from AUTH0_DOMAIN (.env:1)
    client id dev-id from AUTH0_CLIENT_ID (.env:2)
    signing key from AUTH0_CLIENT_SIGNING_KEY_PATH in the environment
    client id and signing key come from different places
    ");
}

#[test]
fn a_bad_signing_key_is_an_error() {
    let show = |path: &str, algorithm: &str, pem: &[u8]| {
        setup()
            .file(".env", format!("CLIENT_DOMAIN=a.auth0.com\nCLIENT_ID=abc\nAUTH0_CLIENT_SIGNING_KEY_PATH='{path}'"))
            .set("AUTH0_CLIENT_SIGNING_ALGORITHM", algorithm)
            .file("a.pem", pem)
            .show()
    };
    insta::assert_snapshot!(show("b.pem", "", KEY), @r"
    AUTH0_CLIENT_SIGNING_KEY_PATH (.env:3): b.pem cannot be read
    hint: check that it is a file and that you may read it
    ");
    insta::assert_snapshot!(show("a.pem", "HS256", KEY), @r"
    AUTH0_CLIENT_SIGNING_ALGORITHM in the environment is not an algorithm that is supported
    hint: write RS256, RS384, PS256
    ");
    insta::assert_snapshot!(show("a.pem", "", b"nothing"), @r"
    AUTH0_CLIENT_SIGNING_KEY_PATH (.env:3): a.pem holds no private key in PEM format
    hint: make one with `openssl genrsa -out KEY 2048` and register its public key with the application
    ");
    insta::assert_snapshot!(show("a.pem", "", b"-----BEGIN ENCRYPTED PRIVATE KEY-----"), @r"
    AUTH0_CLIENT_SIGNING_KEY_PATH (.env:3): a.pem holds an encrypted private key
    hint: decrypt it with `openssl pkey -in KEY -out DECRYPTED`, to a place that only you can read
    ");
    insta::assert_snapshot!(show("-----BEGIN PRIVATE KEY----- MIIE", "", KEY), @r"
    AUTH0_CLIENT_SIGNING_KEY_PATH (.env:3) is not the path of a file
    hint: put the key into a file, and the file's path there
    ");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    insta::assert_snapshot!(setup().file(".env/", "").show(), @r"
    .env: cannot be read
    hint: check that it is a file and that you may read it
    ");
    insta::assert_snapshot!(setup().file(".env", b"\xff\xfeA\0U\0").show(), @r"
    .env: is not UTF-8 text
    hint: save it as UTF-8
    ");
    insta::assert_snapshot!(setup().file(".env", vec![b'#'; 1_000_001]).show(), @r"
    .env: is larger than 1 MB, which no .env file is
    hint: check the path
    ");
    insta::assert_snapshot!(setup().tenant("prod").file(".env.prod", "\n\nCLIENT_ID=a b").show(), @r"
    .env.prod:3: CLIENT_ID has white space in a value without quotes
    hint: put the value into single quotes, which are exact: CLIENT_ID='…'
    ");
    insta::assert_snapshot!(setup().file(".env", "CLIENT_ID=a\nCLIENT_ID=b").show(), @r"
    .env:2: CLIENT_ID has another value than on line 1
    hint: remove one of the two
    ");
    insta::assert_snapshot!(setup().file(".env", "CLIENT_SECRET=a$b").show(), @r"
    .env:1: CLIENT_SECRET has a `$` in its value, where some programs substitute another variable
    hint: put the value into single quotes, which are exact: CLIENT_SECRET='…'
    ");
    insta::assert_snapshot!(setup().file(".env", "export CLIENT_ID").show(), @r"
    .env:1: CLIENT_ID is mentioned here, but the line is not of the form KEY=value
    hint: write CLIENT_ID=value, or begin the line with #
    ");
    insta::assert_snapshot!(setup().file(".env", "NOTE='\nCLIENT_ID=a").show(), @r"
    .env:2: CLIENT_ID is inside a quoted value that begins on line 1 and is still open here
    hint: close the quote of line 1
    ");
    insta::assert_snapshot!(setup().file(".env", "CLIENT_ID='a'b").show(), @r"
    .env:1: CLIENT_ID has more text after the value's closing quote
    hint: after the closing quote only a `;` and, after a space, a # comment may follow
    ");
}

#[test]
fn values_that_cannot_be_right_are_named() {
    let show = |name, value: &str| setup().file(".env", DEV).set(name, value).show();
    insta::assert_snapshot!(show("AUTH0_DOMAIN", "dev.auth0.com;"), @r"
    AUTH0_DOMAIN in the environment contains a `;`, which no domain does
    hint: remove the `;`
    ");
    insta::assert_snapshot!(show("AUTH0_DOMAIN", "https://dev.auth0.com/api/v2/"), @r"
    AUTH0_DOMAIN in the environment has a path, and only the domain belongs there
    hint: write dev.auth0.com
    ");
    insta::assert_snapshot!(show("CLIENT_ID", "\"abc\";"), @r"
    CLIENT_ID in the environment contains a quote
    hint: copy the value again, without what stands around it
    ");
    insta::assert_snapshot!(show("CLIENT_SECRET", "\"abc\";"), @r"
    CLIENT_SECRET in the environment has quotes around it, as part of the value
    hint: set the variable without them; if they do belong to the value, put it into .env in single quotes
    ");
    insta::assert_snapshot!(show("CLIENT_SECRET", "abc;"), @r"
    CLIENT_SECRET in the environment ends in a `;`, as part of the value
    hint: set the variable without them; if they do belong to the value, put it into .env in single quotes
    ");
    insta::assert_snapshot!(show("CLIENT_SECRET", "abc\n"), @r"
    CLIENT_SECRET in the environment contains a control character
    hint: copy the value again, without what stands around it
    ");
    insta::assert_snapshot!(show("AUTH0_ACCESS_TOKEN", "Bearer abc"), @r"
    AUTH0_ACCESS_TOKEN in the environment contains white space
    hint: copy the value again, without what stands around it
    ");
    insta::assert_snapshot!(show("AUTH0_AUDIENCE", "https://a b"), @r"
    AUTH0_AUDIENCE in the environment contains white space
    hint: copy the value again, without what stands around it
    ");
    insta::assert_snapshot!(show("AUTH0_SCOPE", "read:clients;"), @r"
    AUTH0_SCOPE in the environment contains a `;`
    hint: copy the value again, without what stands around it
    ");
    insta::assert_snapshot!(Connection::client_secret("a.auth0.com", "", "s3").unwrap_err(), @"client_id is empty");
    insta::assert_snapshot!(Connection::access_token("nowhere", "t0").unwrap_err(), @"domain is not a full domain name");
}

#[test]
fn a_secret_that_ends_in_a_semicolon_can_be_written_in_a_file() {
    let setup = setup().file(
        ".env",
        "CLIENT_DOMAIN=a.auth0.com\nCLIENT_ID=abc\nCLIENT_SECRET='\"s3\";';",
    );
    assert_eq!(secret(&setup.connection().unwrap()), "\"s3\";");
}

/// Puts the same secret into every place that can go wrong and looks for it in all that anybody can print.
#[test]
fn no_secret_is_ever_shown() {
    const SECRET: &str = "hunter2";
    let lines = [
        "{}", "'{}'", "\"{}\"x", "\"{}", "{} {}", "{};{}", "{}$", "\\{}", "{}#{}", "`{}`", "{}\0",
        "' {}'", "{}\";",
    ];
    for name in Variable::every_name().filter(|name| {
        let is = |variable: Variable| variable.names().any(|other| other == *name);
        is(Variable::CLIENT_SECRET) || is(Variable::ACCESS_TOKEN) || is(Variable::DOMAIN)
    }) {
        for line in lines {
            let value = line.replace("{}", SECRET);
            let base = "AUTH0_DOMAIN=a.auth0.com\nAUTH0_CLIENT_ID=abc\nAUTH0_CLIENT_SECRET=x\n";
            let setups = [
                setup().file(".env", format!("{name}={value}")),
                setup().file(".env", format!("{base}{name}={value}")),
                setup().file(".env", format!("{name} {value}")),
                setup().file(".env", format!("{name}={value}\n{name}=x")),
                setup().file(".env", base).set(name, &value),
                setup()
                    .file(".env.prod", base)
                    .tenant("prod")
                    .set(name, &value),
                setup()
                    .file(".env", base)
                    .file(".env.prod", format!("{name}={value}"))
                    .tenant("prod"),
            ];
            for setup in setups {
                let shown = match setup.connection() {
                    Ok(connection) => format!("{connection:?} {:?}", connection.notes()),
                    Err(error) => format!("{error:?} {}", setup.show()),
                };
                assert!(!shown.contains(SECRET), "{name}={value}: {shown}");
            }
        }
    }
    let environment = Environment::from_iter([("AUTH0_CLIENT_SECRET", SECRET)]);
    assert_eq!(format!("{environment:?}"), r#"{"AUTH0_CLIENT_SECRET"}"#);
}

#[test]
fn debug_redacts() {
    let connection = setup().file(".env", DEV).connection().unwrap();
    insta::assert_snapshot!(format!("{connection:#?}"), @r#"
    Connection {
        domain: Domain(
            "dev.auth0.com",
        ),
        base_url: Url {
            scheme: "https",
            cannot_be_a_base: false,
            username: "",
            password: None,
            host: Some(
                Domain(
                    "dev.auth0.com",
                ),
            ),
            port: None,
            path: "/",
            query: None,
            fragment: None,
        },
        audience: "https://dev.auth0.com/api/v2/",
        scope: None,
        credentials: Secret {
            client_id: "dev-id",
            client_secret: SecretBox<str>([REDACTED]),
            origins: Origins {
                client_id: File {
                    path: ".env",
                    line: 2,
                    variable: "AUTH0_CLIENT_ID",
                },
                proof: File {
                    path: ".env",
                    line: 3,
                    variable: "AUTH0_CLIENT_SECRET",
                },
            },
        },
        is_protected: false,
        notes: [
            "domain dev.auth0.com from AUTH0_DOMAIN (.env:1)",
            "client id dev-id from AUTH0_CLIENT_ID (.env:2)",
            "client secret from AUTH0_CLIENT_SECRET (.env:3)",
        ],
        warning: None,
    }
    "#);
}

#[cfg(unix)]
#[test]
fn only_our_variables_have_to_be_unicode() {
    use std::os::unix::ffi::OsStringExt;
    let broken = || OsString::from_vec(vec![0xff]);
    let from = |name: OsString| Environment::from_os(std::iter::once((name, broken())));
    assert!(from("OTHER".into()).unwrap().get("OTHER").is_none());
    assert!(from(broken()).is_ok());
    insta::assert_snapshot!(from("CLIENT_ID".into()).unwrap_err(), @"CLIENT_ID in the environment is not valid Unicode");
}
