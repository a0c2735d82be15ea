//! Asking before a push: resource by resource where that is wished, then once, naming the tenant's domain. `yes` has to be typed, or
//! a protected tenant's name.

use std::io;

use anyhow::Result;

use super::invocation::Invocation;
use super::manner::{Manner, Verb};
use super::{Terminal, Usage};
use crate::cli::ResultForm;
use crate::cost::Cost;
use crate::plan::Tenant;
use crate::push_plan::{PushPlan, Reason};
use crate::render::{self, Names, counted, text};
use crate::settings::Connection;

/// What somebody says about one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    All,
    Quit,
}

impl Answer {
    const CHOICES: &str = "y: push this one, n: leave it, a: push it and all that follow, q: leave it and all that follow";

    fn parse(text: &str) -> Option<Answer> {
        match text.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Some(Answer::Yes),
            "n" | "no" => Some(Answer::No),
            "a" | "all" => Some(Answer::All),
            "q" | "quit" => Some(Answer::Quit),
            _ => None,
        }
    }
}

/// Refuses to push to a protected tenant on the word of a script that does not name it.
///
/// # Errors
/// `--yes` is typed, the tenant is protected, and no `--tenant` on the command line says that it is meant.
pub(super) fn check_yes(
    manner: &Manner,
    invocation: &Invocation<'_>,
    is_protected: bool,
    settings: Option<&Connection>,
) -> Result<()> {
    if !is_protected || !manner.yes {
        return Ok(());
    }
    let verb = manner.verb.name();
    let (name, hint) = match invocation.tenant() {
        Some(_) if invocation.names_tenant() => return Ok(()),
        Some(name) => (
            name,
            format!("name it on the command line: tenantry {verb} --tenant {name} --yes"),
        ),
        None => (
            settings.map_or("the tenant", |settings| settings.domain().as_str()),
            format!(
                "give it a name (settings in .env.NAME, files in the folder NAME), and {verb} with --tenant NAME --yes"
            ),
        ),
    };
    let does = match manner.verb {
        Verb::Push => "push to it",
        Verb::Undo => "undo a push to it",
    };
    Err(Usage::error(
        format!("nothing was sent: {name} is protected, and --yes alone does not {does}"),
        hint,
    ))
}

/// Shows what is to be sent and asks for it. True where it may be sent; what was not chosen is held back.
pub(super) fn ask(
    push: &mut PushPlan,
    is_protected: bool,
    manner: &Manner,
    cost: impl Fn(&PushPlan) -> Cost,
    names: &Names<'_>,
    terminal: &Terminal,
) -> Result<bool> {
    let verb = manner.verb;
    if !terminal.can_ask() {
        return Err(Usage::error(
            format!(
                "nothing was sent: there is no terminal to ask on whether to {}",
                what(push, verb)
            ),
            "say so with --yes",
        ));
    }
    let show = |text: &str| match manner.form {
        ResultForm::Text => terminal.text(text),
        ResultForm::Json => {
            // stdout is for the result.
            terminal.aside(text);
            Ok(())
        }
    };
    if manner.interactive {
        choose(push, names, terminal, &show)?;
        if push.is_nothing_due() {
            return Ok(false);
        }
    } else if manner.form == ResultForm::Json {
        show(&text::plan(&push.plan, names))?;
    }
    let (what, cost) = (what(push, verb), cost(push));
    if !is_protected {
        let question = format!("{}? It takes {cost}.", capitalized(&what));
        return Ok(terminal.confirm(&question)?);
    }
    let Tenant { name, domain } = &push.plan.tenant;
    let name = name.as_deref().unwrap_or(domain);
    let typed = terminal.ask_discarding_typed(&format!(
        "{name} is protected. Type its name to {what} ({cost})"
    ))?;
    if typed.trim() != name {
        terminal.note(&format!("that is not {name}"));
        return Ok(false);
    }
    Ok(true)
}

/// Steps through the resources of a plan.
fn choose(
    push: &mut PushPlan,
    names: &Names<'_>,
    terminal: &Terminal,
    show: &impl Fn(&str) -> io::Result<()>,
) -> Result<()> {
    let mut decided = None;
    for resource in push.plan.resources.clone() {
        if decided != Some(Answer::Quit) {
            show(&text::resource(&resource, names))?;
        }
        if !push.due().contains(&resource.id) {
            continue;
        }
        let answer = match decided {
            Some(answer) => answer,
            None => asked(resource.label(), terminal)?,
        };
        if matches!(answer, Answer::All | Answer::Quit) {
            decided = Some(answer);
        }
        if matches!(answer, Answer::No | Answer::Quit) {
            push.hold_back(&resource.id, Reason::NotChosen);
        }
    }
    for new in push.creates.clone() {
        // It may be left already, with what it refers to.
        if !push.creates.contains(&new) {
            continue;
        }
        if decided != Some(Answer::Quit) {
            show(&text::new(&new, names))?;
        }
        let answer = match decided {
            Some(answer) => answer,
            None => asked(&new.file, terminal)?,
        };
        if matches!(answer, Answer::All | Answer::Quit) {
            decided = Some(answer);
        }
        if matches!(answer, Answer::No | Answer::Quit) {
            push.leave_unmade(&new.file, &Reason::NotChosen);
        }
    }
    Ok(())
}

fn asked(resource: &str, terminal: &Terminal) -> Result<Answer> {
    loop {
        let typed = terminal.ask(&format!("Push {resource}? [y,n,a,q]"))?;
        match Answer::parse(&typed) {
            Some(answer) => return Ok(answer),
            None => terminal.aside(&format!("{}\n", Answer::CHOICES)),
        }
    }
}

/// A text as the start of a sentence.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// `push 2 fields of 1 client to acme.eu.auth0.com`, and how many of them are a risk.
fn what(push: &PushPlan, verb: Verb) -> String {
    let mut parts = Vec::new();
    if !push.creates.is_empty() {
        let new = render::resources(push.creates.iter().map(|new| new.kind));
        parts.push(format!("make {new}"));
    }
    if push.count_fields() > 0 {
        let fields = counted(push.count_fields(), "field", "fields");
        let resources = render::resources(push.all_updates().map(|update| update.id.kind()));
        parts.push(format!("{} {fields} of {resources}", verb.name()));
    }
    let what = parts.join(" and ");
    let risks: Vec<String> = push
        .risks()
        .map(|(update, field, _)| {
            let file = update.file.as_deref().unwrap_or(update.id.as_str());
            format!("{field} of {file}")
        })
        .chain(push.creates.iter().flat_map(|new| {
            let risks = new.risks().into_iter();
            risks.map(|(field, _)| format!("{field} of {}", new.file))
        }))
        .collect();
    let risks = match risks.as_slice() {
        [] => String::new(),
        [one] => format!(", a risk: {one}"),
        several => format!(", {} of them a risk: {}", several.len(), several.join(", ")),
    };
    let to = match push.count_fields() {
        0 => "on",
        _ => verb.preposition(),
    };
    format!("{what} {to} {}{risks}", push.plan.tenant.domain)
}
