//! A connection to a tenant, real or sandbox, and what is read through it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Deref;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;

use super::Terminal;
use super::invocation::Invocation;
use crate::api::{ApiError, Fields, Options, Reader, TokenCache, Writer};
use crate::base::Bases;
use crate::cost::Cost;
use crate::files::Contents;
use crate::kinds::{Kind, Label, Managed};
use crate::names::{joined, labels, names_in};
use crate::plan::Tenant;
use crate::push_plan::PushPlan;
use crate::resource::{Resource, ResourceId};
use crate::sandbox::Sandbox;
use crate::settings::Connection;

/// A connection to a tenant. The sandbox, if it is one, runs for as long as this value lives.
pub(super) struct Session {
    pub(super) reader: Reader,
    pub(super) tenant: Tenant,
    /// Whether the project manages several kinds.
    pub(super) manages_several: bool,
    _sandbox: Option<(Sandbox, File)>,
}

impl Invocation<'_> {
    /// Connects to the tenant at `settings`, or to the sandbox. Nothing is sent yet.
    ///
    /// # Errors
    /// The sandbox can't start.
    pub(super) fn connect(
        &self,
        settings: Option<Connection>,
        terminal: &Terminal,
    ) -> Result<Session> {
        let mut options = Options {
            stop: terminal.stop(),
            progress: terminal.progress(),
            secrets: terminal.secrets(),
            timeout: Duration::from_secs(self.global.timeout),
            max_rate: self.global.max_rate,
            ..Options::default()
        };
        let (connection, sandbox) = match settings {
            Some(connection) => {
                if !self.global.no_token_cache {
                    options.cache = TokenCache::of_user();
                }
                (connection, None)
            }
            None => {
                let name = self.sandbox_name().unwrap_or("sandbox");
                let held = self.hold_sandbox(name, terminal)?;
                let (connection, sandbox) = self.start_sandbox(name)?;
                (connection, Some((sandbox, held)))
            }
        };
        Ok(Session {
            tenant: Tenant {
                name: self.tenant().map(str::to_owned),
                domain: connection.domain().to_string(),
            },
            reader: Reader::new(connection, options),
            manages_several: false,
            _sandbox: sandbox,
        })
    }
}

/// What a tenant was read to have.
#[derive(Default)]
pub(super) struct LiveResources {
    resources: BTreeMap<ResourceId, Resource>,
    /// The kinds that the tenant did not let be read, and why.
    pub(super) unread: Vec<(&'static Kind, ApiError)>,
}

impl LiveResources {
    /// Whether the kind was read, so that a resource that is not here is gone.
    pub(super) fn has_read(&self, kind: &Kind) -> bool {
        self.unread.iter().all(|(unread, _)| *unread != kind)
    }

    /// Gives resources the names of what they refer to, where that is what people call them by.
    fn named(mut self, contents: &Contents) -> LiveResources {
        let names = names_in(&self.resources, &contents.resources);
        let by_others = |id: &ResourceId| matches!(id.kind().label, Label::References(_));
        let labelled = self.resources.iter().filter(|(id, _)| by_others(id));
        let labelled = labelled.map(|(id, resource)| {
            let labels = labels(id.kind(), resource.fields(), &names);
            (id.clone(), resource.clone().named(joined(&labels)))
        });
        let labelled: Vec<_> = labelled.collect();
        drop(names);
        self.resources.extend(labelled);
        self
    }
}

impl Deref for LiveResources {
    type Target = BTreeMap<ResourceId, Resource>;

    fn deref(&self) -> &BTreeMap<ResourceId, Resource> {
        &self.resources
    }
}

impl Session {
    /// What it costs to send what a push is about to send.
    pub(super) fn cost(&self, push: &PushPlan) -> Cost {
        let updates = push.all_updates();
        let requests = updates.map(|update| Writer::requests(&update.id, &update.patch));
        let requests: usize = requests.sum();
        Cost::of(requests + push.creates.len(), self.reader.allowed())
    }

    /// Every resource of the managed kinds, which are read side by side. Those that have a file and are not in the list are asked for
    /// by themselves: while pages are read one after the other, one may slip from one to the next, and nobody may take it for gone.
    ///
    /// # Errors
    /// The tenant can't be read. What only keeps one kind from being read stands in the answer.
    pub(super) async fn all(
        &self,
        managed: &Managed,
        contents: &Contents,
    ) -> Result<LiveResources> {
        let kinds: Vec<&'static Kind> = managed.kinds().collect();
        let reads = kinds.iter().map(|kind| self.all_of(kind, contents));
        let mut live = LiveResources::default();
        for (kind, read) in kinds.iter().zip(join_all(reads).await) {
            live.take(kind, read, self.manages_several)?;
        }
        Ok(live.named(contents))
    }

    async fn all_of(
        &self,
        kind: &'static Kind,
        contents: &Contents,
    ) -> Result<Vec<Resource>, ApiError> {
        let share = |resource: Resource| match contents.resources.get(resource.id()) {
            Some(file) => resource.sharing(&file.fields),
            None => resource,
        };
        let live = self
            .reader
            .resources_as_they_arrive(kind, &Fields::All, share);
        let mut live = live.await?;
        if kind.only().is_some() {
            return Ok(live);
        }
        let listed: BTreeSet<&ResourceId> = live.iter().map(Resource::id).collect();
        let files = contents.resources.keys().filter(|id| id.kind() == kind);
        let missing: Vec<&ResourceId> = files.filter(|id| !listed.contains(id)).collect();
        // Many of them cost one more list, and not a request each.
        let found = self
            .reader
            .these(kind, &missing, listed.len(), &Fields::All);
        let found = found.await?;
        live.extend(found);
        Ok(live)
    }

    /// Those of these resources that the tenant has, with these fields; the bases say how many it is known to have in all.
    pub(super) async fn these(
        &self,
        ids: &[&ResourceId],
        (contents, bases): (&Contents, &Bases),
        fields: impl Fn(&'static Kind) -> Fields,
    ) -> Result<LiveResources> {
        let mut by_kind: BTreeMap<&'static Kind, Vec<&ResourceId>> = BTreeMap::new();
        for id in ids {
            by_kind.entry(id.kind()).or_default().push(id);
        }
        let reads = by_kind.iter().map(|(kind, ids)| async {
            let fields = fields(kind);
            self.reader
                .these(kind, ids, bases.count(kind), &fields)
                .await
        });
        let mut live = LiveResources::default();
        for (kind, read) in by_kind.keys().zip(join_all(reads).await) {
            live.take(kind, read, self.manages_several)?;
        }
        Ok(live.named(contents))
    }
}

impl LiveResources {
    /// Takes in what was read of one kind. Where it is the only one that is managed, nothing is left to go on with.
    fn take(
        &mut self,
        kind: &'static Kind,
        read: Result<Vec<Resource>, ApiError>,
        manages_several: bool,
    ) -> Result<(), ApiError> {
        match read {
            Ok(resources) => {
                let resources = resources.into_iter();
                self.resources
                    .extend(resources.map(|resource| (resource.id().clone(), resource)));
                Ok(())
            }
            Err(error)
                if error.is_about_the_plan()
                    || (error.is_about_permission() && manages_several) =>
            {
                self.unread.push((kind, error));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
