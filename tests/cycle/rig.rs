//! Running tenantry inside a test's process, over a real socket, and looking at what it left behind with other parsers than
//! its own. A command prints to the process's own stdout, so each test runs once more in a process apart whose stdout is a
//! file: nothing clutters the report, and what a command printed can be read back.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};
use tenantry::sandbox::{Request, Sandbox};
use tenantry::settings::Environment;
use tenantry::testing;

#[path = "../common/without_secrets.rs"]
mod without_secrets;
use without_secrets::without_secrets;

/// A client's fields.
pub type Fields = Map<String, Value>;

/// The updatable fields, as the contract with the API has them.
pub const UPDATABLE: [&str; 3] = ["name", "description", "allowed_clients"];

const OUTPUT: &str = "TENANTRY_TEST_OUTPUT";

const GIT_CONFIG: &str =
    "[user]\nname = A\nemail = a@example.com\n[gc]\nauto = 0\n[maintenance]\nauto = false\n";

/// Runs the body in a process of its own. `name` is the test's own name.
pub fn apart(name: &str, body: impl FnOnce(&Tenantry)) {
    if let Some(output) = std::env::var_os(OUTPUT) {
        body(&Tenantry::new(Path::new(&output)));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let git_config = folder.path().join("gitconfig");
    fs::write(&git_config, GIT_CONFIG).unwrap();
    let (stdout, stderr) = (folder.path().join("stdout"), folder.path().join("stderr"));
    let create = |path: &Path| Stdio::from(File::create(path).unwrap());
    let status = Command::new(std::env::current_exe().unwrap())
        // With one thread, the harness prints nothing while the test runs.
        .args(["--exact", "--include-ignored", "--nocapture"])
        .args(["--test-threads=1", name])
        .env(OUTPUT, &stdout)
        .env("RUST_BACKTRACE", "0")
        // As much as the main thread has, on which commands run; the generators need some of it, too.
        .env("RUST_MIN_STACK", "8388608")
        // git has nothing from the machine, and no second thoughts.
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", &git_config)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env_remove("TENANTRY_BASE")
        .env_remove("TENANTRY_TENANT")
        .env_remove("TENANTRY_DIR")
        .stdin(Stdio::null())
        .stdout(create(&stdout))
        .stderr(create(&stderr))
        .status()
        .unwrap();
    let printed = String::from_utf8_lossy(&fs::read(&stdout).unwrap()).into_owned();
    assert!(
        printed.contains("running 1 test"),
        "no test is named {name}"
    );
    let said = String::from_utf8_lossy(&fs::read(&stderr).unwrap()).into_owned();
    let end = said.len().saturating_sub(8_000);
    let end = (end..said.len()).find(|at| said.is_char_boundary(*at));
    assert!(status.success(), "{}", &said[end.unwrap_or_default()..]);
}

/// How many cases: `TENANTRY_CASES`, else this many.
pub fn cases(usual: u32) -> u32 {
    number("TENANTRY_CASES").map_or(usual, |cases| u32::try_from(cases).unwrap())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap())
}

/// Holds a property against that many cases. They are the same ones each time, unless `TENANTRY_SEED` is another one.
pub fn property<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(S::Value)) {
    let seed = number("TENANTRY_SEED").unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        max_shrink_time: 120_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    // Shrinking fails again and again: only the last failure is of interest.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = runner.run(strategy, |case| {
        property(case);
        Ok(())
    });
    std::panic::set_hook(hook);
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => {
            panic!("seed {seed}: {reason}\nfor {case:#?}\n{reason}")
        }
        Err(TestError::Abort(reason)) => panic!("gave up: {reason}"),
    }
}

/// Runs commands.
pub struct Tenantry {
    runtime: tokio::runtime::Runtime,
    output: PathBuf,
    no_settings: tempfile::NamedTempFile,
}

/// What a command came to.
#[derive(Debug)]
pub struct Run {
    pub code: u8,
    pub stdout: String,
    /// The error that it ended with, if it reported nothing else.
    pub error: Option<String>,
}

impl Run {
    /// stdout as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Tenantry {
    fn new(output: &Path) -> Tenantry {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        Tenantry {
            runtime: runtime.worker_threads(1).enable_all().build().unwrap(),
            output: output.to_owned(),
            no_settings: tempfile::NamedTempFile::new().unwrap(),
        }
    }

    /// Runs a command on a tenant directory, against a sandbox.
    pub fn run(&self, sandbox: &Sandbox, directory: &Path, command: &[&str]) -> Run {
        let (name, rest) = command.split_first().unwrap();
        let mut args: Vec<&OsStr> = ["tenantry", "--quiet", "--no-token-cache", "--dir"]
            .map(OsStr::new)
            .to_vec();
        args.extend([directory.as_os_str(), OsStr::new("--env-file")]);
        args.extend([self.no_settings.path().as_os_str(), OsStr::new(name)]);
        args.extend(rest.iter().map(OsStr::new));
        let environment: Environment = [
            ("AUTH0_DOMAIN", sandbox.url().as_str()),
            ("AUTH0_CLIENT_ID", sandbox.client_id()),
            ("AUTH0_CLIENT_SECRET", sandbox.client_secret()),
        ]
        .into_iter()
        .collect();
        std::io::stdout().flush().unwrap();
        let before = fs::metadata(&self.output).unwrap().len();
        let (code, error) = self.runtime.block_on(testing::run(args, &environment));
        let mut stdout = String::new();
        let mut output = File::open(&self.output).unwrap();
        output.seek(SeekFrom::Start(before)).unwrap();
        output.read_to_string(&mut stdout).unwrap();
        Run {
            code,
            stdout,
            error,
        }
    }
}

/// The clients of a sandbox that are under version control, by id.
pub fn live(sandbox: &Sandbox) -> BTreeMap<String, Fields> {
    let clients = sandbox.clients();
    let clients = clients.iter().filter(|client| client["global"] != true);
    clients
        .map(|client| {
            (
                text(&client["client_id"]),
                without_secrets(client.as_object().unwrap()),
            )
        })
        .collect()
}

/// A value that is text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The PATCH requests in the order of arrival: id and body.
pub fn patches(sandbox: &Sandbox) -> Vec<(String, Value)> {
    let requests = sandbox.requests();
    let patches = requests.iter().filter(|request| request.method == "PATCH");
    patches
        .map(|request| {
            let id = request.path.strip_prefix("/api/v2/clients/").unwrap();
            (id.to_owned(), request.body.clone().unwrap())
        })
        .collect()
}

/// The requests to the API that were neither a GET nor the token's.
pub fn writes(sandbox: &Sandbox) -> Vec<Request> {
    api_requests(sandbox)
        .into_iter()
        .filter(|request| request.method != "GET")
        .collect()
}

/// The requests to the API, without the token's.
pub fn api_requests(sandbox: &Sandbox) -> Vec<Request> {
    let mut requests = sandbox.requests();
    requests.retain(|request| request.path != "/oauth/token");
    requests
}

/// Every file below a folder, by its path in it: content and time of the last change.
pub fn tree(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            let content = fs::read(&path).unwrap();
            found.insert(name.to_owned(), (content, meta.modified().unwrap()));
        }
    }
    found
}

/// A client's file, read by a parser that tenantry does not use for it.
pub fn read(path: &str, text: &str) -> Fields {
    let value = if path.ends_with(".json") {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"))
    } else {
        exact_yaml(text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"))
    };
    match value {
        Value::Object(fields) => fields,
        other => panic!("{path} is no object: {other}"),
    }
}

/// A YAML text as JSON, numbers to the last digit: plain text is what JSON says it is, or else text, and then no other
/// reader of YAML may take it for something else.
pub fn exact_yaml(text: &str) -> Result<Value, String> {
    let mut parser = Parser::new_from_str(text);
    loop {
        let (event, _) = next(&mut parser)?;
        if let Event::StreamStart | Event::DocumentStart(_) | Event::Nothing = event {
            continue;
        }
        return node(event, &mut parser);
    }
}

type Events<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

fn next<'a>(parser: &mut Events<'a>) -> Result<(Event<'a>, saphyr_parser::Span), String> {
    match parser.next_event() {
        Some(event) => event.map_err(|error| error.to_string()),
        None => Err("it ends too early".to_owned()),
    }
}

fn node<'a>(event: Event<'a>, parser: &mut Events<'a>) -> Result<Value, String> {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => plain(&text),
        Event::Scalar(text, ..) => Ok(Value::String(text.into_owned())),
        Event::SequenceStart(..) => {
            let mut entries = Vec::new();
            loop {
                match next(parser)?.0 {
                    Event::SequenceEnd => return Ok(Value::Array(entries)),
                    event => entries.push(node(event, parser)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut fields = Fields::new();
            loop {
                let key = match next(parser)?.0 {
                    Event::MappingEnd => return Ok(Value::Object(fields)),
                    Event::Scalar(text, ..) => text.into_owned(),
                    other => return Err(format!("a key is {other:?}")),
                };
                let (event, _) = next(parser)?;
                let value = node(event, parser)?;
                if fields.insert(key.clone(), value).is_some() {
                    return Err(format!("{key} is there twice"));
                }
            }
        }
        other => Err(format!("there is {other:?}")),
    }
}

fn plain(text: &str) -> Result<Value, String> {
    if text.is_empty() || text == "~" {
        return Ok(Value::Null);
    }
    if let Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) =
        serde_json::from_str(text)
    {
        return Ok(value);
    }
    if is_unclear(text) {
        return Err(format!(
            "the plain text `{text}` is not text to every reader"
        ));
    }
    Ok(Value::String(text.to_owned()))
}

/// Whether YAML 1.1 or 1.2 takes a plain text for something else.
fn is_unclear(text: &str) -> bool {
    let text = text.to_lowercase();
    let words = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<", ".inf", ".nan",
    ];
    let number = text.trim_start_matches(['+', '-']);
    let of = |text: &str, set: &str| !text.is_empty() && text.chars().all(|c| set.contains(c));
    let based = |prefix: &str| {
        number
            .strip_prefix(prefix)
            .is_some_and(|rest| of(rest, "0123456789abcdef_"))
    };
    let (mantissa, exponent) = number.split_once('e').unwrap_or((number, "0"));
    let decimal = of(mantissa, "0123456789_.:")
        && mantissa.contains(|c: char| c.is_ascii_digit())
        && !mantissa.starts_with('_')
        && of(exponent.trim_start_matches(['+', '-']), "0123456789");
    let date = number.split_once('-').is_some_and(|(year, rest)| {
        year.len() == 4 && of(year, "0123456789") && of(rest, "0123456789-:.+tz ")
    });
    words.contains(&number) || based("0x") || based("0o") || based("0b") || decimal || date
}

/// Whether libyaml reads the text as these fields, as far as 64 bits go. None where it can't say.
pub fn libyaml_agrees(text: &str, fields: &Fields) -> Option<bool> {
    if fields.values().any(beyond) {
        return None;
    }
    let read: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    Some(same(&Value::Object(fields.clone()), &read))
}

fn beyond(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let fraction = number.to_string().contains(['.', 'e', 'E']);
            let huge = !number.as_f64().is_some_and(f64::is_finite);
            huge || (!fraction && !number.is_i64() && !number.is_u64())
        }
        Value::Array(entries) => entries.iter().any(beyond),
        Value::Object(fields) => fields.values().any(beyond),
        _ => false,
    }
}

fn same(ours: &Value, theirs: &serde_yaml::Value) -> bool {
    use serde_yaml::Value as Theirs;
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(ours), Theirs::Bool(theirs)) => ours == theirs,
        (Value::String(ours), Theirs::String(theirs)) => ours == theirs,
        (Value::Number(ours), Theirs::Number(theirs)) => same_number(ours, theirs),
        (Value::Array(ours), Theirs::Sequence(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        (Value::Object(ours), Theirs::Mapping(theirs)) => {
            let mut ours_in_it = ours.iter();
            ours.len() == theirs.len()
                && ours_in_it.all(|(key, a)| theirs.get(key.as_str()).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

fn same_number(ours: &Number, theirs: &serde_yaml::Number) -> bool {
    let text = ours.to_string();
    text == theirs.to_string() || text.parse::<f64>().ok() == theirs.as_f64()
}

/// A YAML text with another value for a field, in one of the ways in which people write it; without the field for None.
pub fn edit_yaml(text: &str, field: &str, value: Option<&Value>, style: u8) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let belongs = |line: &&&str| {
        line.trim().is_empty() || line.starts_with([' ', '\t']) || line.starts_with("- ")
    };
    let entry = |field: &str| {
        let key = format!("{field}:");
        let start = lines.iter().position(|line| line.starts_with(&key))?;
        let more = lines[start + 1..].iter().take_while(belongs).count();
        Some(start..start + 1 + more)
    };
    let at = entry(field).unwrap_or_else(|| {
        let end = entry("client_id").unwrap().end;
        end..end
    });
    let new = value.map_or(String::new(), |value| yaml_entry(field, value, style));
    format!(
        "{}{new}{}",
        lines[..at.start].concat(),
        lines[at.end..].concat()
    )
}

fn yaml_entry(field: &str, value: &Value, style: u8) -> String {
    let comment = if style.is_multiple_of(3) {
        " # by hand"
    } else {
        ""
    };
    match (value, style % 4) {
        (Value::String(text), 1) if is_simple(text) => format!("{field}: {text}{comment}\n"),
        (Value::String(text), 2) if !text.chars().any(is_special) => {
            format!("{field}: '{}'{comment}\n", text.replace('\'', "''"))
        }
        (Value::String(text), 3) if is_block(text) => {
            let end = if text.ends_with('\n') { "" } else { "-" };
            let lines = text.lines().map(|line| format!("  {line}\n"));
            format!("{field}: |{end}\n{}", lines.collect::<String>())
        }
        (Value::Array(entries), 1 | 2) if !entries.is_empty() => {
            let indent = if style % 4 == 1 { "" } else { "    " };
            let entries = entries.iter();
            let lines = entries.map(|entry| format!("{indent}- {}{comment}\n", json_text(entry)));
            format!("{field}:\n{}", lines.collect::<String>())
        }
        _ => format!("{field}: {}{comment}\n", json_text(value)),
    }
}

/// JSON that is YAML as well.
fn json_text(value: &Value) -> String {
    let text = value.to_string();
    let escaped = text.chars().map(|c| {
        if is_special(c) && u32::from(c) <= 0xffff {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.to_string()
        }
    });
    escaped.collect()
}

/// What YAML does not take as it stands, or folds.
fn is_special(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

fn is_simple(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.ends_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_alphabetic() || c == ' ')
        && text.len() > 5
}

fn is_block(text: &str) -> bool {
    !text.is_empty()
        && !text.ends_with("\n\n")
        && text != "\n"
        && !text.chars().any(|c| c != '\n' && is_special(c))
        && text
            .split('\n')
            .next()
            .is_some_and(|line| !line.is_empty() && !line.starts_with([' ', '\t']))
}

/// A client's file of either format with another value for a field.
pub fn edit_file(path: &Path, field: &str, value: Option<&Value>, style: u8) {
    let text = fs::read_to_string(path).unwrap();
    let edited = if path.extension() == Some(OsStr::new("json")) {
        let mut fields: Fields = serde_json::from_str(&text).unwrap();
        match value {
            Some(value) => fields.insert(field.to_owned(), value.clone()),
            None => fields.shift_remove(field),
        };
        match style % 2 {
            0 => format!("{}\n", serde_json::to_string_pretty(&fields).unwrap()),
            _ => serde_json::to_string(&fields).unwrap(),
        }
    } else {
        edit_yaml(&text, field, value, style)
    };
    fs::write(path, edited).unwrap();
}
