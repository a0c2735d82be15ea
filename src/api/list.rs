//! Every client of a tenant, or an error: pages side by side while that is safe, checkpoints otherwise. A list that is short,
//! or that repeats a client, is never taken for the truth.

use std::collections::HashSet;
use std::pin::pin;

use futures_util::TryFutureExt;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use reqwest::Method;
use serde_json::{Map, Value};

use super::call::{Call, FromAnswer};
use super::error::ApiError;
use super::transport::Transport;
use super::{Fields, Progress};
use crate::client::{Client, ClientId};

/// The most clients that one answer holds.
pub const PAGE: usize = 100;
/// The API serves numbered pages up to this many clients.
const NUMBERED: usize = 1000;
/// What reading is called while it lasts.
const READING: &str = "reading clients";
/// How many pages are asked for at once.
const SIDE_BY_SIDE: usize = 10;

/// How many requests a list of so many clients takes.
pub fn list_requests(clients: usize) -> usize {
    clients.div_ceil(PAGE).max(1)
}

/// A page by number. Source: <https://auth0.com/docs/api/management/v2/clients/get-clients>, `include_totals`.
struct Page {
    total: usize,
    clients: Vec<Map<String, Value>>,
}

impl FromAnswer for Page {
    fn from_answer(answer: Value) -> Option<Page> {
        let mut answer = Map::from_answer(answer)?;
        Some(Page {
            total: usize::try_from(answer.get("total")?.as_u64()?).ok()?,
            clients: Vec::from_answer(answer.get_mut("clients")?.take())?,
        })
    }
}

/// A page by checkpoint. Source: the same page, `from` and `take`.
struct Checkpoint {
    next: Option<String>,
    clients: Vec<Map<String, Value>>,
}

impl FromAnswer for Checkpoint {
    fn from_answer(answer: Value) -> Option<Checkpoint> {
        let mut answer = Map::from_answer(answer)?;
        Some(Checkpoint {
            clients: Vec::from_answer(answer.get_mut("clients")?.take())?,
            next: match answer.get_mut("next").map(Value::take) {
                None | Some(Value::Null) => None,
                Some(Value::String(next)) => Some(next),
                Some(_) => return None,
            },
        })
    }
}

/// What is done to each client as its page comes in.
pub(super) type Arrived<'a> = dyn FnMut(Client) -> Client + Send + 'a;

/// See [`super::Reader::clients_as_they_arrive`].
pub(super) async fn clients(
    transport: &Transport,
    fields: Fields,
    arrived: &mut Arrived<'_>,
) -> Result<Vec<Client>, ApiError> {
    transport.progress().begin(READING, None);
    let first = page(transport, fields, 0).await?;
    all(transport, fields, first, arrived).await
}

/// See [`super::Reader::these_clients`].
pub(super) async fn these(
    transport: &Transport,
    ids: &[&ClientId],
    known: usize,
    fields: Fields,
) -> Result<Vec<Client>, ApiError> {
    if ids.len() <= list_requests(known) {
        return one_by_one(transport, ids, fields).await;
    }
    transport.progress().begin(READING, None);
    let first = page(transport, fields, 0).await?;
    let mut as_it_is = |client| client;
    let mut list = List::new(&mut as_it_is, transport.progress(), first.total);
    // A page that repeats a client is no page to rely on: the whole list says what is wrong.
    let read = list.add(first.clients.clone()).is_ok();
    let mut missing = ids.to_vec();
    missing.retain(|id| !list.ids.contains(*id));
    let wanted: HashSet<&ClientId> = ids.iter().copied().collect();
    // The tenant may be larger than what is known of it; then the rest may be cheaper one by one.
    if !read || missing.len() >= list_requests(first.total) {
        let mut all = all(transport, fields, first, &mut |client| client).await?;
        all.retain(|client| wanted.contains(client.id()));
        return Ok(all);
    }
    let mut found = one_by_one(transport, &missing, fields).await?;
    found.extend(
        list.finish()
            .into_iter()
            .filter(|client| wanted.contains(client.id())),
    );
    Ok(found)
}

async fn one_by_one(
    transport: &Transport,
    ids: &[&ClientId],
    fields: Fields,
) -> Result<Vec<Client>, ApiError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let progress = transport.progress();
    progress.begin(READING, Some(ids.len()));
    let found: Vec<Option<Client>> = stream::iter(ids)
        .map(|id| super::client(transport, id, fields).inspect_ok(|_| progress.advance(1)))
        .buffer_unordered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Every client, of which the first page is there.
async fn all(
    transport: &Transport,
    fields: Fields,
    first: Page,
    arrived: &mut Arrived<'_>,
) -> Result<Vec<Client>, ApiError> {
    let total = first.total;
    // A page that is short of what was asked for says that the API pages in another way than ours.
    if total <= NUMBERED && first.clients.len() == total.min(PAGE) {
        let others = (1..list_requests(total)).map(|number| page(transport, fields, number));
        let mut others = pin!(stream::iter(others).buffered(SIDE_BY_SIDE));
        let mut list = List::new(arrived, transport.progress(), total);
        let mut added = list.add(first.clients);
        while added.is_ok()
            && let Some(page) = others.next().await
        {
            added = list.add(page?.clients);
        }
        if added.is_ok() && list.len() == total {
            return Ok(list.finish());
        }
        log::info!("the numbered pages do not add up to {total} clients: reading by checkpoints");
    }
    checkpoints(transport, fields, total, arrived).await
}

async fn page(transport: &Transport, fields: Fields, number: usize) -> Result<Page, ApiError> {
    let call = call(fields).query([
        ("page", number.to_string()),
        ("per_page", PAGE.to_string()),
        ("include_totals", "true".to_owned()),
    ]);
    transport.send(&call).await?.json(&call)
}

/// Follows `next` to the end. The list may change under way; so a count that differs from the total is read once more.
async fn checkpoints(
    transport: &Transport,
    fields: Fields,
    mut total: usize,
    arrived: &mut Arrived<'_>,
) -> Result<Vec<Client>, ApiError> {
    let mut again = true;
    loop {
        let list = walk(transport, fields, total, arrived).await?;
        if list.len() == total {
            return Ok(list.finish());
        }
        if !again {
            return Err(odd(format!(
                "the tenant says that it has {total} clients, and lists {}",
                list.len()
            )));
        }
        again = false;
        total = page(transport, fields, 0).await?.total;
        if list.len() == total {
            return Ok(list.finish());
        }
    }
}

async fn walk<'a, 'b>(
    transport: &Transport,
    fields: Fields,
    total: usize,
    arrived: &'a mut Arrived<'b>,
) -> Result<List<'a, 'b>, ApiError> {
    let mut list = List::new(arrived, transport.progress(), total);
    let mut from: Option<String> = None;
    let mut followed = HashSet::new();
    loop {
        let call = call(fields).query([("take", PAGE.to_string())]);
        let call = call.query(from.take().map(|from| ("from", from)));
        let page: Checkpoint = transport.send(&call).await?.json(&call)?;
        let empty = page.clients.is_empty();
        list.add(page.clients)?;
        match page.next.filter(|next| !next.is_empty()) {
            // Every page brings clients, or the walk might never end.
            Some(_) if empty => return Err(odd("a page is empty and names a next one".to_owned())),
            // Some may be made meanwhile, but not more than a page of them.
            Some(_) if list.len() > total + PAGE => {
                return Err(odd(format!(
                    "the tenant says that it has {total} clients, and lists more and more"
                )));
            }
            Some(next) if !followed.insert(next.clone()) => {
                return Err(odd(
                    "a page names one as the next that was read before".to_owned()
                ));
            }
            Some(next) => from = Some(next),
            None => return Ok(list),
        }
    }
}

fn call(fields: Fields) -> Call {
    Call::new(Method::GET, vec!["clients".to_owned()])
        .query(fields.query())
        .query([("is_global", "false".to_owned())])
}

fn odd(problem: String) -> ApiError {
    Call::new(Method::GET, vec!["clients".to_owned()]).odd_answer(problem)
}

/// The clients so far, each once.
struct List<'a, 'b> {
    clients: Vec<Client>,
    ids: HashSet<ClientId>,
    arrived: &'a mut Arrived<'b>,
    progress: Progress,
}

impl<'a, 'b> List<'a, 'b> {
    /// A list that is to have `total` clients.
    fn new(arrived: &'a mut Arrived<'b>, progress: &Progress, total: usize) -> List<'a, 'b> {
        progress.begin(READING, Some(total));
        List {
            progress: progress.clone(),
            clients: Vec::new(),
            ids: HashSet::new(),
            arrived,
        }
    }

    fn add(&mut self, page: Vec<Map<String, Value>>) -> Result<(), ApiError> {
        self.progress.advance(page.len());
        for fields in page {
            let client = Client::new(fields)
                .ok_or_else(|| odd("a client has no `client_id` that can be one".to_owned()))?;
            if !self.ids.insert(client.id().clone()) {
                return Err(odd(format!("the client {} is listed twice", client.id())));
            }
            self.clients.push((self.arrived)(client));
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.clients.len()
    }

    /// The list without the global client, which counts in the total where the API does not filter.
    fn finish(mut self) -> Vec<Client> {
        self.clients.retain(|client| !client.is_global());
        self.clients
    }
}
