//! The command line: clap types only. What the options mean is decided in `commands`.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{
    ArgAction, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};

use crate::candidates;
use crate::closest::closest;
use crate::kinds::{KINDS, Kind};

/// Version control for an Auth0 tenant's settings: pull into files, diff field by field, push exactly that
#[derive(Debug, Parser)]
#[command(
    name = "tenantry",
    version = env!("TENANTRY_VERSION"),
    max_term_width = 100,
    infer_long_args = false
)]
#[command(after_help = "Try it without an account: tenantry pull --tenant sandbox")]
pub(crate) struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The tenant: its files are in DIR/NAME, its settings in .env.NAME
    #[arg(long, global = true, value_name = "NAME", env = "TENANTRY_TENANT", add = candidates::tenants::<Cli>())]
    pub tenant: Option<String>,
    /// Whether the tenant stands on the command line, and not only in the environment.
    #[arg(skip)]
    pub tenant_is_typed: bool,
    /// The folder that holds the tenant's files
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        add = candidates::folders(),
        env = "TENANTRY_DIR",
        default_value = "tenant"
    )]
    pub dir: PathBuf,
    /// Whether the folder stands on the command line.
    #[arg(skip)]
    pub dir_is_typed: bool,
    /// Whether nobody says which folder: then it is looked for in the folders above, too.
    #[arg(skip)]
    pub dir_is_default: bool,
    /// Read settings from this file instead of .env and .env.NAME
    #[arg(long, global = true, value_name = "FILE", add = candidates::files())]
    pub env_file: Option<PathBuf>,
    /// Don't keep access tokens between runs
    #[arg(long, global = true)]
    pub no_token_cache: bool,
    /// The longest time that one request may take
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Send so many requests a second at most, and leave the rest of the tenant's allowance to others
    #[arg(long, global = true, value_name = "PER_SECOND", value_parser = positive)]
    pub max_rate: Option<f64>,
    /// When to use colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub color: ColorChoice,
    /// Say what is asked of the tenant, and where settings come from; -vv says more
    #[arg(long, short, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say only results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the tenant's resources to files; edits stay, drift comes in
    #[command(
        after_help = "Exit code: 0 done, 1 a conflict or a resource that is gone, 2 failure\nExample: tenantry pull --tenant dev"
    )]
    Pull(Pull),
    /// Show what differs between the files and the tenant, field by field
    #[command(
        after_help = "Exit code: 0 no differences, 1 differences, 2 failure\nExample: tenantry diff --tenant dev web-app"
    )]
    Diff(Diff),
    /// Send the edits in the files to the tenant, and nothing else
    #[command(
        after_help = "Exit code: 0 done, 1 something was held back, 2 failure, 130 interrupted\nIt sends managed fields only: name, description and allowed_clients of clients, and what `manage:` in tenantry.yaml adds\nWithout a terminal to ask on, --yes is required\nExample: tenantry push --tenant dev --yes"
    )]
    Push(Push),
    /// Take back what the last push sent, where the tenant still says it
    #[command(
        after_help = "Exit code: 0 done, 1 something was held back, 2 failure, 130 interrupted\nFiles that still say what was sent go back, too\nAn undo is the last push for the next undo; one that was killed is finished by the next\nWithout a terminal to ask on, --yes is required\nExample: tenantry undo --tenant dev --dry-run"
    )]
    Undo(Undo),
    /// Carry one tenant's values to another's files, references translated; no network
    #[command(
        after_help = "Exit code: 0 done, 1 a file without a counterpart or, with --dry-run, something to write, 2 failure\nWith --create, a new file has every managed field, what else the resource needs to be the same (such as its type and grant types), and never an id, a secret or a credential; what exists in each tenant by itself, as the Management API does, is left alone\nExample: tenantry promote --from dev --to prod --create --dry-run"
    )]
    Promote(Promote),
    /// Take over what the Auth0 Deploy CLI's files say, as edits of this tenant's files; no network
    #[command(
        after_help = "Exit code: 0 done, 1 something is left to do or, with --dry-run, to write, 2 failure\nThe tenant is pulled before. Values become edits, which diff shows; its file names become ours; what its keywords stand for becomes this tenant's own, in overrides.yaml; the rest is listed with the reason, a line each\nExample: tenantry adopt deploy-cli --tenant dev --config config.json --dry-run"
    )]
    Adopt(Adopt),
    /// Check the files without asking the tenant, for a hook or a pull request
    #[command(
        after_help = "Exit code: 0 nothing found, 1 findings, 2 failure\n-o github prints annotations for GitHub Actions\nExample: tenantry check --tenant dev -o github"
    )]
    Check(Check),
    /// List the tenant's resources
    #[command(after_help = "Example: tenantry list --tenant dev -o json")]
    List(List),
    /// Print a Management API access token, for curl
    #[command(
        after_help = "It is a secret: use it as $(tenantry token)\nExample: tenantry token --tenant dev"
    )]
    Token,
    /// Write a .env to fill in, the .gitignore lines that keep it out of git, and a commented tenantry.yaml
    #[command(
        after_help = "Nothing that is there is overwritten. With --tenant NAME it is .env.NAME.\nExample: tenantry init --tenant dev"
    )]
    Init,
    /// A tenant on this machine, to try things on
    #[command(after_help = "Example: tenantry pull --tenant sandbox")]
    Sandbox(Sandbox),
    /// Print the script that makes a shell complete commands, options, tenants and files
    #[command(after_help = INSTALL_COMPLETIONS)]
    Completions(Completions),
    /// Print the API scopes that the managed kinds need, for the dashboard
    #[command(
        after_help = "A pipeline that only reads needs no others than those that it prints without --write\nExample: tenantry scopes --write"
    )]
    Scopes(Scopes),
    /// Print the JSON Schema of a kind's files, or of tenantry.yaml, for editors
    #[command(
        after_help = "The first line of a YAML file names it: # yaml-language-server: $schema=PATH\nExample: tenantry schema clients"
    )]
    Schema(Schema),
    /// Print the manual page
    #[command(
        after_help = "Read it with: tenantry man | man -l -\nTo install it: tenantry man > ~/.local/share/man/man1/tenantry.1\nExample: tenantry man"
    )]
    Man,
}

/// How to install the completions, a line for each shell.
const INSTALL_COMPLETIONS: &str = "\
bash, in ~/.bashrc: eval \"$(tenantry completions bash)\"
zsh, in ~/.zshrc after compinit: source <(tenantry completions zsh)
fish: tenantry completions fish > ~/.config/fish/completions/tenantry.fish
PowerShell, in $PROFILE: tenantry completions powershell | Out-String | Invoke-Expression
Example: tenantry completions bash";

/// Which resources.
#[derive(Debug, Args)]
pub(crate) struct Selectors {
    /// Only these resources, by file (a path or its stem), name or id; globs work, and KIND/… is one kind
    #[arg(value_name = "SELECTOR", add = candidates::selectors::<Cli>())]
    pub selectors: Vec<String>,
}

/// Where base comes from.
#[derive(Debug, Args)]
pub(crate) struct Base {
    /// Take base from the files at this commit of git, instead of tenant.lock (TENANTRY_BASE)
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
}

/// `pull`.
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// Which resources.
    #[command(flatten)]
    pub selectors: Selectors,
    /// Where base comes from.
    #[command(flatten)]
    pub base: Base,
    /// The format of new files: yaml or json
    #[arg(long, default_value = "yaml", hide_possible_values = true)]
    pub format: FileFormat,
    /// Take the tenant's values everywhere, and say which edits are dropped
    #[arg(long)]
    pub discard_local: bool,
    /// Delete the files of resources that are gone from the tenant
    #[arg(long)]
    pub prune: bool,
    /// Don't ask whether the domain of the unnamed .env is that of a tenant without settings of its own
    #[arg(long, short)]
    pub yes: bool,
    /// In which form.
    #[command(flatten)]
    pub output: Output<ResultForm>,
}

/// `diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Which resources.
    #[command(flatten)]
    pub selectors: Selectors,
    /// Where base comes from.
    #[command(flatten)]
    pub base: Base,
    /// Do it for every tenant that has a folder in DIR, one after the other
    #[arg(long)]
    pub all_tenants: bool,
    /// In which form.
    #[command(flatten)]
    pub output: Output<PlanForm>,
}

/// `push`.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// Which resources.
    #[command(flatten)]
    pub selectors: Selectors,
    /// Where base comes from.
    #[command(flatten)]
    pub base: Base,
    /// Don't ask; a protected tenant has to be named with --tenant then
    #[arg(long, short)]
    pub yes: bool,
    /// Ask resource by resource which to send
    #[arg(long, short, conflicts_with = "yes")]
    pub interactive: bool,
    /// Make the resources of files without an id, too
    #[arg(long, conflicts_with = "fields")]
    pub create: bool,
    /// Apply a saved `diff -o json` as it is; nothing is sent where the tenant or the files have changed since
    #[arg(long, value_name = "FILE", add = candidates::files(), conflicts_with = "overwrite_drift")]
    pub plan: Option<PathBuf>,
    /// Only these of the managed fields
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',', value_parser = field, add = candidates::fields::<Cli>())]
    pub fields: Vec<String>,
    /// Make the tenant equal the files where it changed, too
    #[arg(long)]
    pub overwrite_drift: bool,
    /// Show what would be sent, and send nothing; exit code and forms are those of diff
    #[arg(long, conflicts_with_all = ["yes", "interactive"])]
    pub dry_run: bool,
    /// In which form.
    #[command(flatten)]
    pub output: Output<ResultForm>,
}

/// `undo`.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// Undo the push that printed this `push -o json`, in place of the last one from this directory
    #[arg(long, value_name = "FILE", add = candidates::files())]
    pub of: Option<PathBuf>,
    /// Don't ask; a protected tenant has to be named with --tenant then
    #[arg(long, short)]
    pub yes: bool,
    /// Show what would be sent, and send nothing; exit code and forms are those of diff
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// In which form.
    #[command(flatten)]
    pub output: Output<ResultForm>,
}

/// `promote`.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// Which resources.
    #[command(flatten)]
    pub selectors: Selectors,
    /// The tenant whose files have the values
    #[arg(long, value_name = "NAME", add = candidates::tenants::<Cli>())]
    pub from: String,
    /// The tenant whose files get them
    #[arg(long, value_name = "NAME", add = candidates::tenants::<Cli>())]
    pub to: String,
    /// Only these of the managed fields
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',', value_parser = field, add = candidates::fields::<Cli>())]
    pub fields: Vec<String>,
    /// Write a file for each resource that the other tenant lacks, whole and without id, which push --create makes there
    #[arg(long, conflicts_with = "fields")]
    pub create: bool,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// In which form.
    #[command(flatten)]
    pub output: Output<PlanForm>,
}

/// `adopt`.
#[derive(Debug, Args)]
pub(crate) struct Adopt {
    /// What the Deploy CLI wrote: its folder, or its tenant.yaml
    #[arg(value_name = "DIR-OR-FILE", add = candidates::files())]
    pub from: PathBuf,
    /// Which resources.
    #[command(flatten)]
    pub selectors: Selectors,
    /// The Deploy CLI's config.json for this tenant: what stands for its keywords, ##NAME## and @@NAME@@
    #[arg(long, value_name = "FILE", add = candidates::files())]
    pub config: Option<PathBuf>,
    /// Write a file without id for each resource that the tenant lacks, which push --create makes there
    #[arg(long)]
    pub create: bool,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// In which form.
    #[command(flatten)]
    pub output: Output<ResultForm>,
}

/// The names of all fields that an update takes, of any kind.
fn field_names() -> Vec<String> {
    let fields = KINDS.iter().flat_map(|kind| kind.fields());
    fields.map(|field| field.name().to_owned()).collect()
}

/// Whether the field is managed, only the project can tell.
fn field(name: &str) -> Result<String, String> {
    let known = field_names();
    match known.iter().any(|known| known == name) {
        true => Ok(name.to_owned()),
        false => Err(match closest(name, known.iter().map(String::as_str)) {
            Some(meant) => format!("there is no such field; did you mean `{meant}`?"),
            None => "there is no such field".to_owned(),
        }),
    }
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Check what git would commit, and not the files as they are
    #[arg(long)]
    pub staged: bool,
    /// Do it for every tenant that has a folder in DIR, one after the other
    #[arg(long)]
    pub all_tenants: bool,
    /// In which form.
    #[command(flatten)]
    pub output: Output<FindingsForm>,
}

/// `list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Which resources.
    #[command(flatten)]
    pub selectors: Selectors,
    /// In which form.
    #[command(flatten)]
    pub output: Output<ResultForm>,
}

/// `sandbox`.
#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// What to do with it.
    #[command(subcommand)]
    pub command: SandboxCommand,
}

/// The sandbox's commands.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Serve it over HTTP until Ctrl-C, for other tools
    #[command(
        after_help = "Its settings are printed to stdout, as a .env file has them\nExample: tenantry sandbox serve --port 0 --latency 50"
    )]
    Serve(Serve),
    /// Forget its state: it starts anew from its first clients
    #[command(after_help = "Its files stay as they are\nExample: tenantry sandbox reset")]
    Reset,
}

/// `sandbox serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 4010)]
    pub port: u16,
    /// Requests per second that its rate limit adds
    #[arg(long, value_name = "PER_SECOND", requires = "burst", value_parser = positive)]
    pub rate: Option<f64>,
    /// Requests that its rate limit allows at once
    #[arg(long, value_name = "REQUESTS", requires = "rate")]
    pub burst: Option<u32>,
    /// Milliseconds that every answer takes
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// How many of a hundred requests fail with 500 or 503, before or after their effect
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub fail: u8,
    /// What tokens may do, such as read:clients; everything unless this is given
    #[arg(long = "scope", value_name = "SCOPE", num_args = 1..)]
    pub scopes: Vec<String>,
    /// Serve so many made-up clients from memory instead of the sandbox's own
    #[arg(long, value_name = "COUNT")]
    pub clients: Option<usize>,
}

/// `scopes`.
#[derive(Debug, Args)]
pub(crate) struct Scopes {
    /// Those that push needs, too
    #[arg(long)]
    pub write: bool,
    /// Those that making resources needs, too
    #[arg(long)]
    pub create: bool,
}

/// `schema`.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// The kind of which the files are; without it, the schema is that of tenantry.yaml
    #[arg(value_name = "KIND", value_parser = kind, add = candidates::names(kind_names))]
    pub kind: Option<&'static Kind>,
}

/// The kinds by name; of several with one name, the part as well.
fn kind_names() -> Vec<String> {
    KINDS.iter().map(|kind| kind_name(kind)).collect()
}

fn kind_name(kind: &Kind) -> String {
    match kind.only().filter(|part| *part != kind.name) {
        Some(part) => format!("{}/{part}", kind.name),
        None => kind.name.to_owned(),
    }
}

fn kind(name: &str) -> Result<&'static Kind, String> {
    let kind = KINDS.into_iter().find(|kind| kind_name(kind) == name);
    kind.ok_or_else(|| {
        let parts: Vec<String> = Kind::all_named(name).map(kind_name).collect();
        match parts.is_empty() {
            true => format!("the kinds are {}", kind_names().join(", ")),
            false => format!(
                "each of its parts has a schema of its own: {}",
                parts.join(", ")
            ),
        }
    })
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell: bash, zsh, fish or powershell
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub shell: Shell,
}

/// A shell that can ask for completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}

fn positive(number: &str) -> Result<f64, String> {
    let number = number
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "a rate is more than 0".to_owned())
}

/// `-o`: the form in which a command prints; each command has its own set of them.
#[derive(Debug, Args)]
pub(crate) struct Output<Form: ValueEnum + Send + Sync + 'static> {
    /// The form.
    #[arg(
        id = "output",
        long,
        short,
        value_name = "FORM",
        default_value = "text",
        help = forms::<Form>(),
        hide_possible_values = true
    )]
    pub form: Form,
}

/// The forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultForm {
    /// For people
    Text,
    /// For programs
    Json,
}

/// The forms of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanForm {
    /// For people
    Text,
    /// For programs
    Json,
    /// For pull requests
    Markdown,
}

/// The forms of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FindingsForm {
    /// For people
    Text,
    /// For programs
    Json,
    /// Annotations, for GitHub Actions
    Github,
}

/// The help of `-o`: `The form of the output: text, json or markdown`.
fn forms<Form: ValueEnum>() -> String {
    let forms = Form::value_variants().iter();
    let names = forms.filter_map(|form| Some(form.to_possible_value()?.get_name().to_owned()));
    let mut names: Vec<String> = names.collect();
    let last = names.pop().unwrap_or_default();
    format!("The form of the output: {} or {last}", names.join(", "))
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// YAML
    Yaml,
    /// JSON
    Json,
}

impl Cli {
    /// Reads the command line of this process. `--help` and `--version` end the process here.
    ///
    /// # Errors
    /// It makes no sense.
    pub(crate) fn from_command_line() -> Result<Cli, clap::Error> {
        let read = || {
            let matches = Cli::command().try_get_matches()?;
            let mut cli = Cli::from_arg_matches(&matches)?;
            let is_from = |option, source| matches.value_source(option) == Some(source);
            cli.global.tenant_is_typed = is_from("tenant", ValueSource::CommandLine);
            cli.global.dir_is_typed = is_from("dir", ValueSource::CommandLine);
            cli.global.dir_is_default = is_from("dir", ValueSource::DefaultValue);
            Ok(cli)
        };
        read().map_err(|error: clap::Error| match error.use_stderr() {
            true => error,
            false => error.exit(),
        })
    }
}

impl Command {
    /// Whether stdout is to carry one JSON document, whatever happens.
    pub(crate) fn answers_json(&self) -> bool {
        match self {
            Command::Pull(pull) => pull.output.form == ResultForm::Json,
            Command::Diff(diff) => diff.output.form == PlanForm::Json,
            Command::Push(push) => push.output.form == ResultForm::Json,
            Command::Undo(undo) => undo.output.form == ResultForm::Json,
            Command::List(list) => list.output.form == ResultForm::Json,
            Command::Check(check) => check.output.form == FindingsForm::Json,
            Command::Promote(promote) => promote.output.form == PlanForm::Json,
            Command::Adopt(adopt) => adopt.output.form == ResultForm::Json,
            Command::Token
            | Command::Init
            | Command::Sandbox(_)
            | Command::Completions(_)
            | Command::Schema(_)
            | Command::Scopes(_)
            | Command::Man => false,
        }
    }
}
