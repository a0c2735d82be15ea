//! What tenantry does with clients when no tenant has to be waited for: reading and writing files, merging, the plan, rendering.
//! Each at three sizes, so that the time per client shows how it grows. `benches/README.md` says how to run it.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that can't go on has nothing to report"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use serde_json::{Map, Value};
use tempfile::TempDir;
use tenantry::base::{BaseFrom, Bases, NewBase};
use tenantry::files::{
    self, Access, Format, Lock, Locked, ResourceFile, TenantDirectory, stems_for_new_files,
};
use tenantry::json;
use tenantry::kinds::{Manage, Managed, clients::KIND};
use tenantry::merge::merge;
use tenantry::names::names_in;
use tenantry::plan::{Live, Plan, Sides, Tenant};
use tenantry::resource::{Resource, ResourceId};
use tenantry::sandbox::Sandbox;
use tenantry::testing::render;

const SIZES: [usize; 3] = [100, 1_000, 10_000];
const DOMAIN: &str = "acme.eu.auth0.com";

fn main() {
    // Enough to see growth and to catch a factor; about two minutes in all.
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .nresamples(2_000)
        .configure_from_args();
    let tenants = SIZES.map(Pulled::new);
    read(&mut criterion, &tenants);
    write(&mut criterion, &tenants);
    stems(&mut criterion, &tenants);
    pull(&mut criterion, &tenants);
    plan(&mut criterion, &tenants);
    rendering(&mut criterion, &tenants);
    diff(&mut criterion, &tenants);
    criterion.final_summary();
}

type Files = BTreeMap<ResourceId, ResourceFile>;
type LiveResources = BTreeMap<ResourceId, Resource>;

/// A tenant that was pulled a moment ago: its live clients, and the directory that the pull wrote.
struct Pulled {
    live: LiveResources,
    files: Files,
    lock: Lock,
    bases: Bases,
    directory: TenantDirectory,
    _folder: TempDir,
}

impl Pulled {
    fn new(count: usize) -> Pulled {
        // It is only asked for its clients; nothing is sent.
        let sandbox = Sandbox::builder().generated(count).start().unwrap();
        let live: LiveResources = sandbox
            .clients()
            .iter()
            .filter_map(|client| Resource::new(&KIND, client.as_object()?.clone()))
            .map(|client| (client.id().clone(), client))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let directory =
            TenantDirectory::open(folder.path(), managed(), Access::Create, || {}).unwrap();
        let mut lock = Lock::new(DOMAIN);
        for (id, stem) in stems_for_new_files(&KIND, &names(&live), &BTreeMap::new(), &[]) {
            let fields = live[&id].fields();
            let file = TenantDirectory::file_of(&KIND, &stem, Format::Yaml);
            let text = files::write(fields, &managed().leading(&KIND), Format::Yaml);
            directory.create_file(&file, &text).unwrap();
            let NewBase { values, unsent } = NewBase::of(&managed(), &live[&id]);
            let locked = Locked {
                file,
                serial: 1,
                base: values,
                unsent,
            };
            lock.resources.insert(id, locked);
        }
        directory.write_lock(&lock).unwrap();
        let contents = directory.read().unwrap();
        assert_eq!((live.len(), contents.resources.len()), (count, count));
        Pulled {
            live,
            bases: Bases::from_lock(lock.clone(), &directory, &contents, false).unwrap(),
            files: contents.resources,
            lock,
            directory,
            _folder: folder,
        }
    }

    /// The files after somebody edited one in `every`, read like any: where values lie in memory is part of the time.
    fn edited(&self, every: usize) -> Files {
        let mut files = self.directory.read().unwrap().resources;
        for file in files.values_mut().step_by(every) {
            let description = "Edited: signs customers in, EU only".into();
            Arc::make_mut(&mut file.fields).insert("description".to_owned(), description);
        }
        files
    }

    /// The live clients as they are once they have arrived: sharing what a file says too.
    fn arrived(&self, files: &Files) -> LiveResources {
        let live = self.live.iter();
        live.map(|(id, client)| (id.clone(), client.clone().sharing(&files[id].fields)))
            .collect()
    }

    /// Every client of these files and of the tenant on its three sides, as `diff` puts them together.
    fn sides<'a>(&'a self, files: &'a Files, live: &'a LiveResources) -> Vec<Sides<'a>> {
        let ids: BTreeSet<&ResourceId> = files.keys().chain(live.keys()).collect();
        let sides = ids.into_iter().map(|id| Sides {
            id,
            local: files
                .get(id)
                .map(|file| (file.file.as_str(), file.fields.as_ref())),
            base: self.bases.of(id),
            live: live.get(id).map_or(Live::Gone, Live::Whole),
        });
        sides.collect()
    }

    fn plan(&self, files: &Files, live: &LiveResources) -> Plan {
        Plan::new(
            tenant(),
            BaseFrom::Lock,
            &managed(),
            self.sides(files, live),
        )
    }
}

/// What a push may send: the default fields, or with `TENANTRY_BENCH_MANAGE=all` every field.
fn managed() -> Managed {
    match std::env::var("TENANTRY_BENCH_MANAGE").as_deref() {
        Ok("all") => Managed::new(&BTreeMap::from([(&KIND, Manage::All)])),
        _ => Managed::default(),
    }
}

fn tenant() -> Tenant {
    Tenant {
        name: Some("dev".to_owned()),
        domain: DOMAIN.to_owned(),
    }
}

fn names(live: &LiveResources) -> BTreeMap<&ResourceId, Vec<String>> {
    let names = live.iter();
    names
        .map(|(id, client)| (id, vec![client.name().to_owned()]))
        .collect()
}

/// Measures one thing of one tenant; what it answers is kept from being optimised away.
fn measure<T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    what: &str,
    tenant: &Pulled,
    mut work: impl FnMut() -> T,
) {
    let clients = tenant.live.len();
    group.throughput(Throughput::Elements(clients as u64));
    let id = BenchmarkId::new(what, clients);
    group.bench_function(id, |bencher| bencher.iter(|| black_box(work())));
}

/// A tenant directory into memory, its lock by itself, and the JSON of an answer into live clients.
fn read(criterion: &mut Criterion, tenants: &[Pulled]) {
    let mut group = criterion.benchmark_group("read");
    for tenant in tenants {
        measure(&mut group, "directory", tenant, || {
            tenant.directory.read().unwrap()
        });
        let lock = tenant.lock.write();
        measure(&mut group, "lock", tenant, || {
            Lock::parse(lock.as_bytes()).unwrap()
        });
        let clients: Vec<&Resource> = tenant.live.values().collect();
        let answer = serde_json::to_vec(&clients).unwrap();
        measure(&mut group, "answer", tenant, || {
            let mut clients = json::parse(str::from_utf8(&answer).unwrap()).unwrap();
            let clients = clients.as_array_mut().unwrap().iter_mut();
            let clients = clients.map(|client| std::mem::take(client.as_object_mut().unwrap()));
            let clients = clients.filter_map(|client| Resource::new(&KIND, client));
            let share = |client: Resource| {
                let file = &tenant.files[client.id()];
                client.sharing(&file.fields)
            };
            clients.map(share).collect::<Vec<_>>()
        });
    }
}

/// The texts of new files, those of existing files with another name in them, and the lock. Nothing reaches the disk.
fn write(criterion: &mut Criterion, tenants: &[Pulled]) {
    let mut group = criterion.benchmark_group("write");
    for tenant in tenants {
        let clients = || tenant.live.values().map(Resource::fields);
        for format in [Format::Yaml, Format::Json] {
            let write = |fields| files::write(fields, &managed().leading(&KIND), format);
            measure(&mut group, format.extension(), tenant, || {
                clients().map(write).collect::<Vec<_>>()
            });
        }
        let renamed: Vec<(String, Map<String, Value>)> = clients()
            .map(|fields| {
                let mut renamed = fields.clone();
                renamed.insert("name".to_owned(), "Another name".into());
                let old = files::write(fields, &managed().leading(&KIND), Format::Yaml);
                (old, renamed)
            })
            .collect();
        measure(&mut group, "yaml in place", tenant, || {
            let rewritten = renamed.iter().map(|(old, fields)| {
                files::rewrite(old, fields, &managed().leading(&KIND), Format::Yaml)
            });
            rewritten.collect::<Vec<_>>()
        });
        measure(&mut group, "lock", tenant, || tenant.lock.write());
    }
}

/// Names for new files, where each client has a name of its own and where all have the same.
fn stems(criterion: &mut Criterion, tenants: &[Pulled]) {
    let mut group = criterion.benchmark_group("stems");
    for tenant in tenants {
        let mut names = names(&tenant.live);
        let none = BTreeMap::new();
        measure(&mut group, "own names", tenant, || {
            stems_for_new_files(&KIND, &names, &none, &[])
        });
        names
            .values_mut()
            .for_each(|names| *names = vec!["Default App".to_owned()]);
        measure(&mut group, "one name", tenant, || {
            stems_for_new_files(&KIND, &names, &none, &[])
        });
    }
}

/// What a pull that finds nothing new decides, file by file.
fn pull(criterion: &mut Criterion, tenants: &[Pulled]) {
    let mut group = criterion.benchmark_group("pull");
    for tenant in tenants {
        let Pulled { files, bases, .. } = tenant;
        let live = tenant.arrived(files);
        let managed = managed();
        measure(&mut group, "nothing new", tenant, || {
            let changed = files.iter().filter(|(id, file)| {
                let merged = merge(&managed, &file.fields, bases.of(id), &live[*id], false);
                merged.fields.is_some()
            });
            changed.count()
        });
    }
}

/// The plan of sides that are in memory. Where file and tenant share nothing, each field is looked at.
fn plan(criterion: &mut Criterion, tenants: &[Pulled]) {
    let mut group = criterion.benchmark_group("plan");
    for tenant in tenants {
        let edited = tenant.edited(1);
        let managed = managed();
        for (what, files, live) in [
            (
                "no difference",
                &tenant.files,
                &tenant.arrived(&tenant.files),
            ),
            ("no difference, nothing shared", &tenant.files, &tenant.live),
            ("all edited", &edited, &tenant.arrived(&edited)),
        ] {
            let sides = tenant.sides(files, live);
            measure(&mut group, what, tenant, || {
                Plan::new(
                    self::tenant(),
                    BaseFrom::Lock,
                    &managed,
                    sides.iter().copied(),
                )
            });
        }
    }
}

/// A plan as text, JSON and markdown.
fn rendering(criterion: &mut Criterion, tenants: &[Pulled]) {
    let mut group = criterion.benchmark_group("render");
    for tenant in tenants {
        for (edited, every) in [("1%", 100), ("all", 1)] {
            let files = tenant.edited(every);
            let plan = tenant.plan(&files, &tenant.arrived(&files));
            let names = names_in(&tenant.live, &tenant.files);
            let what = |form: &str| format!("{form}, {edited} edited");
            measure(&mut group, &what("text"), tenant, || {
                render::text::plan(&plan, &names)
            });
            measure(&mut group, &what("json"), tenant, || {
                render::json::plan(&plan)
            });
            measure(&mut group, &what("markdown"), tenant, || {
                render::markdown::plan(&plan, &names)
            });
        }
    }
}

/// All that `diff` does once files and answers are read: the sides, the plan, the text.
fn diff(criterion: &mut Criterion, tenants: &[Pulled]) {
    let mut group = criterion.benchmark_group("diff");
    for tenant in tenants {
        let files = tenant.edited(100);
        let live = tenant.arrived(&files);
        measure(&mut group, "1% edited", tenant, || {
            render::text::plan(&tenant.plan(&files, &live), &names_in(&live, &files))
        });
    }
}
