//! The Management API: reading a tenant's resources and updating one. A [`Reader`] can only read; the [`Writer`] made from it is
//! for the code that sends writes. Underneath, one transport gets the token, keeps to the tenant's rate limit and retries.

mod cache;
mod call;
mod error;
mod grant;
mod http;
mod list;
mod pace;
mod progress;
mod rate;
mod room;
mod secrets;
mod stop;
mod token;
mod transport;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::cost::Allowed;
use crate::kinds::{Field, Kind, Label, Shape};
use crate::resource::{ListChange, Patch, Resource, ResourceId};
use crate::settings::Connection;
use call::Call;
use list::Ask;
use transport::Transport;

pub use cache::TokenCache;
pub use error::{ApiError, Effect};
pub use list::PAGE;
pub use progress::Progress;
pub use secrets::Secrets;
pub use stop::Stop;

/// How long and how often the API is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// The longest that one request may take, answer included.
    pub timeout: Duration,
    /// How often a request is sent again after a network error or a 5xx answer, and how often after a 429.
    pub retries: usize,
    /// How many requests a second are sent at most; None keeps to the tenant's own limit alone.
    pub max_rate: Option<f64>,
    /// Where tokens are kept between runs; None keeps them in memory only.
    pub cache: Option<TokenCache>,
    /// Once a stop is asked for, a request that is on its way is finished, and no other is sent.
    pub stop: Stop,
    /// Learns how far a long read is, and what it waits for.
    pub progress: Progress,
    /// Learns every secret and token in use, so that whoever shows text can mask them.
    pub secrets: Secrets,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timeout: Duration::from_secs(30),
            retries: 6,
            max_rate: None,
            cache: None,
            stop: Stop::default(),
            progress: Progress::default(),
            secrets: Secrets::default(),
        }
    }
}

/// Which fields of a resource are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fields {
    /// Every field but the secret ones.
    All,
    /// These, and those that say what the resource is.
    Only(Vec<&'static str>),
}

impl Fields {
    /// The query parameters that ask for these fields.
    /// Source: <https://auth0.com/docs/api/management/v2/clients/get-clients>, `fields` and `include_fields`.
    fn query(&self, kind: &Kind) -> Vec<(&'static str, String)> {
        let (fields, include) = match self {
            _ if !kind.selects_fields() => return Vec::new(),
            Fields::All => (kind.secrets.join(","), "false"),
            Fields::Only(fields) => {
                let labels = match kind.label {
                    Label::Fields(labels) => labels,
                    Label::References(_) | Label::Always(_) => &[],
                };
                let own = kind.id_field().into_iter().chain(kind.left_out);
                let own: Vec<&str> = own.chain(labels.iter().copied()).collect();
                let others = fields.iter().copied().filter(|field| !own.contains(field));
                let all: Vec<&str> = own.iter().copied().chain(others).collect();
                (all.join(","), "true")
            }
        };
        vec![("fields", fields), ("include_fields", include.to_owned())]
    }
}

/// Reads a tenant. Cheap to clone; clones share the token, the connections and the pace.
#[derive(Debug, Clone)]
pub struct Reader(Arc<Transport>);

/// Updates a tenant's resources. Only the code that applies a plan has one.
#[derive(Debug, Clone)]
pub struct Writer(Arc<Transport>);

impl Reader {
    /// A reader for the tenant at `connection`. Nothing is sent until the first request is due.
    pub fn new(connection: Connection, options: Options) -> Reader {
        Reader(Arc::new(Transport::new(connection, options)))
    }

    /// The tenant's resources of a kind in the order of the API, less those that are not under version control.
    ///
    /// Up to 1,000 resources, pages are fetched side by side and checked; past that, or where the check fails, one after the
    /// other by checkpoints. Source: <https://auth0.com/docs/api/management/v2/clients/get-clients>.
    ///
    /// # Errors
    /// The API can't be reached, refuses, or answers with a list that is short, repeats a resource or is no list.
    pub async fn resources(
        &self,
        kind: &'static Kind,
        fields: &Fields,
    ) -> Result<Vec<Resource>, ApiError> {
        self.resources_as_they_arrive(kind, fields, |resource| resource)
            .await
    }

    /// The same, and `arrived` is called with each resource as its page comes in: what it answers is kept in the resource's
    /// place. It may see one a second time, where a list that makes no sense is read anew.
    ///
    /// # Errors
    /// As [`Reader::resources`].
    pub async fn resources_as_they_arrive(
        &self,
        kind: &'static Kind,
        fields: &Fields,
        mut arrived: impl FnMut(Resource) -> Resource + Send,
    ) -> Result<Vec<Resource>, ApiError> {
        list::resources(self.ask(kind, fields), &mut arrived).await
    }

    /// One resource; None where the tenant does not have it.
    /// Source: <https://auth0.com/docs/api/management/v2/clients/get-clients-by-id>.
    ///
    /// # Errors
    /// The API can't be reached, refuses for another reason, or answers with something that is no such resource.
    pub async fn resource(
        &self,
        id: &ResourceId,
        fields: &Fields,
    ) -> Result<Option<Resource>, ApiError> {
        resource(&self.0, id, fields).await
    }

    /// Those of these resources of a kind that the tenant has, in as few requests as possible: one each, or the list where that is
    /// cheaper. `known` is how many the tenant is known to have; a wrong number costs a request or two, and changes nothing else.
    ///
    /// # Errors
    /// As [`Reader::resource`] and [`Reader::resources`].
    pub async fn these(
        &self,
        kind: &'static Kind,
        ids: &[&ResourceId],
        known: usize,
        fields: &Fields,
    ) -> Result<Vec<Resource>, ApiError> {
        list::these(self.ask(kind, fields), ids, known).await
    }

    fn ask<'a>(&'a self, kind: &'static Kind, fields: &'a Fields) -> Ask<'a> {
        Ask {
            transport: &self.0,
            kind,
            fields,
        }
    }

    /// The domain that it reads, as it is shown and locked.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// The id of the client whose credentials are in use, as far as it is known.
    pub fn own_client(&self) -> Option<String> {
        self.0.own_client()
    }

    /// The identifier of the Management API that it works by.
    pub fn audience(&self) -> &str {
        self.0.audience()
    }

    /// A Management API access token for this tenant, from the cache where that has one that is good for a while.
    ///
    /// # Errors
    /// The token endpoint can't be reached or refuses the credentials.
    pub async fn access_token(&self) -> Result<SecretString, ApiError> {
        self.0.access_token().await
    }

    /// How long it takes until the tenant is done, as far as anybody can tell, with a request that nobody waits for any more: twice as
    /// long as an answer may take.
    pub fn settles_in(&self) -> Duration {
        2 * self.0.timeout()
    }

    /// How fast requests may go, as far as the answers so far tell.
    pub fn allowed(&self) -> Allowed {
        self.0.allowed()
    }

    /// A writer that shares this reader's token, connections and pace.
    pub fn writer(&self) -> Writer {
        Writer(Arc::clone(&self.0))
    }
}

impl Writer {
    /// Sends a patch to a resource and answers the whole updated one. Entries of a list that has a path of its own are added
    /// before others are removed, so that nobody is without what both have.
    /// Source: <https://auth0.com/docs/api/management/v2/clients/patch-clients-by-id>.
    ///
    /// # Errors
    /// The API can't be reached or refuses. A request that failed on the network may have had its effect all the same; it
    /// was sent again until an answer came or the retries ran out. Requests before it had theirs, which the error says.
    pub async fn update(&self, id: &ResourceId, patch: &Patch) -> Result<Resource, Unfinished> {
        let mut done = Done::default();
        let sent = self.send(id, patch, &mut done).await;
        let is_sent = sent.is_ok();
        let reads_again = id.kind().reads_again || patch.list().is_some();
        let again = match (sent, done.answered.take()) {
            (Ok(()), Some(answered)) if !reads_again => return Ok(answered),
            (Ok(()), answered) => (self.again(id).await, answered),
            (Err(error), answered) => (Err(error), answered),
        };
        let (error, answered) = match again {
            (Ok(resource), _) => return Ok(resource),
            (Err(error), answered) => (error, answered),
        };
        let is_something = done.is_list_begun || !done.fields.is_empty();
        let since = match is_something && !is_sent && !error.is_about_the_way() {
            true => self.again(id).await.ok(),
            false => None,
        };
        Err(Unfinished {
            error,
            sent: done.fields,
            since: since.or(answered),
        })
    }

    /// The requests of an update that write.
    async fn send(&self, id: &ResourceId, patch: &Patch, done: &mut Done) -> Result<(), ApiError> {
        if patch.iter().next().is_some() {
            let call = Call::new(Method::PATCH, path(id)).body(json!(patch));
            let answer = self.0.send(&call).await?.json(&call)?;
            done.answered = Some(whole_resource(&call, id, answer)?);
            done.fields.extend(patch.iter().map(|(field, _)| field));
        }
        let Some(ListChange {
            field,
            added,
            removed,
        }) = patch.list()
        else {
            return Ok(());
        };
        for (method, entries) in [(Method::POST, added), (Method::DELETE, removed)] {
            for entries in entries.chunks(list::PAGE) {
                let mut path = path(id);
                path.push(field.name().to_owned());
                let call = Call::new(method.clone(), path).body(json!({ field.name(): entries }));
                self.0.send(&call).await?;
                done.is_list_begun = true;
            }
        }
        done.fields.push(*field);
        Ok(())
    }

    /// How many requests [`Writer::update`] sends for this, where nothing goes wrong.
    pub fn requests(id: &ResourceId, patch: &Patch) -> usize {
        let patches = usize::from(patch.iter().next().is_some());
        let lists = patch.list().map_or(0, |change| {
            [&change.added, &change.removed]
                .map(|entries| entries.len().div_ceil(list::PAGE))
                .iter()
                .sum()
        });
        let is_read_again = id.kind().reads_again || patch.list().is_some();
        let sub_list = id.kind().collection();
        let sub_list = sub_list.is_some_and(|collection| collection.sub_list.is_some());
        patches + lists + usize::from(is_read_again) * (1 + usize::from(sub_list))
    }

    /// The resource as it is after an update.
    async fn again(&self, id: &ResourceId) -> Result<Resource, ApiError> {
        let call = Call::new(Method::GET, path(id));
        let again = resource(&self.0, id, &Fields::All).await?;
        again.ok_or_else(|| call.odd_answer("it is gone right after its update".to_owned()))
    }
}

/// What of an update went through.
#[derive(Default)]
struct Done {
    /// What was answered to the fields that were sent together.
    answered: Option<Resource>,
    /// The fields that were sent.
    fields: Vec<Field>,
    /// Whether entries were added to a list that has a path of its own, or removed from it.
    is_list_begun: bool,
}

/// An update of which not every request went through.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Unfinished {
    /// What became of the request that failed.
    pub error: ApiError,
    /// The fields that the requests before it sent.
    pub sent: Vec<Field>,
    /// The resource since, as far as it is known; None where no request went through.
    pub since: Option<Resource>,
}

impl Writer {
    /// Makes a resource of these fields and answers the whole of it. The request is sent once: only what the rate limit refused is
    /// sent again, which had no effect. A list that has a path of its own is not sent.
    /// Source: <https://auth0.com/docs/api/management/v2/clients/post-clients>.
    ///
    /// # Errors
    /// The API can't be reached or refuses. [`ApiError::effect`] says whether the resource may have been made all the same.
    pub async fn create(
        &self,
        kind: &'static Kind,
        fields: &Map<String, Value>,
    ) -> Result<Resource, ApiError> {
        let call = Call::new(Method::POST, vec![kind.name.to_owned()])
            .body(json!(fields))
            .once();
        let answer: Map<String, Value> = self.0.send(&call).await?.json(&call)?;
        let made = Resource::new(kind, answer).ok_or_else(|| {
            let field = kind.id_field().unwrap_or_default();
            call.odd_answer(format!("it has no `{field}` that can be one"))
        })?;
        let has_list = kind
            .collection()
            .is_some_and(|collection| collection.sub_list.is_some());
        if !kind.reads_again && !has_list {
            return Ok(made);
        }
        // Whatever becomes of the second look, the resource was made.
        let again = resource(&self.0, made.id(), &Fields::All).await;
        Ok(again.ok().flatten().unwrap_or(made))
    }
}

/// An id is opaque text: it is one segment of the path, whatever is in it.
fn path(id: &ResourceId) -> Vec<String> {
    match &id.kind().shape {
        Shape::Many(_) => vec![id.kind().name.to_owned(), id.as_str().to_owned()],
        Shape::One { path, .. } => path.iter().map(|segment| (*segment).to_owned()).collect(),
    }
}

/// See [`Reader::resource`].
async fn resource(
    transport: &Transport,
    id: &ResourceId,
    fields: &Fields,
) -> Result<Option<Resource>, ApiError> {
    let call = Call::new(Method::GET, path(id)).query(fields.query(id.kind()));
    match transport.send(&call).await {
        Ok(answer) => {
            let found = whole_resource(&call, id, answer.json(&call)?)?;
            list::with_list(transport, found).await.map(Some)
        }
        Err(error) if error.is_inexistent(id.kind()) && id.kind().only().is_none() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The resource that an answer is about, which has to be the one that was asked about.
fn whole_resource(
    call: &Call,
    id: &ResourceId,
    fields: Map<String, Value>,
) -> Result<Resource, ApiError> {
    let kind = id.kind();
    match Resource::new(kind, fields) {
        None => {
            let field = kind.id_field().unwrap_or_default();
            Err(call.odd_answer(format!("it has no `{field}` that can be one")))
        }
        Some(other) if other.id() != id => {
            Err(call.odd_answer(format!("it is about the {} {}", kind.singular, other.id())))
        }
        Some(resource) => Ok(resource),
    }
}
