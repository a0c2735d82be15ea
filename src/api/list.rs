//! Every resource of a kind, or an error: pages side by side while that is safe, checkpoints otherwise. A list that is short,
//! or that repeats a resource, is never taken for the truth.

use std::collections::HashSet;
use std::pin::pin;

use futures_util::TryFutureExt;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use reqwest::Method;
use serde_json::{Map, Value};

use super::Fields;
use super::call::{Call, FromAnswer};
use super::error::ApiError;
use super::transport::Transport;
use crate::kinds::{Kind, Paging};
use crate::resource::{Resource, ResourceId};

/// The most resources that one answer holds.
pub const PAGE: usize = 100;
/// The API serves numbered pages up to this many resources.
const NUMBERED: usize = 1000;
/// How many pages are asked for at once.
const SIDE_BY_SIDE: usize = 10;

/// How many requests a list of so many resources takes.
pub(super) fn list_requests(resources: usize) -> usize {
    resources.div_ceil(PAGE).max(1)
}

/// What is asked, and of whom.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) transport: &'a Transport,
    pub(super) kind: &'static Kind,
    pub(super) fields: &'a Fields,
}

impl<'a> Ask<'a> {
    fn call(self) -> Call {
        let query = self
            .kind
            .collection()
            .map_or(&[][..], |many| many.list_query);
        let query = query.iter().copied();
        Call::new(Method::GET, vec![self.kind.name.to_owned()])
            .query(self.fields.query(self.kind))
            .query(query.map(|(name, value)| (name, value.to_owned())))
    }

    fn odd(self, problem: String) -> ApiError {
        Call::new(Method::GET, vec![self.kind.name.to_owned()]).odd_answer(problem)
    }

    /// Says that reading begins, of so many as far as that is known.
    fn begin(self, of: Option<usize>) {
        let reading = format!("reading {}", self.kind.plural);
        self.transport.progress().begin(reading, of);
    }
}

/// A page, by number or by checkpoint.
/// Source: <https://auth0.com/docs/api/management/v2/clients/get-clients>, `include_totals`, `from` and `take`.
struct Page {
    /// How many resources there are in all, as a numbered page says.
    total: Option<usize>,
    /// What to ask for to get the next one.
    next: Option<String>,
    resources: Vec<Map<String, Value>>,
}

impl Page {
    /// Reads a page; None where the answer has another shape.
    fn of(key: &str, mut answer: Map<String, Value>) -> Option<Page> {
        Some(Page {
            total: match answer.get("total") {
                None => None,
                Some(total) => Some(usize::try_from(total.as_u64()?).ok()?),
            },
            next: match answer.get_mut("next").map(Value::take) {
                None | Some(Value::Null) => None,
                Some(Value::String(next)) => Some(next),
                Some(_) => return None,
            },
            resources: Vec::from_answer(answer.get_mut(key)?.take())?,
        })
    }

    async fn ask(ask: Ask<'_>, call: &Call) -> Result<Page, ApiError> {
        let answer = ask.transport.send(call).await?.json(call)?;
        let key = ask.kind.collection().map_or("", |many| many.list_key);
        Page::of(key, answer).ok_or_else(|| odd_shape(call))
    }
}

/// What is done to each resource as its page comes in.
pub(super) type Arrived<'a> = dyn FnMut(Resource) -> Resource + Send + 'a;

/// See [`super::Reader::resources_as_they_arrive`].
pub(super) async fn resources(
    ask: Ask<'_>,
    arrived: &mut Arrived<'_>,
) -> Result<Vec<Resource>, ApiError> {
    let Some(many) = ask.kind.collection() else {
        let only = ResourceId::new(ask.kind, ask.kind.only().unwrap_or_default());
        let found = super::resource(ask.transport, &only, ask.fields).await?;
        return Ok(found.into_iter().map(arrived).collect());
    };
    ask.begin(None);
    let found = match many.paging {
        Paging::None => all_at_once(ask, arrived).await?,
        Paging::Numbers | Paging::NumbersOrCheckpoints => {
            let (total, first) = page(ask, 0).await?;
            all(ask, total, first, arrived).await?
        }
    };
    with_lists(ask, found, arrived).await
}

/// A list that comes without pages.
async fn all_at_once(ask: Ask<'_>, arrived: &mut Arrived<'_>) -> Result<Vec<Resource>, ApiError> {
    let call = ask.call();
    let found: Vec<Map<String, Value>> = ask.transport.send(&call).await?.json(&call)?;
    let mut list = List::new(ask, arrived, found.len());
    list.add(found)?;
    Ok(list.finish())
}

/// The resources with their lists that have paths of their own, in the order in which they came.
async fn with_lists(
    ask: Ask<'_>,
    found: Vec<Resource>,
    arrived: &mut Arrived<'_>,
) -> Result<Vec<Resource>, ApiError> {
    if ask
        .kind
        .collection()
        .is_none_or(|many| many.sub_list.is_none())
    {
        return Ok(found);
    }
    ask.begin(Some(found.len()));
    let progress = ask.transport.progress();
    let whole = found.into_iter().map(|resource| {
        let whole = with_list(ask.transport, resource);
        whole.inspect_ok(|_| progress.advance(1))
    });
    let whole: Vec<Resource> = stream::iter(whole)
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    Ok(whole.into_iter().map(arrived).collect())
}

/// A resource with its list that has a path of its own, if its kind has one: sorted, since it is a set.
pub(super) async fn with_list(
    transport: &Transport,
    resource: Resource,
) -> Result<Resource, ApiError> {
    let many = resource.id().kind().collection();
    let Some(list) = many.and_then(|many| many.sub_list.as_ref()) else {
        return Ok(resource);
    };
    let mut path = super::path(resource.id());
    path.push(list.field.to_owned());
    let mut entries: Vec<Value> = Vec::new();
    loop {
        let call = Call::new(Method::GET, path.clone()).query([
            ("page", (entries.len() / PAGE).to_string()),
            ("per_page", PAGE.to_string()),
            ("include_totals", "true".to_owned()),
        ]);
        let answer = transport.send(&call).await?.json(&call)?;
        let page = Page::of(list.field, answer).ok_or_else(|| odd_shape(&call))?;
        let total = page.total.ok_or_else(|| odd_shape(&call))?;
        let is_last = page.resources.len() < PAGE;
        entries.extend(page.resources.into_iter().map(|mut entry| {
            entry.retain(|key, _| list.keys.contains(&key.as_str()));
            Value::Object(entry)
        }));
        if is_last || entries.len() >= total {
            if entries.len() != total {
                let problem = format!("it has {} entries of {total}", entries.len());
                return Err(call.odd_answer(problem));
            }
            break;
        }
    }
    // Their keys have one order too, so that the text is the same whatever the API does.
    entries.sort_by_cached_key(Value::to_string);
    Ok(resource.with(list.field, Value::Array(entries)))
}

/// See [`super::Reader::these`].
pub(super) async fn these(
    ask: Ask<'_>,
    ids: &[&ResourceId],
    known: usize,
) -> Result<Vec<Resource>, ApiError> {
    // A resource's list at a path of its own costs as much in either way.
    if ask.kind.collection().is_none() || ids.len() <= list_requests(known) {
        return one_by_one(ask, ids).await;
    }
    let (listed, missing) = from_the_list(ask, ids).await?;
    let mut found = with_lists(ask, listed, &mut |resource| resource).await?;
    found.extend(one_by_one(ask, &missing).await?);
    Ok(found)
}

/// Those of these resources that the list has, as far as it is worth reading, and those that are left to be asked for.
async fn from_the_list<'a>(
    ask: Ask<'_>,
    ids: &[&'a ResourceId],
) -> Result<(Vec<Resource>, Vec<&'a ResourceId>), ApiError> {
    let wanted: HashSet<&ResourceId> = ids.iter().copied().collect();
    let only_wanted = |mut all: Vec<Resource>| {
        all.retain(|resource| wanted.contains(resource.id()));
        all
    };
    let mut as_it_is = |resource| resource;
    let many = ask.kind.collection();
    if many.is_some_and(|many| many.paging == Paging::None) {
        let all = all_at_once(ask, &mut as_it_is).await?;
        return Ok((only_wanted(all), Vec::new()));
    }
    ask.begin(None);
    let (total, first) = page(ask, 0).await?;
    let mut list = List::new(ask, &mut as_it_is, total);
    // A page that repeats a resource can't be relied on. Reading the whole list says what is wrong.
    let read = list.add(first.clone()).is_ok();
    let mut missing = ids.to_vec();
    missing.retain(|id| !list.ids.contains(*id));
    // The tenant may be larger than what is known of it; then the rest may be cheaper one by one.
    if !read || missing.len() >= list_requests(total) {
        let all = all(ask, total, first, &mut |resource| resource).await?;
        return Ok((only_wanted(all), Vec::new()));
    }
    Ok((only_wanted(list.finish()), missing))
}

async fn one_by_one(ask: Ask<'_>, ids: &[&ResourceId]) -> Result<Vec<Resource>, ApiError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let progress = ask.transport.progress();
    ask.begin(Some(ids.len()));
    let found: Vec<Option<Resource>> = stream::iter(ids)
        .map(|id| {
            super::resource(ask.transport, id, ask.fields).inspect_ok(|_| progress.advance(1))
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Reads every resource, after the first page was read.
async fn all(
    ask: Ask<'_>,
    total: usize,
    first: Vec<Map<String, Value>>,
    arrived: &mut Arrived<'_>,
) -> Result<Vec<Resource>, ApiError> {
    // A page that has fewer resources than were asked for shows that the API divides its pages in another way.
    let has_checkpoints = ask
        .kind
        .collection()
        .is_some_and(|many| many.paging == Paging::NumbersOrCheckpoints);
    if !has_checkpoints || (total <= NUMBERED && first.len() == total.min(PAGE)) {
        let others = (1..list_requests(total)).map(|number| page(ask, number));
        let mut others = pin!(stream::iter(others).buffered(SIDE_BY_SIDE));
        let mut list = List::new(ask, arrived, total);
        let mut added = list.add(first);
        while added.is_ok()
            && let Some(page) = others.next().await
        {
            added = list.add(page?.1);
        }
        if added.is_ok() && list.len() == total {
            return Ok(list.finish());
        }
        let plural = ask.kind.plural;
        if !has_checkpoints {
            added?;
            return Err(ask.odd(format!(
                "the tenant says that it has {total} {plural}, and lists another number of them"
            )));
        }
        log::info!("the numbered pages do not add up to {total} {plural}: reading by checkpoints");
    }
    checkpoints(ask, total, arrived).await
}

/// A page by its number, and how many resources there are in all.
async fn page(ask: Ask<'_>, number: usize) -> Result<(usize, Vec<Map<String, Value>>), ApiError> {
    let call = ask.call().query([
        ("page", number.to_string()),
        ("per_page", PAGE.to_string()),
        ("include_totals", "true".to_owned()),
    ]);
    let page = Page::ask(ask, &call).await?;
    let total = page.total.ok_or_else(|| odd_shape(&call))?;
    Ok((total, page.resources))
}

fn odd_shape(call: &Call) -> ApiError {
    call.odd_answer("it has another shape than documented".to_owned())
}

/// Follows `next` to the end. The list may change under way; so a count that differs from the total is read once more.
async fn checkpoints(
    ask: Ask<'_>,
    mut total: usize,
    arrived: &mut Arrived<'_>,
) -> Result<Vec<Resource>, ApiError> {
    let plural = ask.kind.plural;
    let mut again = true;
    loop {
        let list = walk(ask, total, arrived).await?;
        if list.len() == total {
            return Ok(list.finish());
        }
        if !again {
            return Err(ask.odd(format!(
                "the tenant says that it has {total} {plural}, and lists {}",
                list.len()
            )));
        }
        again = false;
        total = page(ask, 0).await?.0;
        if list.len() == total {
            return Ok(list.finish());
        }
    }
}

async fn walk<'a, 'b>(
    ask: Ask<'a>,
    total: usize,
    arrived: &'a mut Arrived<'b>,
) -> Result<List<'a, 'b>, ApiError> {
    let plural = ask.kind.plural;
    let mut list = List::new(ask, arrived, total);
    let mut from: Option<String> = None;
    let mut followed = HashSet::new();
    loop {
        let call = ask.call().query([("take", PAGE.to_string())]);
        let call = call.query(from.take().map(|from| ("from", from)));
        let page = Page::ask(ask, &call).await?;
        let empty = page.resources.is_empty();
        list.add(page.resources)?;
        match page.next.filter(|next| !next.is_empty()) {
            // Every page brings resources, or the walk might never end.
            Some(_) if empty => {
                return Err(ask.odd("a page is empty and names a next one".to_owned()));
            }
            // Some may be made meanwhile, but not more than a page of them.
            Some(_) if list.len() > total + PAGE => {
                return Err(ask.odd(format!(
                    "the tenant says that it has {total} {plural}, and lists more and more"
                )));
            }
            Some(next) if !followed.insert(next.clone()) => {
                return Err(ask.odd("a page names one as the next that was read before".to_owned()));
            }
            Some(next) => from = Some(next),
            None => return Ok(list),
        }
    }
}

/// The resources so far, each once.
struct List<'a, 'b> {
    ask: Ask<'a>,
    resources: Vec<Resource>,
    ids: HashSet<ResourceId>,
    arrived: &'a mut Arrived<'b>,
}

impl<'a, 'b> List<'a, 'b> {
    /// A list that is to have `total` resources.
    fn new(ask: Ask<'a>, arrived: &'a mut Arrived<'b>, total: usize) -> List<'a, 'b> {
        ask.begin(Some(total));
        List {
            ask,
            resources: Vec::new(),
            ids: HashSet::new(),
            arrived,
        }
    }

    fn add(&mut self, page: Vec<Map<String, Value>>) -> Result<(), ApiError> {
        let kind = self.ask.kind;
        self.ask.transport.progress().advance(page.len());
        for fields in page {
            let resource = Resource::new(kind, fields).ok_or_else(|| {
                let id = kind.id_field().unwrap_or_default();
                let problem = format!("{} has no `{id}` that can be one", kind.one());
                self.ask.odd(problem)
            })?;
            if !self.ids.insert(resource.id().clone()) {
                let problem = format!("the {} {} is listed twice", kind.singular, resource.id());
                return Err(self.ask.odd(problem));
            }
            self.resources.push((self.arrived)(resource));
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.resources.len()
    }

    /// The list without what is not under version control, which counts in the total where the API does not filter.
    fn finish(mut self) -> Vec<Resource> {
        self.resources.retain(|resource| !resource.is_left_out());
        self.resources
    }
}
