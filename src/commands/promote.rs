//! `promote`: one tenant's values into another's files. It asks no tenant anything; `diff` and `push` take it from there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use serde_json::{Map, Value};

use super::invocation::Invocation;
use super::picking::{names, names_without_id};
use super::session::LiveResources;
use super::warnings::{warn_of, warn_rewritten};
use super::workspace::check_fields;
use super::{Ending, Terminal, Usage, problems};
use crate::base::BaseFrom;
use crate::cli::{PlanForm, Promote};
use crate::composed::composed;
use crate::create::New;
use crate::files::{
    self, Access, Contents, FilesError, Format, NewFile, OVERRIDES_FILE, ResourceFile,
    TenantDirectory,
};
use crate::kinds::{Field, FieldKey, Kind, Managed};
use crate::names::{joined, labels, names_in};
use crate::plan::{Change, FieldPlan, Plan, PlanField, ResourcePlan, State, Tenant};
use crate::promote::{
    Asked, Counterpart, Gone, Member, NewMember, Promoted, Promotion, Side, Stems, promote,
};
use crate::render::{self, promotion as render_promotion};
use crate::resource::ResourceId;
use crate::select::Names;
use crate::three_way::Base;

pub(super) fn run(
    invocation: &Invocation<'_>,
    options: &Promote,
    terminal: &Terminal,
) -> Result<Ending> {
    if invocation.names_tenant() {
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
    let from_directory = invocation.open_tenant(&options.from, Access::Read, terminal)?;
    let from = from_directory.read()?;
    let directory = invocation.open_tenant(&options.to, Access::Write, terminal)?;
    for (tenant, directory) in [(&options.from, &from_directory), (&options.to, &directory)] {
        check_fields(
            &options.fields,
            directory.managed(),
            &format!("in {tenant}"),
        )?;
    }
    let to = directory.read()?;
    warn_of(&from, terminal);
    warn_of(&to, terminal);
    let here = stems(&from)?;
    let known: Vec<Counterpart<'_>> = here.keys().copied().collect();
    let overrides = directory.read_overrides(&to, &known)?;

    let files = from.files();
    let files =
        files.map(|(kind, id, file)| (names_of(kind, id, file), (kind, file.stem.as_str())));
    let selection = invocation.selection(&options.selectors, from_directory.path());
    let selected: BTreeSet<Counterpart<'_>> = selection.pick(files)?.into_iter().collect();
    let is_asked = |field: Field| {
        options.fields.is_empty() || options.fields.iter().any(|name| name == field.name())
    };
    let client = invocation.client_of(&options.from);
    let promotion = promote(
        Side {
            files: &here,
            gone: &gone(&from),
            managed: from_directory.managed(),
            domain: domain(&from),
            client: client.as_deref(),
        },
        Side {
            files: &stems(&to)?,
            gone: &gone(&to),
            managed: directory.managed(),
            domain: domain(&to),
            client: None,
        },
        &overrides,
        Asked {
            field: &is_asked,
            files: &selected,
            create: options.create,
        },
    );

    if !promotion.missing.is_empty() {
        let (message, hint) = render_promotion::missing(&promotion, &options.from, &options.to);
        if options.output.form == PlanForm::Json {
            terminal.result(&render::json::error(&message, Some(&hint)))?;
        }
        terminal.error(&message, Some(&hint));
        return Ok(Ending::Differences);
    }
    let by_stem = by_stem(&to);
    let new: Vec<NewFile> = promotion
        .new
        .iter()
        .map(|new| {
            let mut files = from.files();
            let first = files.find(|(kind, _, file)| *kind == new.kind && file.stem == new.stem);
            let format = first.map_or(Format::Yaml, |(_, _, file)| file.format);
            new_file(new, format, directory.managed())
        })
        .collect();
    validate(&promotion, directory.managed(), &options.from, &options.to)?;
    let written = match options.dry_run {
        true => Written {
            new: &new,
            changes: &promotion.changes,
            failure: None,
        },
        false => write(&directory, &by_stem, &new, &promotion.changes, terminal),
    };
    let plan = plan(Some(&options.to), &to, &by_stem, &written);
    let unpushed = unpushed(&to, &by_stem, written.changes);
    let nobody = LiveResources::default();
    let names = names_in(&nobody, &to.resources);
    let summary = render_promotion::summary(&plan, options.dry_run);
    let remarks = render_promotion::remarks(&promotion, &unpushed, &options.from, &options.to);
    match options.output.form {
        PlanForm::Text => terminal.text(&render_promotion::text(&plan, &summary, &remarks, &names)),
        PlanForm::Json => {
            remarks.iter().for_each(|remark| terminal.note(remark));
            let alone: BTreeSet<Counterpart<'_>> = promotion
                .alone
                .iter()
                .map(|alone| (alone.kind, alone.stem.as_str()))
                .collect();
            let alone: Vec<_> = from
                .files()
                .filter(|(kind, _, file)| alone.contains(&(*kind, file.stem.as_str())))
                .map(|(kind, _, file)| (kind, file.file.as_str()))
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
    if let Some(failure) = written.failure {
        for problem in problems(&failure.into()) {
            terminal.problem(&problem);
        }
        if !plan.resources.is_empty() || !plan.new.is_empty() {
            terminal.note("what stands above is written; the same command writes the rest");
        }
        return Ok(Ending::Failure);
    }
    let is_something = !promotion.changes.is_empty() || !promotion.new.is_empty();
    Ok(Ending::differences(
        (options.dry_run && is_something) || !promotion.alone.is_empty(),
    ))
}

/// Values that the other tenant would refuse stop the run before anything is written; all of them are named.
fn validate(promotion: &Promotion, managed: &Managed, from: &str, to: &str) -> Result<()> {
    let changes = promotion.changes.iter();
    let changes = changes.map(|change| {
        let old = change.old.as_ref();
        (change.kind, &change.stem, change.field, old, &change.new)
    });
    let new = promotion.new.iter().flat_map(|new| {
        let fields = managed.fields(new.kind);
        let said = fields.filter_map(|field| Some((field, field.of(&new.fields)?)));
        said.map(|(field, value)| (new.kind, &new.stem, field, None, value))
    });
    let invalid = changes
        .chain(new)
        .filter_map(|(kind, stem, field, old, value)| {
            let invalid = field.validate_change(old, value).err()?;
            let file = render_promotion::file(kind, stem);
            Some(format!("{file}: {invalid}: {}", invalid.hint))
        });
    let invalid: Vec<String> = invalid.collect();
    if invalid.is_empty() {
        return Ok(());
    }
    Err(Usage::error(
        format!(
            "nothing was written: an update of {to} would be refused\n{}",
            invalid.join("\n")
        ),
        format!(
            "change it in {from}; or give {to} a value of its own in its {OVERRIDES_FILE}; or name the fields to promote with --fields"
        ),
    ))
}

pub(super) fn domain(contents: &Contents) -> &str {
    contents
        .lock
        .as_ref()
        .map_or("", |lock| lock.domain.as_str())
}

/// The files of the other tenant. One of a resource that is still to be made has no id.
pub(super) type ByStem<'a> = BTreeMap<Counterpart<'a>, (Option<&'a ResourceId>, &'a ResourceFile)>;

/// A tenant's files with their ids.
pub(super) fn by_stem(contents: &Contents) -> ByStem<'_> {
    let files = contents.files();
    files
        .map(|(kind, id, file)| ((kind, file.stem.as_str()), (id, file)))
        .collect()
}

/// What a file's resource is called.
pub(super) fn names_of<'a>(
    kind: &'static Kind,
    id: Option<&'a ResourceId>,
    file: &'a ResourceFile,
) -> Names<'a> {
    match id {
        Some(id) => names(id, Some(file)),
        None => names_without_id(kind, file),
    }
}

/// The resources that the lock knows and that have no file any more.
pub(super) fn gone(contents: &Contents) -> Gone<'_> {
    let stem = |file| Path::new(file).file_stem()?.to_str();
    let gone = contents.without_file();
    gone.filter_map(|(id, file)| Some((id, stem(file)?)))
        .collect()
}

/// A tenant's files by kind and stem.
pub(super) fn stems(contents: &Contents) -> Result<Stems<'_>> {
    let mut stems = Stems::new();
    let mut first: BTreeMap<Counterpart<'_>, &str> = BTreeMap::new();
    for (kind, id, file) in contents.files() {
        let member = Member {
            id,
            fields: &file.fields,
        };
        let name = (kind, file.stem.as_str());
        stems.insert(name, member);
        if let Some(other) = first.insert(name, &file.file) {
            let difference = match composed(other) == composed(&file.file) {
                true => ", in which only the accents are encoded differently",
                false => "",
            };
            return Err(Usage::error(
                format!("{other} and {} have one name{difference}", file.file),
                format!(
                    "rename one: the name ties {} to its counterpart in other tenants",
                    kind.one()
                ),
            ));
        }
    }
    Ok(stems)
}

/// The file of a resource that a tenant lacks.
pub(super) fn new_file(new: &NewMember, format: Format, managed: &Managed) -> NewFile {
    // Of what is still to be made, every field is sent: no line says otherwise.
    let mut leading = managed.leading(new.kind);
    let mut more: Vec<&str> = new.fields.keys().map(String::as_str).collect();
    more.retain(|name| !leading.contains(name));
    more.sort_unstable();
    leading.extend(more);
    let mut fields = Map::new();
    for name in &leading {
        let value = new.fields.get(*name);
        fields.extend(value.map(|value| ((*name).to_owned(), value.clone())));
    }
    NewFile {
        kind: new.kind,
        file: ResourceFile {
            file: TenantDirectory::file_of(new.kind, &new.stem, format),
            stem: new.stem.clone(),
            format,
            text: files::write(&fields, &leading, format),
            above_not_sent: None,
            names_files: false,
            fields: Arc::new(fields),
        },
    }
}

/// What was written, and the error that kept the next file from being written.
pub(super) struct Written<'a> {
    pub(super) new: &'a [NewFile],
    pub(super) changes: &'a [Promoted],
    pub(super) failure: Option<FilesError>,
}

/// Writes file by file, the new ones first, since the others may name them.
fn write<'a>(
    directory: &TenantDirectory,
    files: &ByStem<'_>,
    new: &'a [NewFile],
    changes: &'a [Promoted],
    terminal: &Terminal,
) -> Written<'a> {
    for (index, NewFile { file, .. }) in new.iter().enumerate() {
        if let Err(failure) = directory.create_file(&file.file, &file.text) {
            return Written {
                new: &new[..index],
                changes: &[],
                failure: Some(failure),
            };
        }
    }
    let mut written = 0;
    for ((_, file), of_file) in by_file(files, changes) {
        let text = rewritten(file, of_file, directory.managed(), terminal);
        if let Err(failure) = directory.rewrite_file(file, &text) {
            return Written {
                new,
                changes: &changes[..written],
                failure: Some(failure),
            };
        }
        written += of_file.len();
    }
    Written {
        new,
        changes,
        failure: None,
    }
}

/// A file's text with these changes in it.
pub(super) fn rewritten(
    file: &ResourceFile,
    changes: &[Promoted],
    managed: &Managed,
    terminal: &Terminal,
) -> String {
    let mut fields = Map::clone(&file.fields);
    for change in changes {
        fields.insert(change.field.name().to_owned(), change.new.clone());
    }
    let kind = changes.first().map(|change| change.kind);
    let leading = kind.map(|kind| managed.leading(kind)).unwrap_or_default();
    let rewritten = files::rewrite(&file.text, &fields, &leading, file.format);
    if rewritten.comments_lost {
        warn_rewritten(&file.file, terminal);
    }
    rewritten.text
}

/// Each file that changes, with its changes, which are in the order of files.
pub(super) fn by_file<'a>(
    files: &'a ByStem<'a>,
    changes: &'a [Promoted],
) -> impl Iterator<Item = ((Option<&'a ResourceId>, &'a ResourceFile), &'a [Promoted])> {
    let is_same =
        |one: &Promoted, next: &Promoted| (one.kind, &one.stem) == (next.kind, &next.stem);
    let changes = changes.chunk_by(is_same);
    changes.filter_map(|changes| {
        let first = changes.first()?;
        Some((*files.get(&(first.kind, first.stem.as_str()))?, changes))
    })
}

/// The changes that take the place of an edit which was never pushed.
fn unpushed<'a>(to: &Contents, files: &ByStem<'_>, changes: &'a [Promoted]) -> Vec<&'a Promoted> {
    let is_edit = |change: &&Promoted| {
        let file = files.get(&(change.kind, change.stem.as_str()));
        let lock = to.lock.as_ref().zip(file);
        let base = lock.and_then(|(lock, (id, _))| lock.base((*id)?));
        let key = FieldKey::from(change.field);
        let same = |one: Option<&Value>, other: Option<&Value>| key.same(one, other);
        base.map(|base| base.get(&key))
            .is_some_and(|base| base != Base::Unknown && !base.is_same(change.old.as_ref(), same))
    };
    changes.iter().filter(is_edit).collect()
}

/// The changes as a plan, to be shown like any other: what the file said is on the side of the tenant, which nobody asked, so that
/// there is no base to compare it with.
pub(super) fn plan(
    tenant: Option<&str>,
    to: &Contents,
    files: &ByStem<'_>,
    written: &Written<'_>,
) -> Plan {
    let nobody = LiveResources::default();
    let names = names_in(&nobody, &to.resources);
    let resources = by_file(files, written.changes).filter_map(|((id, file), changes)| {
        let kind = changes.first()?.kind;
        // A resource that is still to be made has no id, which is an empty one here.
        let id = id.cloned().unwrap_or_else(|| ResourceId::new(kind, ""));
        let fields = changes.iter().map(|change| FieldPlan {
            field: PlanField::Updatable(change.field.into()),
            change: Change::Edit,
            base: Base::NoBase,
            local: Some(change.new.clone()),
            live: change.old.clone(),
            is_unsent_edit: false,
        });
        // The stem is what the two tenants have in common.
        let name = match labels(kind, &file.fields, &names) {
            labels if labels.is_empty() => file.stem.clone(),
            labels => joined(&labels),
        };
        Some(ResourcePlan {
            id,
            name,
            file: Some(file.file.clone()),
            state: State::Changed,
            fields: fields.collect(),
        })
    });
    let new = written.new.iter().map(|new| New {
        kind: new.kind,
        name: new.name().to_owned(),
        file: new.file.file.clone(),
        fields: Map::clone(&new.file.fields),
        left_out: Vec::new(),
        refusal: None,
    });
    let domain = to.lock.as_ref().map(|lock| lock.domain.clone());
    Plan {
        base: BaseFrom::Lock,
        resources: resources.collect(),
        new: new.collect(),
        tenant: Tenant {
            name: tenant.map(str::to_owned),
            domain: domain.unwrap_or_default(),
        },
    }
}
