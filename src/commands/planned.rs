//! What a push sets out with: the plan of the files as they are.

use anyhow::Result;

use super::session::LiveResources;
use super::workspace::{Read, Workspace};
use crate::cli::Push;
use crate::plan::{Change, Plan, may_be_edited, unsent_edits};
use crate::push_plan::{HeldBack, NotMade, Reason};
use crate::resource::ResourceId;

/// What a push sets out with.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) live: LiveResources,
    /// How much of each live resource was read.
    pub(super) whole: Read,
    /// Files of kinds that the tenant did not let be read.
    pub(super) held_back: Vec<HeldBack>,
    /// Files without an id of such kinds.
    pub(super) not_made: Vec<NotMade>,
}

/// The plan of the files as they are, and the live resources that were read for it.
pub(super) async fn planned(options: &Push, workspace: &Workspace) -> Result<Planned> {
    let Workspace {
        session,
        contents,
        bases,
        ..
    } = workspace;
    let managed = workspace.managed();
    let (mut ids, new) = workspace.pick()?;
    workspace.check_new(&new)?;
    let is_asked =
        |name: &str| options.fields.is_empty() || options.fields.iter().any(|asked| asked == name);
    let unsent = |id: &ResourceId| {
        let local = &contents.resources[id].fields;
        options.fields.is_empty()
            && unsent_edits(id, local, bases.of(id), managed)
                .next()
                .is_some()
    };
    // Without asking the tenant, it is known which files can't have anything to send or to report.
    if !options.overwrite_drift {
        ids.retain(|id| {
            let fields = managed
                .fields(id.kind())
                .filter(|field| is_asked(field.name()));
            may_be_edited(&contents.resources[*id].fields, bases.of(id), fields) || unsent(id)
        });
    }
    // What is there already can be told from a whole list only.
    let is_making = options.create && !new.is_empty();
    let read = match is_making || ids.iter().any(|id| unsent(id)) {
        true => Read::Whole,
        false => Read::Managed,
    };
    let live = match is_making {
        true => session.all(managed, contents).await?,
        false => {
            session
                .these(&ids, (contents, bases), read.fields(managed))
                .await?
        }
    };
    let held_back = workspace.held_back_unread(&ids, &live);
    ids.retain(|id| live.has_read(id.kind()));
    let new = workspace.new_resources(&new, is_making.then_some(&live));
    let (new, unread): (Vec<_>, Vec<_>) = new.into_iter().partition(|new| live.has_read(new.kind));
    let not_made = unread.into_iter().map(|new| NotMade {
        new,
        reason: Reason::Unread,
    });
    let not_made = not_made.collect();
    let mut plan = workspace.plan(ids, &live, read).with_new(new);
    // A difference in a field that push does not send is reported only where the file was edited.
    plan.retain(|field| field.change != Change::Unmanaged || field.is_unsent_edit);
    if !options.fields.is_empty() {
        plan = plan.narrowed(&options.fields);
    }
    Ok(Planned {
        plan,
        live,
        whole: read,
        held_back,
        not_made,
    })
}
