//! Whatever bytes stand in a file or come from the tenant: a value, or an error that names where they came from. Never a panic,
//! a hang, or more memory than the input is worth.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tenantry::api::{ApiError, Fields, Options, Reader};
use tenantry::files::{Access, FilesError, Lock, TenantDirectory, read_file, read_project};
use tenantry::kinds::{Managed, clients::KIND};
use tenantry::resource::ResourceId;
use tenantry::saved_plan;
use tenantry::settings::Connection;

/// How many inputs a property tries; more with `TENANTRY_CASES`.
fn cases(usual: u32) -> Config {
    let asked = std::env::var("TENANTRY_CASES").ok();
    Config {
        cases: asked.and_then(|cases| cases.parse().ok()).unwrap_or(usual),
        failure_persistence: None,
        ..Config::default()
    }
}

/// What is read: a client's file in both formats, a lock, a plan, a page of the list and a client alone.
const DOCUMENTS: [&str; 6] = [
    "client_id: a\nname: A\nallowed_clients:\n  - \"b\" # c\n",
    r#"{"client_id": "a", "name": "A", "description": ""}"#,
    r#"{"version": 2, "domain": "d", "clients": {"a": {"file": "clients/a.yaml", "serial": 1, "base": {"name": "A"}}}}"#,
    r#"{"version": 2, "tenant": {"name": null, "domain": "d"}, "base": {"from": "lock"}, "resources": [], "summary": {"edit": 0, "drift": 0, "conflict": 0, "unmanaged": 0, "risk": 0, "new": 0, "live_only": 0, "file_only": 0}}"#,
    r#"{"start": 0, "limit": 100, "total": 1, "clients": [{"client_id": "a", "name": "A"}]}"#,
    r#"{"client_id": "a", "name": "A", "global": false}"#,
];

/// Bytes, texts that come near to what is read, and what is read with a byte or two changed.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "client_id: a",
        "name: \"x",
        "- ",
        "  ",
        "\n",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "'",
        "|\n",
        ">-\n",
        "&a ",
        "*a",
        "!!int ",
        "? ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "<<: ",
        "#c\n",
        "\t",
        "\r\n",
        "\u{feff}",
        "\0",
        "0x",
        "1e999",
        ".inf",
        "~",
        "null",
        "{\"client_id\":\"a\"",
        "\"version\":1",
        "\"domain\":\"d\"",
        "\"clients\":{",
        "\"total\":1",
        "{\"$serde_json::private::Number\":",
        "{\"$serde_json::private::RawValue\":",
        "\"1\"}",
        "\\ud800",
        "<<<<<<< HEAD\n",
        "\u{202e}",
    ];
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..300),
        3 => prop::collection::vec(prop::sample::select(words.to_vec()), 0..60).prop_map(|words| words.concat().into_bytes()),
        2 => (prop::sample::select(DOCUMENTS.to_vec()), prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..3))
            .prop_map(|(document, changes)| {
                let mut bytes = document.as_bytes().to_vec();
                for (at, byte) in changes {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                bytes
            }),
    ]
}

/// What reading a tenant directory with that file comes to.
fn read_directory(file: &str, content: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("clients")).unwrap();
    fs::write(folder.path().join(file), content).unwrap();
    read(folder.path())
}

fn read(folder: &Path) -> Result<(), String> {
    let directory = TenantDirectory::open(folder, Managed::default(), Access::Read, || ()).unwrap();
    directory
        .read()
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// Tries inputs, of which some are to be read and some are to be refused. `reads` says which of the two came of one.
fn try_inputs(config: Config, reads: impl Fn(Vec<u8>) -> Result<bool, TestCaseError>) {
    let counts = [Cell::new(0), Cell::new(0)];
    let outcome = TestRunner::new(config).run(&input(), |input| {
        let count = &counts[usize::from(reads(input)?)];
        count.set(count.get() + 1);
        Ok(())
    });
    outcome.unwrap();
    let [refused, read] = counts.map(Cell::into_inner);
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

#[test]
fn files_and_the_lock_are_read_or_refused_by_name() {
    for file in ["clients/a.yaml", "clients/a.json", "tenant.lock"] {
        try_inputs(cases(400), |content| {
            let outcome = read_directory(file, &content);
            if let Err(error) = &outcome {
                prop_assert!(error.contains(&format!("{file}:")), "{}", error);
            }
            Ok(outcome.is_ok())
        });
    }
}

#[test]
fn a_saved_plan_is_read_or_refused_by_place() {
    try_inputs(cases(2000), |content| {
        let outcome = saved_plan::parse(&content);
        if let Err(error) = &outcome {
            // A lone carriage return ends a line as well.
            let lines = content.split(|byte| b"\r\n".contains(byte)).count();
            prop_assert!((1..=lines).contains(&error.position.line), "{error:?}");
        }
        Ok(outcome.is_ok())
    });
}

/// A tenant that answers every request with these bytes.
fn answering(body: Vec<u8>) -> (Reader, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let domain = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        // The list may be asked for in two ways.
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            if request[..length].starts_with(b"QUIT") {
                return;
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body));
        }
    });
    let connection = Connection::access_token(&domain, "a-token").unwrap();
    let options = Options {
        retries: 0,
        ..Options::default()
    };
    (Reader::new(connection, options), server)
}

fn ask(body: Vec<u8>) -> [Option<ApiError>; 2] {
    let (reader, server) = answering(body);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let errors = runtime.block_on(async {
        let list = reader.resources(&KIND, &Fields::All).await.err();
        let one = reader
            .resource(&ResourceId::new(&KIND, "a"), &Fields::All)
            .await
            .err();
        [list, one]
    });
    let address = reader.domain().to_owned();
    std::net::TcpStream::connect(address)
        .unwrap()
        .write_all(b"QUIT")
        .unwrap();
    server.join().unwrap();
    errors
}

#[test]
fn answers_are_read_or_refused_by_request() {
    try_inputs(cases(200), |body| {
        let errors = ask(body);
        for error in errors.iter().flatten() {
            let told = error.to_string();
            prop_assert!(told.starts_with("GET /api/v2/clients"), "{told}");
            let debug = format!("{error:?}");
            prop_assert!(!debug.contains("a-token"));
        }
        Ok(errors.iter().any(Option::is_none))
    });
}

#[test]
fn bombs_are_refused_by_place() {
    let aliases: String = (1..30)
        .map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1))
        .collect();
    let bombs = [
        (
            "clients/a.yaml",
            format!("client_id: a\na0: &a0 [x]\n{aliases}"),
        ),
        ("clients/a.yaml", "[".repeat(100_000)),
        ("clients/a.yaml", "- ".repeat(100_000)),
        (
            "clients/a.yaml",
            format!(
                "client_id: a\nx: {}{}",
                "{a: ".repeat(100_000),
                "}".repeat(100_000)
            ),
        ),
        ("clients/a.json", "[".repeat(100_000)),
        ("clients/a.json", "{\"a\":".repeat(100_000)),
        ("tenant.lock", "[".repeat(100_000)),
    ];
    for (file, bomb) in bombs {
        let error = read_directory(file, bomb.as_bytes()).unwrap_err();
        assert!(error.contains(&format!("{file}:")), "{error}");
        assert!(error.len() < 500, "{error}");
    }
}

#[test]
fn nested_answers_are_refused() {
    for error in ask("[".repeat(100_000).into_bytes()) {
        assert!(
            error
                .unwrap()
                .to_string()
                .contains("the answer makes no sense")
        );
    }
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("clients")).unwrap();
    for file in ["clients/a.yaml", "tenant.lock"] {
        let path = folder.path().join(file);
        // 200 MB without taking them.
        File::create(&path).unwrap().set_len(200_000_000).unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(error.ends_with("it is larger than 32 MiB"), "{error}");
        assert!(read_file(&path).is_err());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let directory =
        TenantDirectory::open(folder.path(), Managed::default(), Access::Create, || ()).unwrap();
    let mut lock = Lock::new("d");
    directory.write_lock(&lock).unwrap();
    let text = "client_id: a\n";
    directory.create_file("clients/a.yaml", text).unwrap();

    let huge = "x".repeat(33 << 20);
    let a = ResourceId::new(&KIND, "a");
    let file = directory.read().unwrap().resources.remove(&a).unwrap();
    lock.domain.clone_from(&huge);
    let errors = [
        directory.create_file("clients/b.yaml", &huge),
        directory.rewrite_file(&file, &huge),
        directory.write_lock(&lock),
    ];
    for error in errors {
        let error = error.unwrap_err().to_string();
        assert!(error.ends_with("it is larger than 32 MiB"), "{error}");
    }
    let read = directory.read().unwrap();
    assert_eq!(read.resources[&a].text, text);
    assert_eq!(read.lock, Some(Lock::new("d")));
}

#[test]
fn a_new_file_never_replaces_one() {
    let folder = tempfile::tempdir().unwrap();
    let directory =
        TenantDirectory::open(folder.path(), Managed::default(), Access::Create, || ()).unwrap();
    let path = folder.path().join("clients/a.yaml");
    fs::write(&path, "theirs").unwrap();
    let error = directory.create_file("clients/a.yaml", "ours");
    assert!(matches!(error, Err(FilesError::ChangedMeanwhile { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    assert_eq!(
        fs::read_dir(folder.path().join("clients")).unwrap().count(),
        1
    );
}

#[cfg(unix)]
#[test]
fn a_folder_or_a_device_in_place_of_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("clients/a.yaml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("clients/b.json")).unwrap();
    let error = read(folder.path()).unwrap_err();
    let path = folder.path().display().to_string();
    insta::assert_snapshot!(error.replace(&path, "tenant"), @"
    can't read tenant/clients/a.yaml: it is not a regular file
    can't read tenant/clients/b.json: a link leads out of tenant
    ");
}

/// A reader that opens a named pipe waits for a writer, and this test does not end.
#[cfg(unix)]
#[test]
fn a_named_pipe_is_never_opened() {
    for file in ["clients/a.yaml", "tenant.lock", "overrides.yaml"] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("clients")).unwrap();
        let pipe = folder.path().join(file);
        common::make_pipe(&pipe);
        let directory =
            TenantDirectory::open(folder.path(), Managed::default(), Access::Read, || ()).unwrap();
        let findings = directory.source().unwrap().check().findings;
        let messages: Vec<_> = findings.iter().map(|finding| &finding.message).collect();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!(*messages[0], "can't read it: it is not a regular file");
    }
}

/// In a cloned repository, a link may lead to anything that whoever runs tenantry may read or write.
#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_tenant_directory() {
    for link in [
        "clients/a.yaml",
        "clients/a.json",
        "tenant.lock",
        "overrides.yaml",
        "tenantry.yaml",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let tenant = folder.path().join("tenant");
        fs::create_dir_all(tenant.join("clients")).unwrap();
        let secret = folder.path().join(".env");
        fs::write(&secret, "password=s3cret").unwrap();
        for target in [&secret, Path::new("/proc/self/environ")] {
            std::os::unix::fs::symlink(target, tenant.join(link)).unwrap();
            let directory =
                TenantDirectory::open(&tenant, Managed::default(), Access::Write, || ()).unwrap();
            let findings = directory.source().unwrap().check().findings;
            let project = read_project(&tenant, &tenant).map(|_| ());
            let told = format!("{findings:?}{project:?}");
            assert!(told.contains("a link leads out of"), "{told}");
            assert!(!told.contains("password"), "{told}");
            fs::remove_file(tenant.join(link)).unwrap();
        }
    }
}
