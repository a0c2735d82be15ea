//! `promote`: one tenant's values into another's files. It asks no tenant anything; `diff` and `push` take it from there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde_json::Map;

use super::session::{LiveClients, Scene, client_names, names, warn_afresh, warn_of};
use super::{Ending, Terminal, Usage, problems};
use crate::base::BaseFrom;
use crate::cli::{PlanForm, Promote};
use crate::client::{ClientId, Field, LEADING_FIELDS};
use crate::files::{self, Access, ClientFile, Contents, FilesError, TenantDirectory};
use crate::plan::{self, ClientPlan, FieldPlan, Plan, State, Tenant};
use crate::promote::{Change, Gone, Member, Promotion, Reference, Stems, promote};
use crate::render;
use crate::three_way::Base;

pub(super) fn run(scene: &Scene<'_>, options: &Promote, terminal: &Terminal) -> Result<Ending> {
    if scene.names_tenant() {
        return Err(Usage::error(
            "a promotion has two tenants, and --tenant names one",
            "leave it out: --from and --to name them",
        ));
    }
    if options.from == options.to {
        return Err(Usage::error(
            format!("{} can't be promoted to itself", options.from),
            "name two tenants: --from dev --to prod",
        ));
    }
    let from_directory = scene.open_tenant(&options.from, Access::Read, terminal)?;
    let from = from_directory.read()?;
    let directory = scene.open_tenant(&options.to, Access::Write, terminal)?;
    let to = directory.read()?;
    warn_of(&from, terminal);
    warn_of(&to, terminal);
    let overrides = directory.read_overrides(&to)?;

    let files = from.clients.iter();
    let selected = scene
        .selection(&options.clients, from_directory.path())
        .pick(files.map(|(id, file)| (names(id, Some(file)), file.stem.as_str())))?;
    let selected: BTreeSet<&str> = selected.into_iter().collect();
    let fields = if options.fields.is_empty() {
        &Field::ALL[..]
    } else {
        &options.fields
    };
    let promotion = promote(
        &stems(&from)?,
        &gone(&from),
        &stems(&to)?,
        &overrides,
        fields,
        &selected,
    );

    if !promotion.missing.is_empty() {
        return missing(&promotion.missing, options, terminal);
    }
    let by_stem: BTreeMap<&str, (&ClientId, &ClientFile)> = to
        .clients
        .iter()
        .map(|(id, file)| (file.stem.as_str(), (id, file)))
        .collect();
    for change in &promotion.changes {
        change
            .field
            .validate(&change.new)
            .map_err(|invalid| Usage::error(format!("{}: {invalid}", change.stem), invalid.hint))?;
    }
    let (written, failure) = match options.dry_run {
        true => (&promotion.changes[..], None),
        false => write(&directory, &by_stem, &promotion.changes, terminal),
    };
    let plan = plan(options, &to, &by_stem, written);
    let nobody = LiveClients::new();
    let names = client_names(&to, &nobody);
    let summary = summary(written, plan.clients.len(), options.dry_run);
    let remarks = remarks(options, &promotion);
    match options.output.form {
        PlanForm::Text => {
            let mut text: String = plan
                .clients
                .iter()
                .map(|client| render::text::client(client, &names))
                .collect();
            for line in std::iter::once(&summary).chain(&remarks) {
                text.push_str(&format!("{}\n", render::printable(line)));
            }
            terminal.text(&text)
        }
        PlanForm::Json => {
            remarks.iter().for_each(|remark| terminal.note(remark));
            let files = from.clients.values();
            let files: BTreeMap<&str, &str> = files
                .map(|file| (file.stem.as_str(), file.file.as_str()))
                .collect();
            let alone = promotion.alone.iter();
            let alone: Vec<&str> = alone
                .filter_map(|stem| files.get(stem.as_str()).copied())
                .collect();
            terminal.result(&render::json::promotion(
                &plan,
                &options.from,
                &options.to,
                &alone,
            ))
        }
        PlanForm::Markdown => terminal.result(&render::markdown::promotion(
            &plan, &summary, &remarks, &names,
        )),
    }?;
    if let Some(failure) = failure {
        for problem in problems(&failure.into()) {
            terminal.problem(&problem);
        }
        return Ok(Ending::Failure);
    }
    let would_write = options.dry_run && !promotion.changes.is_empty();
    Ok(Ending::differences(
        would_write || !promotion.alone.is_empty(),
    ))
}

/// What was written, or would be.
fn summary(changes: &[Change], files: usize, dry_run: bool) -> String {
    if changes.is_empty() {
        return "no differences".to_owned();
    }
    let values = render::counted(changes.len(), "value", "values");
    let files = render::counted(files, "file", "files");
    match dry_run {
        true => format!("{values} would be written to {files}"),
        false => format!("{values} written to {files}"),
    }
}

/// The clients that the lock knows and that have no file any more.
fn gone(contents: &Contents) -> Gone<'_> {
    let locked = contents.lock.iter().flat_map(|lock| &lock.clients);
    let gone = locked.filter(|(id, _)| !contents.clients.contains_key(*id));
    let stem = |file| Path::new(file).file_stem()?.to_str();
    gone.filter_map(|(id, locked)| Some((id.as_str(), stem(&locked.file)?)))
        .collect()
}

/// A tenant's files by stem.
fn stems(contents: &Contents) -> Result<Stems<'_>> {
    let mut stems = Stems::new();
    for (id, file) in &contents.clients {
        let member = Member {
            id,
            fields: &file.fields,
        };
        if stems.insert(&file.stem, member).is_some() {
            return Err(Usage::error(
                format!("two files are named {}, in different formats", file.stem),
                "rename one: the name ties a client to its counterpart in other tenants",
            ));
        }
    }
    Ok(stems)
}

/// Writes file by file: those of the changes that are written, and what kept the next file from it.
fn write<'a>(
    directory: &TenantDirectory,
    files: &BTreeMap<&str, (&ClientId, &ClientFile)>,
    changes: &'a [Change],
    terminal: &Terminal,
) -> (&'a [Change], Option<FilesError>) {
    let mut written = 0;
    for ((_, file), of_file) in by_file(files, changes) {
        let mut fields = Map::clone(&file.fields);
        for change in of_file {
            fields.insert(change.field.name().to_owned(), change.new.clone());
        }
        let rewritten = files::rewrite(&file.text, &fields, &LEADING_FIELDS, file.format);
        if rewritten.comments_lost {
            warn_afresh(&file.file, terminal);
        }
        if let Err(failure) = directory.rewrite_client(file, &rewritten.text) {
            return (&changes[..written], Some(failure));
        }
        written += of_file.len();
    }
    (changes, None)
}

/// Each file that changes, with its changes: they come file by file.
fn by_file<'a>(
    files: &'a BTreeMap<&str, (&'a ClientId, &'a ClientFile)>,
    changes: &'a [Change],
) -> impl Iterator<Item = ((&'a ClientId, &'a ClientFile), &'a [Change])> {
    let changes = changes.chunk_by(|one, next| one.stem == next.stem);
    changes.filter_map(|changes| Some((*files.get(changes.first()?.stem.as_str())?, changes)))
}

/// The changes as a plan, to be shown like any other: what the file said is on the side of the tenant.
fn plan(
    options: &Promote,
    to: &Contents,
    files: &BTreeMap<&str, (&ClientId, &ClientFile)>,
    changes: &[Change],
) -> Plan {
    let clients = by_file(files, changes).map(|((id, file), changes)| {
        let base = to.lock.as_ref().and_then(|lock| lock.base(id));
        let fields = changes
            .iter()
            .map(|change| FieldPlan {
                field: change.field.name().to_owned(),
                change: plan::Change::Edit,
                base: base
                    .map_or(Base::NoBase, |base| base.get(change.field))
                    .cloned(),
                local: Some(change.new.clone()),
                live: change.old.clone(),
            })
            .collect();
        let name = file
            .fields
            .get(Field::Name.name())
            .and_then(|name| name.as_str());
        ClientPlan {
            id: id.clone(),
            name: name.unwrap_or(&file.stem).to_owned(),
            file: Some(file.file.clone()),
            state: State::Changed,
            fields,
        }
    });
    let domain = to.lock.as_ref().map(|lock| lock.domain.clone());
    Plan {
        base: BaseFrom::Lock,
        clients: clients.collect(),
        tenant: Tenant {
            name: Some(options.to.clone()),
            domain: domain.unwrap_or_default(),
        },
    }
}

/// What somebody should know beside the changes.
fn remarks(options: &Promote, promotion: &Promotion) -> Vec<String> {
    let mut lines = Vec::new();
    for change in promotion.changes.iter().filter(|change| change.overridden) {
        lines.push(format!(
            "{}: {} is {}'s own value, from {}",
            change.stem,
            change.field,
            options.to,
            files::OVERRIDES_FILE
        ));
    }
    for Reference {
        stem, field, entry, ..
    } in &promotion.carried
    {
        lines.push(format!(
            "{stem}: {field}: {entry} is no client of {}, and is carried as it is",
            options.from
        ));
    }
    for stem in &promotion.alone {
        lines.push(format!(
            "{stem}: {} has no file of this name, so nothing is promoted",
            options.to
        ));
    }
    lines
}

/// Nothing is written where a reference would break.
fn missing(missing: &[Reference], options: &Promote, terminal: &Terminal) -> Result<Ending> {
    let lines: Vec<String> = missing
        .iter()
        .map(
            |Reference {
                 stem,
                 field,
                 entry,
                 means,
             }| match means {
                Some(means) => format!("{stem}: {field} refers to {means} ({entry})"),
                None => format!(
                    "{stem}: {field} refers to {entry}, which has no file in {} any more",
                    options.from
                ),
            },
        )
        .collect();
    let message = format!(
        "nothing was written: {} lacks clients that {} refers to\n{}",
        options.to,
        options.from,
        lines.join("\n")
    );
    let hint = format!(
        "make the client in {0}, pull it with `tenantry pull --tenant {0}`, and give its file the same name; or leave the field \
         out with --fields",
        options.to
    );
    if options.output.form == PlanForm::Json {
        terminal.result(&render::json::error(&message, Some(&hint)))?;
    }
    terminal.error(&message, Some(&hint));
    Ok(Ending::Differences)
}
