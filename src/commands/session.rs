//! A connection to a tenant, real or sandbox, and what is read through it.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use anyhow::Result;

use super::Terminal;
use super::invocation::Invocation;
use crate::api::{Fields, Options, Reader, TokenCache};
use crate::base::Bases;
use crate::files::Contents;
use crate::kinds::{Kind, Managed};
use crate::plan::Tenant;
use crate::resource::{Resource, ResourceId};
use crate::sandbox::Sandbox;
use crate::settings::Connection;

/// A connection to a tenant. The sandbox, if it is one, runs for as long as this value lives.
pub(super) struct Session {
    pub(super) reader: Reader,
    pub(super) tenant: Tenant,
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
            _sandbox: sandbox,
        })
    }
}

/// Live resources by id.
pub(super) type LiveResources = BTreeMap<ResourceId, Resource>;

impl Session {
    /// Every resource of the managed kinds. Those that have a file and are not in the list are asked for by themselves: while pages
    /// are read one after the other, one may slip from one to the next, and nobody may take it for gone.
    pub(super) async fn all(
        &self,
        managed: &Managed,
        contents: &Contents,
    ) -> Result<LiveResources> {
        let mut live = LiveResources::new();
        for kind in managed.kinds() {
            live.extend(self.all_of(kind, contents).await?);
        }
        Ok(live)
    }

    async fn all_of(&self, kind: &'static Kind, contents: &Contents) -> Result<LiveResources> {
        let share = |resource: Resource| match contents.resources.get(resource.id()) {
            Some(file) => resource.sharing(&file.fields),
            None => resource,
        };
        let live = self
            .reader
            .resources_as_they_arrive(kind, &Fields::All, share);
        let mut live = by_id(live.await?);
        let files = contents.resources.keys().filter(|id| id.kind() == kind);
        let missing: Vec<&ResourceId> = files.filter(|id| !live.contains_key(*id)).collect();
        // Many of them cost one more list, and not a request each.
        let found = self.reader.these(kind, &missing, live.len(), &Fields::All);
        let found = by_id(found.await?);
        live.extend(found);
        Ok(live)
    }

    /// Those of these resources that the tenant has, with these fields; the bases say how many it is known to have in all.
    pub(super) async fn these(
        &self,
        ids: &[&ResourceId],
        bases: &Bases,
        fields: impl Fn(&'static Kind) -> Fields,
    ) -> Result<LiveResources> {
        let mut by_kind: BTreeMap<&'static Kind, Vec<&ResourceId>> = BTreeMap::new();
        for id in ids {
            by_kind.entry(id.kind()).or_default().push(id);
        }
        let mut live = LiveResources::new();
        for (kind, ids) in by_kind {
            let (known, fields) = (bases.count(kind), fields(kind));
            let found = self.reader.these(kind, &ids, known, &fields).await?;
            live.extend(by_id(found));
        }
        Ok(live)
    }
}

fn by_id(resources: Vec<Resource>) -> LiveResources {
    let resources = resources.into_iter();
    resources
        .map(|resource| (resource.id().clone(), resource))
        .collect()
}
