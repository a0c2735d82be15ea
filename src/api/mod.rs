//! The Management API: reading a tenant's clients and updating one. A [`Reader`] can only read; the [`Writer`] made from it is
//! for the code that sends writes. Underneath, one transport gets the token, keeps to the tenant's rate limit and retries.

mod cache;
mod call;
mod error;
mod grant;
mod http;
mod list;
mod pace;
mod progress;
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
use serde_json::{Map, Value};

use crate::client::{CLIENT_ID, Client, ClientId, Field, Patch, SECRET_FIELDS};
use crate::settings::Connection;
use call::Call;
use transport::Transport;

pub use cache::TokenCache;
pub use error::ApiError;
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
    /// Where tokens are kept between runs; None keeps them in memory only.
    pub cache: Option<TokenCache>,
    /// When wished, a request that is on its way is finished, and no other is sent.
    pub stop: Stop,
    /// Is told how far a long read is, and of waits.
    pub progress: Progress,
    /// Learns every secret and token in use, so that whoever shows text can mask them.
    pub secrets: Secrets,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timeout: Duration::from_secs(30),
            retries: 6,
            cache: None,
            stop: Stop::default(),
            progress: Progress::default(),
            secrets: Secrets::default(),
        }
    }
}

/// Which fields of a client are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// Every field but the secret ones.
    All,
    /// The id and the updatable fields.
    Updatable,
}

impl Fields {
    /// The query parameters that ask for these fields.
    /// Source: <https://auth0.com/docs/api/management/v2/clients/get-clients>, `fields` and `include_fields`.
    fn query(self) -> [(&'static str, String); 2] {
        let (fields, include) = match self {
            Fields::All => (SECRET_FIELDS.join(","), "false"),
            Fields::Updatable => {
                let updatable = Field::ALL.map(Field::name).join(",");
                (format!("{CLIENT_ID},global,{updatable}"), "true")
            }
        };
        [("fields", fields), ("include_fields", include.to_owned())]
    }
}

/// Reads a tenant. Cheap to clone; clones share the token, the connections and the pace.
#[derive(Debug, Clone)]
pub struct Reader(Arc<Transport>);

/// Updates a tenant's clients. Only the code that applies a plan has one.
#[derive(Debug, Clone)]
pub struct Writer(Arc<Transport>);

impl Reader {
    /// A reader for the tenant at `connection`. Nothing is sent until the first request is due.
    pub fn new(connection: Connection, options: Options) -> Reader {
        Reader(Arc::new(Transport::new(connection, options)))
    }

    /// The tenant's clients in the order of the API, less the legacy global client.
    ///
    /// Up to 1,000 clients, pages are fetched side by side and checked; past that, or where the check fails, one after the
    /// other by checkpoints. Source: <https://auth0.com/docs/api/management/v2/clients/get-clients>.
    ///
    /// # Errors
    /// The API can't be reached, refuses, or answers with a list that is short, repeats a client or is no list.
    pub async fn clients(&self, fields: Fields) -> Result<Vec<Client>, ApiError> {
        self.clients_as_they_arrive(fields, |client| client).await
    }

    /// The same, and `arrived` is called with each client as its page comes in: what it answers is kept in the client's
    /// place. It may see a client a second time, where a list that makes no sense is read anew.
    ///
    /// # Errors
    /// As [`Reader::clients`].
    pub async fn clients_as_they_arrive(
        &self,
        fields: Fields,
        mut arrived: impl FnMut(Client) -> Client + Send,
    ) -> Result<Vec<Client>, ApiError> {
        list::clients(&self.0, fields, &mut arrived).await
    }

    /// One client; None where the tenant does not have it.
    /// Source: <https://auth0.com/docs/api/management/v2/clients/get-clients-by-id>.
    ///
    /// # Errors
    /// The API can't be reached, refuses for another reason, or answers with something that is no client.
    pub async fn client(&self, id: &ClientId, fields: Fields) -> Result<Option<Client>, ApiError> {
        client(&self.0, id, fields).await
    }

    /// Those of these clients that the tenant has, in as few requests as possible: one each, or the list where that is cheaper.
    /// `known` is how many clients the tenant is known to have; a wrong number costs a request or two, and changes nothing else.
    ///
    /// # Errors
    /// As [`Reader::client`] and [`Reader::clients`].
    pub async fn these_clients(
        &self,
        ids: &[&ClientId],
        known: usize,
        fields: Fields,
    ) -> Result<Vec<Client>, ApiError> {
        list::these(&self.0, ids, known, fields).await
    }

    /// The domain that it reads, as it is shown and locked.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// A Management API access token for this tenant, from the cache where that has one that is good for a while.
    ///
    /// # Errors
    /// The token endpoint can't be reached or refuses the credentials.
    pub async fn access_token(&self) -> Result<SecretString, ApiError> {
        self.0.access_token().await
    }

    /// A writer that shares this reader's token, connections and pace.
    pub fn writer(&self) -> Writer {
        Writer(Arc::clone(&self.0))
    }
}

impl Writer {
    /// Sends a patch to a client and answers the whole updated client.
    /// Source: <https://auth0.com/docs/api/management/v2/clients/patch-clients-by-id>.
    ///
    /// # Errors
    /// The API can't be reached or refuses. A request that failed on the network may have had its effect all the same; it
    /// was sent again until an answer came or the retries ran out.
    pub async fn update(&self, id: &ClientId, patch: &Patch) -> Result<Client, ApiError> {
        let call = Call::new(Method::PATCH, client_path(id)).body(patch);
        whole_client(&call, id, self.0.send(&call).await?.json(&call)?)
    }
}

/// An id is opaque text: it is one segment of the path, whatever is in it.
fn client_path(id: &ClientId) -> Vec<String> {
    vec!["clients".to_owned(), id.as_str().to_owned()]
}

/// See [`Reader::client`].
async fn client(
    transport: &Transport,
    id: &ClientId,
    fields: Fields,
) -> Result<Option<Client>, ApiError> {
    let call = Call::new(Method::GET, client_path(id)).query(fields.query());
    match transport.send(&call).await {
        Ok(answer) => whole_client(&call, id, answer.json(&call)?).map(Some),
        Err(error) if error.is_inexistent_client() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The client that an answer is about, which has to be the one that was asked about.
fn whole_client(
    call: &Call,
    id: &ClientId,
    fields: Map<String, Value>,
) -> Result<Client, ApiError> {
    match Client::new(fields) {
        None => Err(call.odd_answer("it has no `client_id` that can be one".to_owned())),
        Some(client) if client.id() != id => {
            Err(call.odd_answer(format!("it is about the client {}", client.id())))
        }
        Some(client) => Ok(client),
    }
}
