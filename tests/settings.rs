//! Settings end to end: where they come from, which one wins, and what somebody is told when one is missing, wrong or not
//! enough.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Bed, Run, Setup, Stub};
use serde_json::json;
use tenantry::testing::{Fault, FaultRule};

fn one() -> Setup {
    Bed::new().client("a", "Alpha", json!({"description": "first"}))
}

/// Runs the binary with just these variables, and whatever .env files the bed has.
fn run(bed: &Bed, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = bed.command_without_settings();
    command.envs(variables.iter().copied()).args(arguments);
    bed.run_command(command)
}

#[test]
fn the_env_file_of_the_published_scripts_works() {
    let bed = one().start();
    let (id, secret) = (bed.sandbox.client_id(), bed.sandbox.client_secret());
    bed.write(
        ".env",
        &format!(
            "CLIENT_DOMAIN=\"{}\";\nCLIENT_ID=\"{id}\";\nCLIENT_SECRET='{secret}';\n",
            bed.sandbox.url()
        ),
    );
    run(&bed, &[], &["pull"]).exits(0);
    assert!(bed.path("tenant/clients/alpha.yaml").exists());
}

#[test]
fn a_line_that_could_mean_two_things_is_an_error() {
    let bed = one().start();
    let secret = bed.sandbox.client_secret().to_owned();
    let mut screens = Vec::new();
    for line in [
        "AUTH0_CLIENT_SECRET=a;b",
        "AUTH0_CLIENT_SECRET=\"a$b\"",
        "AUTH0_CLIENT_SECRET='a",
        "AUTH0_CLIENT_SECRET: a",
        "AUTH0_CLIENT_SECRET=\u{201c}a\u{201d}",
    ] {
        let text = bed
            .env_file()
            .replace(&format!("AUTH0_CLIENT_SECRET={secret}"), line);
        bed.write(".env", &text);
        screens.push(run(&bed, &[], &["list"]).exits(2).stderr);
    }
    insta::assert_snapshot!(screens.join("\n"), @"
    error: .env:3: AUTH0_CLIENT_SECRET has a `;` inside a value without quotes
    hint: put the value into single quotes, which are exact: AUTH0_CLIENT_SECRET='…'

    error: .env:3: AUTH0_CLIENT_SECRET has a `$` in its value, where some programs substitute another variable
    hint: put the value into single quotes, which are exact: AUTH0_CLIENT_SECRET='…'

    error: .env:3: AUTH0_CLIENT_SECRET has a value whose quote is not closed on its line
    hint: put the value into single quotes, which are exact: AUTH0_CLIENT_SECRET='…'

    error: .env:3: AUTH0_CLIENT_SECRET is mentioned here, but the line is not of the form KEY=value
    hint: write AUTH0_CLIENT_SECRET=value, or begin the line with #

    error: .env:3: AUTH0_CLIENT_SECRET has a quote in the middle of its value, or typographic quotes around it
    hint: put the value into single quotes, which are exact: AUTH0_CLIENT_SECRET='…'
    ");
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn the_environment_wins_over_the_tenant_s_file_and_that_over_the_common_one() {
    let (bed, common) = (one().start(), one().start());
    let secret = bed.sandbox.client_secret().to_owned();
    bed.write(
        ".env",
        &common.env_file().replace("CLIENT_ID=", "CLIENT_ID=common-"),
    );
    bed.write(
        ".env.dev",
        &format!(
            "# dev\nAUTH0_DOMAIN={}\nAUTH0_CLIENT_SECRET=wrong\n",
            bed.sandbox.url()
        ),
    );
    let variables = [
        ("AUTH0_CLIENT_SECRET", secret.as_str()),
        ("AUTH0_CLIENT_ID", "sandbox"),
    ];
    let all = run(&bed, &variables, &["list", "--tenant", "dev", "-v"]).exits(0);
    let notes: Vec<_> = all
        .stderr
        .lines()
        .filter(|line| line.contains(" from "))
        .collect();
    insta::assert_snapshot!(notes.join("\n"), @"
    domain 127.0.0.1:PORT from AUTH0_DOMAIN (.env.dev:2)
    client id sandbox from AUTH0_CLIENT_ID in the environment
    client secret from AUTH0_CLIENT_SECRET in the environment
    ");
    assert_eq!(common.requests(), [""; 0]);
    // Where there is no file for the tenant, and where none is named, the common one counts.
    run(&bed, &variables, &["list", "--tenant", "prod"]).exits(0);
    assert_eq!(common.count("GET"), 1);
    run(&bed, &[], &["list"])
        .exits(2)
        .complains("AUTH0_CLIENT_ID (.env:2)");
}

#[test]
fn a_file_that_is_named_replaces_the_others() {
    let bed = one().start();
    bed.write(".env", "AUTH0_DOMAIN=nowhere.example\n");
    bed.write("ci/settings", &bed.env_file());
    run(&bed, &[], &["list", "--env-file", "ci/settings"]).exits(0);
    let missing = run(&bed, &[], &["list", "--env-file", "ci/nothing"]).exits(2);
    insta::assert_snapshot!(missing, @"
    exit code 2
    --- stderr
    error: ci/nothing: there is no such file
    hint: check the path after --env-file
    ");
}

#[test]
fn two_domains_are_an_error_that_names_both() {
    let bed = one().start();
    bed.write(".env.prod", &bed.env_file());
    for command in ["pull", "push", "diff", "list", "token"] {
        let variables = [("AUTH0_DOMAIN", "acme-dev.eu.auth0.com")];
        // push and diff look at files first.
        bed.write("tenant/prod/clients/a.yaml", "client_id: a\nname: Edited\n");
        let both = run(&bed, &variables, &[command, "--tenant", "prod"]).exits(2);
        insta::allow_duplicates! {
            insta::assert_snapshot!(both, @"
            exit code 2
            --- stderr
            error: two domains: AUTH0_DOMAIN in the environment is acme-dev.eu.auth0.com, AUTH0_DOMAIN (.env.prod:1) is 127.0.0.1:PORT
            hint: unset AUTH0_DOMAIN, or choose the tenant that it belongs to
            ");
        }
    }
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn what_is_missing_is_said_at_once() {
    let bed = one().start();
    insta::assert_snapshot!(run(&bed, &[], &["pull"]).exits(2), @"
    exit code 2
    --- stderr
    error: settings not set:
      AUTH0_DOMAIN (or CLIENT_DOMAIN)
      AUTH0_CLIENT_ID (or CLIENT_ID)
      AUTH0_CLIENT_SECRET (or CLIENT_SECRET)
    hint: put what is missing into .env; `tenantry init` writes a commented .env to fill in, and `--tenant sandbox` needs no account
    ");
    bed.write(".env.dev", "AUTH0_CLIENT_ID=\n");
    let some = run(
        &bed,
        &[("AUTH0_DOMAIN", "acme.eu.auth0.com")],
        &["list", "--tenant", "dev"],
    )
    .exits(2);
    insta::assert_snapshot!(some, @"
    exit code 2
    --- stderr
    error: settings not set:
      AUTH0_CLIENT_ID (or CLIENT_ID; AUTH0_CLIENT_ID is empty at .env.dev:1)
      AUTH0_CLIENT_SECRET (or CLIENT_SECRET)
    hint: put what is missing into .env.dev; `tenantry init --tenant dev` writes a commented .env to fill in, and `--tenant sandbox` needs no account
    ");
    let document = run(&bed, &[], &["diff", "-o", "json"]).exits(2);
    document.json();
}

#[test]
fn what_is_no_domain_says_why() {
    let bed = one().start();
    let mut screens = Vec::new();
    for domain in [
        "acme",
        "http://acme.eu.auth0.com",
        "https://acme.eu.auth0.com/api/v2/",
        "ac me.eu.auth0.com",
    ] {
        let variables = [("AUTH0_DOMAIN", domain), ("AUTH0_ACCESS_TOKEN", "t")];
        screens.push(run(&bed, &variables, &["list"]).exits(2).stderr);
    }
    insta::assert_snapshot!(screens.join("\n"), @"
    error: AUTH0_DOMAIN in the environment is not a full domain name
    hint: write it as in the Auth0 dashboard, for example acme.eu.auth0.com

    error: AUTH0_DOMAIN in the environment uses http://, which is accepted for loopback hosts only
    hint: write https://, or leave the scheme out

    error: AUTH0_DOMAIN in the environment has a path, and only the domain belongs there
    hint: write acme.eu.auth0.com

    error: AUTH0_DOMAIN in the environment contains white space, which no domain does
    hint: write it as in the Auth0 dashboard, for example acme.eu.auth0.com
    ");
}

#[test]
fn several_tenants_are_listed_where_none_is_named() {
    let bed = one().start();
    bed.run(["pull", "--tenant", "prod"]).exits(0);
    bed.run(["pull", "--tenant", "dev"]).exits(0);
    bed.sandbox.clear_requests();
    for command in [&["pull"][..], &["diff"], &["push", "--yes"], &["list"]] {
        let several = bed.run(command.iter().copied()).exits(2);
        insta::allow_duplicates! {
            insta::assert_snapshot!(several, @"
            exit code 2
            --- stderr
            error: tenant holds several tenants: dev, prod
            hint: name one with --tenant NAME (or TENANTRY_TENANT); check and diff take --all-tenants
            ");
        }
    }
    assert_eq!(bed.requests(), [""; 0]);
    bed.run_with([("TENANTRY_TENANT", "dev")], ["diff"])
        .exits(0);
    bed.run_with([("TENANTRY_DIR", "tenant/dev")], ["diff"])
        .exits(0);
}

#[test]
fn a_tenant_s_name_is_the_name_of_a_folder() {
    let bed = one().start();
    for name in [
        "../x", "..", ".", "a/b", "/etc", "clients", "a\\b", "a\nb", "C:x", ".git", "CON",
        "nul.dev", "x.",
    ] {
        let refused = bed.run(["pull", "--tenant", name]).exits(2);
        assert!(
            refused.stderr.contains("can't be a tenant's name"),
            "{name}: {refused}"
        );
        assert_eq!(
            refused.stderr.lines().count(),
            refused.stderr.trim().split('\n').count()
        );
    }
    assert_eq!(bed.requests(), [""; 0]);
    assert_eq!(bed.files("").len(), 0);
    insta::assert_snapshot!(bed.run(["list", "--tenant", "../x"]), @"
    exit code 2
    --- stderr
    error: `../x` can't be a tenant's name
    hint: a name is the name of a folder: letters, digits, `.`, `_` and `-`; Windows has none that ends in `.`, or that is a device's, such as `con`
    ");
}

#[test]
fn a_ready_token_needs_no_credentials() {
    let bed = one().start();
    let token = bed.run(["token"]).exits(0).stdout;
    bed.sandbox.clear_requests();
    let url = bed.sandbox.url();
    for name in ["AUTH0_ACCESS_TOKEN", "AUTH0_API_TOKEN"] {
        let variables = [("AUTH0_DOMAIN", url.as_str()), (name, token.trim())];
        run(&bed, &variables, &["list"]).exits(0);
    }
    assert_eq!(bed.count("POST"), 0);
    let variables = [
        ("AUTH0_DOMAIN", url.as_str()),
        ("AUTH0_ACCESS_TOKEN", "made-up"),
    ];
    insta::assert_snapshot!(run(&bed, &variables, &["list"]).exits(2), @"
    exit code 2
    --- stderr
    error: GET /api/v2/clients: 401: Invalid token
    hint: the access token that was given is expired, revoked or for another tenant: get a new one, or set a client id and secret instead
    ");
    assert_eq!(bed.count("GET"), 3, "there is no other token to try with");
}

#[test]
fn refused_credentials_name_the_variables() {
    let bed = one().start();
    bed.write(".env", &bed.env_file().replace("-secret-", "-wrong-"));
    insta::assert_snapshot!(run(&bed, &[], &["list"]).exits(2), @"
    exit code 2
    --- stderr
    error: POST /oauth/token: 401: Unauthorized (access_denied)
    hint: the credentials are AUTH0_CLIENT_ID (.env:2) and AUTH0_CLIENT_SECRET (.env:3): is this the application's id and secret, and of this tenant?
    ");
    let mut command = bed.command();
    command.env("AUTH0_CLIENT_SECRET", "wrong").arg("list");
    insta::assert_snapshot!(bed.run_command(command).exits(2), @"
    exit code 2
    --- stderr
    error: POST /oauth/token: 401: Unauthorized (access_denied)
    hint: the credentials are AUTH0_CLIENT_ID in the environment and AUTH0_CLIENT_SECRET in the environment: is this the application's id and secret, and of this tenant?
    ");
    assert_eq!(bed.requests(), ["POST /oauth/token"; 2]);
}

#[test]
fn an_application_that_is_not_authorized_is_told_where_that_is_done() {
    let bed = one().sandbox(|sandbox| sandbox.unauthorized()).start();
    insta::assert_snapshot!(bed.run(["list"]).exits(2), @r#"
    exit code 2
    --- stderr
    error: POST /oauth/token: 403: Client is not authorized to access "http://127.0.0.1:PORT/api/v2/". You need to create a "client-grant" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants (access_denied)
    hint: in the dashboard, under Applications > APIs > Auth0 Management API > Machine to Machine Applications, authorize the application and grant it read:clients and update:clients
    "#);
}

#[test]
fn an_unknown_audience_is_told() {
    let bed = one()
        .sandbox(|sandbox| sandbox.audience("https://acme.eu.auth0.com/api/v2/"))
        .start();
    insta::assert_snapshot!(bed.run(["list"]).exits(2), @"
    exit code 2
    --- stderr
    error: POST /oauth/token: 403: Service not found: http://127.0.0.1:PORT/api/v2/ (access_denied)
    hint: the audience http://127.0.0.1:PORT/api/v2/ is no API of this tenant: set AUTH0_AUDIENCE (behind a custom domain it is https://<tenant>.<region>.auth0.com/api/v2/)
    ");
    bed.run_with(
        [("AUTH0_AUDIENCE", "https://acme.eu.auth0.com/api/v2/")],
        ["list"],
    )
    .exits(0);
}

#[test]
fn a_missing_scope_is_told_with_the_place_to_grant_it() {
    let bed = one()
        .sandbox(|sandbox| sandbox.scopes(&["update:clients"]))
        .start();
    insta::assert_snapshot!(bed.run(["pull"]).exits(2), @"
    exit code 2
    --- stderr
    error: GET /api/v2/clients: 403: Insufficient scope, expected any of: read:clients,read:client_keys,read:client_summary (insufficient_scope)
    hint: in the dashboard, under Applications > APIs > Auth0 Management API > Machine to Machine Applications, grant the application read:clients
    ");
}

#[test]
fn a_signing_key_stands_for_the_secret() {
    let bed = one().start();
    let key = include_str!("../fixtures/settings/test-signing-key.pem");
    bed.write("keys/dev.pem", key);
    let text = bed.env_file();
    let secret = text.lines().last().unwrap();
    bed.write(
        ".env",
        &text.replace(secret, "AUTH0_CLIENT_SIGNING_KEY_PATH=keys/dev.pem"),
    );
    let signed = run(&bed, &[], &["list", "-v"]).exits(0);
    let form = bed.sandbox.requests()[0].body.clone().unwrap();
    let mut names: Vec<_> = form
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "audience",
            "client_assertion",
            "client_assertion_type",
            "client_id",
            "grant_type"
        ]
    );
    let assertion = form["client_assertion"].as_str().unwrap();
    assert!(
        !signed.stderr.contains(assertion) && !signed.stderr.contains("MII"),
        "{signed}"
    );
}

#[test]
fn a_scope_that_is_asked_for_is_asked_for() {
    let bed = one().start();
    let scoped = |scope: &str| bed.run_with([("AUTH0_SCOPE", scope)], ["list"]);
    scoped("read:clients").exits(0);
    assert_eq!(
        bed.sandbox.requests()[0].body.as_ref().unwrap()["scope"],
        "read:clients"
    );
    insta::assert_snapshot!(scoped("read:clients delete:everything").exits(2), @"
    exit code 2
    --- stderr
    error: POST /oauth/token: 403: Client has not been granted scopes: delete:everything (access_denied)
    hint: AUTH0_SCOPE asks for more than the application was granted: grant it in the dashboard, or ask for less
    ");
}

/// Each of these takes all the retries that there are, so they run side by side.
#[test]
fn what_never_works_is_given_up_with_a_reason() {
    let endings = std::thread::scope(|scope| {
        let too_many = Fault::TooManyRequests {
            retry_after: Some(0),
        };
        let faults = [
            FaultRule::new(Fault::ProxyPage),
            FaultRule::new(Fault::ProxyPage).token(),
            FaultRule::new(Fault::HangBefore),
            FaultRule::new(Fault::HangBefore).token(),
            FaultRule::new(Fault::CloseBefore),
            FaultRule::new(too_many),
        ];
        let faults = faults.map(|rule| {
            scope.spawn(move || {
                let bed = one().start();
                bed.sandbox.fail_next(rule.always());
                ending(&bed.run(["list", "--timeout", "1"]).exits(2))
            })
        });
        faults.map(|fault| fault.join().unwrap())
    });
    insta::assert_snapshot!(endings.join("\n\n"), @"
    error: GET /api/v2/clients: 502: Bad Gateway, with an answer that is not the API's, after 7 attempts
    hint: the fault is on Auth0's side, or on a proxy's: try again, or see https://status.auth0.com

    error: POST /oauth/token: 502: Bad Gateway, with an answer that is not the API's
    hint: the fault is on Auth0's side, or on a proxy's: try again, or see https://status.auth0.com

    error: GET /api/v2/clients: no answer within 1.0 s, after 7 attempts
    hint: try again; --timeout SECONDS allows for more

    error: POST /oauth/token: no answer within 1.0 s, after 7 attempts
    hint: try again; --timeout SECONDS allows for more

    error: GET /api/v2/clients: the connection to 127.0.0.1:PORT broke: connection closed before message completed, after 7 attempts
    hint: try again

    error: GET /api/v2/clients: 429: Global limit has been reached (too_many_requests), after 7 attempts
    hint: others use this tenant's rate limit too: try again in a minute
    ");
}

#[test]
fn what_can_t_get_better_is_given_up_at_once() {
    let bed = one().start();
    let key = ("AUTH0_CLIENT_ID", "x");
    let secret = ("AUTH0_CLIENT_SECRET", "a-secret-of-an-application");
    // This port was free a moment ago, and the system does not give it to anybody else so soon.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap().to_string();
    drop(free);
    // This server does not speak TLS at all, so there is no certificate to trust.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in plain.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(
                b"HTTP/1.1 400 Bad Request

",
            );
        }
    });
    for (domain, problem) in [
        (format!("http://{nobody}"), "Connection refused"),
        (format!("https://{address}"), "corrupt"),
        ("nobody.invalid".to_owned(), ""),
    ] {
        let run = run(&bed, &[("AUTH0_DOMAIN", &domain), key, secret], &["list"]).exits(2);
        let host = domain.rsplit('/').next().unwrap();
        let begins = format!("error: POST /oauth/token: can't connect to {host}: ");
        assert!(run.stderr.starts_with(&begins), "{run}");
        assert!(run.stderr.contains(problem), "{run}");
        assert!(!run.stderr.contains("attempts"), "{run}");
        assert!(run.stderr.contains("\nhint: is the domain right"), "{run}");
    }
}

#[test]
fn a_proxy_that_can_t_be_used_is_never_passed_over() {
    let bed = one().start();
    let tenant = [
        ("AUTH0_DOMAIN", "acme.eu.auth0.com"),
        ("AUTH0_CLIENT_ID", "x"),
        ("AUTH0_CLIENT_SECRET", "a-secret-of-an-application"),
    ];
    for value in [
        "http://",
        "ftp://me:pa55word@proxy:21",
        "socks5://proxy:1080",
        "proxy port",
    ] {
        let run = run(
            &bed,
            &[&tenant[..], &[("HTTPS_PROXY", value)]].concat(),
            &["list"],
        )
        .exits(2);
        assert_eq!(
            run.stderr,
            "error: HTTPS_PROXY in the environment is no proxy that can be used\n\
             hint: write it as http://proxy.example.com:3128 (or https://…; others are not supported), or unset it\n"
        );
    }
    // A proxy that can be used is asked.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let proxy = Stub::raw(move |method, path| {
        assert_eq!((method, path), ("CONNECT", "acme.eu.auth0.com:443"));
        count.fetch_add(1, Ordering::SeqCst);
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned()
    });
    let url = proxy.url();
    run(
        &bed,
        &[&tenant[..], &[("https_proxy", &url)]].concat(),
        &["list"],
    )
    .exits(2);
    assert!(asked.load(Ordering::SeqCst) > 0);
    // A tenant on this machine needs no proxy.
    bed.run_with([("HTTPS_PROXY", "http://")], ["list"])
        .exits(0);
}

#[test]
fn a_pasted_address_of_the_dashboard_names_its_tenant() {
    let bed = one().start();
    let tenant = [
        (
            "AUTH0_DOMAIN",
            "https://manage.auth0.com/dashboard/eu/acme/applications",
        ),
        ("AUTH0_CLIENT_ID", "x"),
        ("AUTH0_CLIENT_SECRET", "a-secret-of-an-application"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ];
    let run = run(&bed, &tenant, &["list", "-v"]).exits(2);
    assert!(
        run.stderr
            .starts_with("domain acme.eu.auth0.com from AUTH0_DOMAIN in the environment\n"),
        "{run}"
    );
}

/// The output without the waits, which differ from run to run.
fn ending(run: &Run) -> String {
    let lines: Vec<_> = run
        .stderr
        .lines()
        .filter(|line| !line.starts_with("waiting ") && !line.contains("rate limit:"))
        .collect();
    lines.join("\n")
}

#[test]
fn answers_that_make_no_sense() {
    let bed = one().start();
    bed.sandbox.fail_next(Fault::InvalidJson);
    insta::assert_snapshot!(bed.run(["list"]).exits(2), @"
    exit code 2
    --- stderr
    error: GET /api/v2/clients: the answer makes no sense: it is no JSON, at line 1:29
    hint: a proxy in between, or a change of the API, may be why
    ");
    bed.sandbox
        .fail_next(FaultRule::new(Fault::InvalidJson).token());
    let mut screens = Vec::new();
    screens.push(bed.run(["list", "--no-token-cache"]).exits(2).to_string());
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 15\r\nconnection: close\r\n\r\n<html>Hi</html>",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: https://login.example/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ] {
        let stub = Stub::raw(|_, _| answer.to_owned());
        let variables = [("AUTH0_DOMAIN", &*stub.url()), ("AUTH0_ACCESS_TOKEN", "t")]
            .map(|(name, value)| (name, value.to_owned()));
        let variables = variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        screens.push(run(&bed, &variables, &["list"]).exits(2).to_string());
        let variables = [
            variables[0],
            ("AUTH0_CLIENT_ID", "i"),
            ("AUTH0_CLIENT_SECRET", "s"),
        ];
        let token = run(&bed, &variables, &["token"]).exits(2).to_string();
        screens.push(token.replace(&stub.address(), "127.0.0.1:STUB"));
    }
    insta::assert_snapshot!(screens.join("\n\n"), @"
    exit code 2
    --- stderr
    error: POST /oauth/token: the answer makes no sense: it has no `access_token` with an `expires_in`
    hint: a proxy in between, or a change of the API, may be why

    exit code 2
    --- stderr
    error: GET /api/v2/clients: the answer makes no sense: it is an HTML page, not JSON
    hint: a proxy in between, or a change of the API, may be why

    exit code 2
    --- stderr
    error: POST /oauth/token: the answer makes no sense: it is an HTML page, not JSON
    hint: a proxy in between, or a change of the API, may be why

    exit code 2
    --- stderr
    error: GET /api/v2/clients: the answer makes no sense: it is empty
    hint: a proxy in between, or a change of the API, may be why

    exit code 2
    --- stderr
    error: POST /oauth/token: the answer makes no sense: it has no `access_token` with an `expires_in`
    hint: a proxy in between, or a change of the API, may be why

    exit code 2
    --- stderr
    error: GET /api/v2/clients: 302: Found, with an answer that is not the API's
    hint: an Auth0 tenant does not redirect: is the domain (AUTH0_DOMAIN) that of one?

    exit code 2
    --- stderr
    error: POST /oauth/token: 302: Found, with an answer that is not the API's
    hint: is 127.0.0.1:STUB the domain of an Auth0 tenant?

    exit code 2
    --- stderr
    error: GET /api/v2/clients: 404: Not Found, with an answer that is not the API's
    hint: is the domain (AUTH0_DOMAIN) that of an Auth0 tenant?

    exit code 2
    --- stderr
    error: POST /oauth/token: 404: Not Found, with an answer that is not the API's
    hint: is 127.0.0.1:STUB the domain of an Auth0 tenant?
    ");
}

#[test]
fn a_server_that_answers_at_the_second_try() {
    let bed = one().start();
    bed.sandbox.fail_next(Fault::HangBefore);
    bed.sandbox
        .fail_next(FaultRule::new(Fault::HangBefore).token());
    bed.run(["list", "--timeout", "1"]).exits(0);
}

#[test]
fn wrong_usage_exits_with_2() {
    let bed = one().start();
    for arguments in [
        &["pul"][..],
        &["pull", "--formt", "json"],
        &["pull", "--format", "toml"],
        &[],
        &["diff", "-o", "xml"],
        &["list", "-v", "-q"],
        &["list", "--timeout", "0"],
    ] {
        let usage = bed.run(arguments.iter().copied()).exits(2);
        assert_eq!(usage.stdout, "", "{arguments:?}");
        assert!(!usage.stderr.is_empty());
    }
    bed.run(["--version"]).exits(0);
    bed.run(["pull", "--help"]).exits(0);
}

#[test]
fn without_an_account_the_sandbox_is_a_tenant() {
    let bed = Bed::new().start();
    let sandbox = |arguments: &[&str]| {
        let mut all = vec!["--tenant", "sandbox"];
        all.extend(arguments);
        run(&bed, &[], &all)
    };
    insta::assert_snapshot!(sandbox(&["pull"]).exits(0), @"
    exit code 0
    --- stdout
    12 clients of sandbox in tenant/sandbox: 12 created
    ");
    assert_eq!(sandbox(&["diff"]).exits(0).stdout, "no differences\n");
    bed.edit(
        "tenant/sandbox/clients/storefront.yaml",
        "name: Storefront\n",
        "name: Shop\n",
    );
    sandbox(&["diff"]).exits(1);
    sandbox(&["push", "--yes"]).exits(0);
    sandbox(&["diff"]).exits(0);
    let listed = sandbox(&["list", "-o", "json", "Shop"]).exits(0).json();
    assert_eq!(
        listed["tenant"],
        json!({"name": "sandbox", "domain": "sandbox"})
    );
    assert_eq!(listed["resources"][0]["state"], "unchanged");
    let lock = bed.read("tenant/sandbox/tenant.lock");
    assert!(lock.contains("\"domain\": \"sandbox\"") && !lock.contains("127.0.0.1"));
    sandbox(&["sandbox", "reset"]).exits(0);
    // The tenant lost its change; the file is as the last push left it, and so is base.
    let drifted = sandbox(&["diff"]).exits(1);
    assert!(
        drifted.stdout.contains("name: \"Shop\" → \"Storefront\""),
        "{drifted}"
    );
    assert_eq!(
        bed.requests(),
        [""; 0],
        "the bed's own sandbox has nothing to do with it"
    );
}

#[test]
fn a_mistyped_tenant_is_asked_about() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    bed.run(["pull", "--tenant", "prod"]).exits(0);
    bed.write(".env.staging", "AUTH0_DOMAIN=\n");
    let said = |arguments: &[&str]| {
        let mut command = bed.command_without_settings();
        command.args(arguments);
        let run = bed.run_command(command).exits(2);
        run.stderr.lines().last().unwrap().to_owned()
    };
    assert_eq!(
        said(&["pull", "--tenant", "pord"]),
        "hint: did you mean the tenant `prod`?"
    );
    assert_eq!(
        said(&["pull", "--tenant", "stagging"]),
        "hint: did you mean the tenant `staging`?"
    );
    assert_eq!(
        said(&["check", "--tenant", "prd"]),
        "hint: did you mean the tenant `prod`?"
    );
    assert_eq!(
        said(&["promote", "--from", "prod", "--to", "Prod"]),
        "hint: did you mean the tenant `prod`?"
    );
    assert_eq!(
        said(&["check", "--tenant", "other"]),
        "hint: `tenantry pull --tenant other` makes it"
    );
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_neither_waited_for_nor_read() {
    let bed = one().start();
    common::make_pipe(&bed.path(".env"));
    std::os::unix::fs::symlink("/dev/zero", bed.path(".env.dev")).unwrap();
    let settings = [
        ("AUTH0_DOMAIN", bed.sandbox.url()),
        ("AUTH0_CLIENT_ID", "x".to_owned()),
        ("AUTH0_CLIENT_SECRET", "y".to_owned()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    for (arguments, file) in [
        (&["list"][..], ".env"),
        (&["list", "--tenant", "dev"], ".env.dev"),
        (&["list", "--env-file", ".env"], ".env"),
    ] {
        let run = run(&bed, &settings, arguments).exits(2);
        assert!(
            run.stderr.starts_with(&format!(
                "error: {file}: cannot be read: it is not a regular file\n"
            )),
            "{run}"
        );
    }
    let key = bed.path("key.pem");
    common::make_pipe(&key);
    bed.write(
        "settings",
        "AUTH0_DOMAIN=acme.eu.auth0.com\nAUTH0_CLIENT_ID=x\n",
    );
    let variables = [("AUTH0_CLIENT_SIGNING_KEY_PATH", key.to_str().unwrap())];
    let run = run(&bed, &variables, &["list", "--env-file", "settings"]).exits(2);
    assert!(
        run.stderr
            .contains("key.pem cannot be read: it is not a regular file"),
        "{run}"
    );
}

/// What a repository that somebody cloned may have in place of a sandbox's folder and files.
#[cfg(unix)]
#[test]
fn a_sandbox_follows_no_link() {
    use std::fs;
    use std::os::unix::fs::symlink;
    let bed = Bed::new().start();
    let embedded =
        |arguments: &[&str]| run(&bed, &[], &[arguments, &["--tenant", "sandbox"]].concat());
    bed.write("home/precious", "mine\n");
    let precious = bed.path("home/precious");
    let folder = bed.path("home");
    for (link, to, is_refused) in [
        ("tenant/sandbox/.sandbox/held", &precious, true),
        ("tenant/sandbox/.sandbox/state.json", &precious, true),
        ("tenant/sandbox/.sandbox/.gitignore", &precious, false),
        ("tenant/sandbox/.sandbox", &folder, true),
        ("tenant/sandbox", &folder, true),
    ] {
        let link = bed.path(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(to, &link).unwrap();
        for arguments in [
            &["pull"][..],
            &["list"],
            &["sandbox", "serve", "--port", "0"],
        ] {
            if !is_refused && arguments.contains(&"serve") {
                continue;
            }
            let run = embedded(arguments);
            assert_eq!(run.code == 2, is_refused, "{run}");
            let is_named =
                run.stderr.contains("a link") || run.stderr.contains("not a regular file");
            assert_eq!(is_named, is_refused, "{run}");
        }
        assert_eq!(bed.read("home/precious"), "mine\n", "{}", link.display());
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            1,
            "{}",
            link.display()
        );
        fs::remove_dir_all(bed.path("tenant")).unwrap();
    }
    for file in ["held", "state.json"] {
        fs::create_dir_all(bed.path("tenant/sandbox/.sandbox")).unwrap();
        common::make_pipe(&bed.path(&format!("tenant/sandbox/.sandbox/{file}")));
        let run = embedded(&["list"]).exits(2);
        assert!(run.stderr.contains("it is not a regular file"), "{run}");
        fs::remove_dir_all(bed.path("tenant")).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_sandbox_that_runs_is_not_reset() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let bed = Bed::new().start();
    let reset = || run(&bed, &[], &["sandbox", "reset"]);
    assert_eq!(reset().exits(0).stderr, "sandbox is as it was first\n");
    run(&bed, &[], &["pull", "--tenant", "sandbox"]).exits(0);
    let mut serving = bed
        .bare()
        .args(["sandbox", "serve", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(serving.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("AUTH0_DOMAIN="), "{line}");
    insta::assert_snapshot!(reset().exits(2), @"
    exit code 2
    --- stderr
    error: sandbox is running
    hint: stop the tenantry that runs it first
    ");
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert_eq!(
        reset().exits(0).stderr,
        "sandbox starts anew; its files are as they were\n"
    );
    assert!(!bed.path("tenant/sandbox/.sandbox/state.json").exists());
    run(&bed, &[], &["diff", "--tenant", "sandbox"]).exits(0);
}

#[test]
fn a_domain_and_a_secret_from_two_places_are_asked_about() {
    let bed = one().start();
    let text = bed.env_file();
    let (domain, keys) = text.split_once('\n').unwrap();
    bed.write(".env", keys);
    bed.write(".env.dev", domain);
    let apart = run(&bed, &[], &["list", "--tenant", "dev"]).exits(0);
    assert_eq!(
        apart.stderr,
        "warning: the domain is AUTH0_DOMAIN (.env.dev:1), and the client secret is AUTH0_CLIENT_SECRET (.env:2): are they of \
         one tenant?\n"
    );
    let url = bed.sandbox.url();
    let apart = run(&bed, &[("AUTH0_DOMAIN", &url)], &["list"]).exits(0);
    assert!(
        apart
            .stderr
            .starts_with("warning: the domain is AUTH0_DOMAIN in the environment, "),
        "{apart}"
    );
    let token = [("AUTH0_ACCESS_TOKEN", "a-token"), ("AUTH0_DOMAIN", &url)];
    bed.write(".env", "");
    let together = run(&bed, &token, &["list"]).exits(2);
    assert!(!together.stderr.contains("warning"), "{together}");
    bed.write(".env.dev", &text);
    assert_eq!(
        run(&bed, &[], &["list", "--tenant", "dev"]).exits(0).stderr,
        ""
    );
}

#[cfg(unix)]
#[test]
fn a_sandbox_grants_the_scopes_that_it_is_told_to() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let bed = Bed::new().start();
    let mut serving = bed
        .bare()
        .args(["sandbox", "serve", "--port", "0", "--clients", "1"])
        .args([
            "--scope",
            "read:clients",
            "create:clients",
            "--scope",
            "delete:clients",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let settings = BufReader::new(serving.stdout.take().unwrap())
        .lines()
        .take(3);
    let settings: Vec<String> = settings.map(Result::unwrap).collect();
    bed.write(".env", &settings.join("\n"));
    run(&bed, &[], &["pull"]).exits(0);
    let file = format!("tenant/clients/{}", bed.client_files()[0]);
    let text = bed.read(&file);
    let name = text
        .lines()
        .find(|line| line.starts_with("name: "))
        .unwrap();
    bed.write(&file, &text.replace(name, "name: Another"));
    let refused = run(&bed, &[], &["push", "--yes"]);
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(
        refused
            .exits(2)
            .stderr
            .contains("403: Insufficient scope, expected any of: update:clients")
    );
}

/// What is in another user's file says what that user wants: whose client gets the secret, say.
#[cfg(unix)]
#[test]
fn another_user_s_env_file_is_not_read() {
    use std::os::unix::fs::{PermissionsExt, chown};
    let bed = one().start();
    bed.write(".env", &bed.env_file());
    let open = |path: &str, mode| {
        std::fs::set_permissions(bed.path(path), PermissionsExt::from_mode(mode)).unwrap();
    };
    open("", 0o755);
    open(".env", 0o644);
    if !common::is_root() {
        eprintln!("skipped: only root can give a file to somebody else");
        return;
    }
    for (owner, is_read) in [(65534, true), (0, true), (1, false)] {
        chown(bed.path(".env"), Some(owner), None).unwrap();
        bed.sandbox.clear_requests();
        let Some(mut command) = bed.as_nobody() else {
            return;
        };
        command.arg("list");
        let run = bed.run_command(command);
        assert_eq!(bed.requests().len(), if is_read { 2 } else { 0 }, "{run}");
        match is_read {
            true => run.exits(0),
            false => run
                .exits(2)
                .complains("error: .env: cannot be read: it belongs to another user"),
        };
    }
}

/// A `.env` of something else in a nearer folder is not that of the tenant.
#[test]
fn each_env_file_is_looked_for_by_itself() {
    let bed = one().start();
    bed.git(&["init", "-q"]);
    bed.write(".env.dev", &bed.env_file());
    bed.write("web/.env", "PORT=3000\n");
    let from_web = |arguments: &[&str]| {
        let mut command = bed.command_without_settings();
        command.current_dir(bed.path("web")).args(arguments);
        bed.run_command(command)
    };
    from_web(&["pull", "--tenant", "dev"]).exits(0);
    // What is missing belongs into the file that is there.
    bed.write(".env.dev", "AUTH0_DOMAIN=mine.example\n");
    from_web(&["pull", "--tenant", "dev"])
        .exits(2)
        .complains("put what is missing into ../.env.dev");
}
