//! What a sandbox is to be: its resources, whom it lets in, how strict, slow and faulty it is.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::faults::{FaultRule, Faults};
use super::kinds::{self, clients};
use super::rate::Bucket;
use super::store::{Resources, Store};
use super::tenant::Tenant;
use super::tokens::Authority;
use super::{Sandbox, SandboxError, known, object, seed, server};

/// A sandbox that has not started yet. By default it is an empty tenant on a free port, without limits or faults.
#[derive(Debug, Clone)]
pub struct Builder {
    resources: Resources,
    state_file: Option<PathBuf>,
    port: u16,
    authority: Authority,
    latency: Duration,
    rate: Option<(f64, u32)>,
    retry_after: bool,
    page_cap: usize,
    trouble: Option<(u8, u64)>,
    faults: Vec<FaultRule>,
    shuffle: Option<u64>,
    not_included: Vec<&'static str>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            resources: Resources::new(),
            state_file: None,
            port: 0,
            authority: Authority {
                client_id: "sandbox".to_owned(),
                client_secret: "sandbox-secret-of-the-sandbox-itself".to_owned(),
                assertion_key: None,
                scopes: kinds::scopes(),
                audience: None,
                granted: true,
                lifetime: Duration::from_secs(86_400),
            },
            latency: Duration::ZERO,
            rate: None,
            retry_after: true,
            page_cap: usize::MAX,
            trouble: None,
            faults: Vec::new(),
            shuffle: None,
            not_included: Vec::new(),
        }
    }
}

impl Builder {
    /// Adds a client, exactly as given. One without a `client_id` gets one; one whose id is there already replaces it.
    pub fn client(self, client: Value) -> Builder {
        self.resource(clients::KIND.name, client)
    }

    /// Adds clients, exactly as given.
    pub fn clients(self, clients: impl IntoIterator<Item = Value>) -> Builder {
        let name = clients::KIND.name;
        clients
            .into_iter()
            .fold(self, |builder, client| builder.resource(name, client))
    }

    /// Adds a resource of a kind, exactly as given; what there is one of is replaced. Kinds are named as the API's paths do, except
    /// for `tenant-settings`.
    pub fn resource(mut self, kind: &str, resource: Value) -> Builder {
        if let Some(kind) = known(kind) {
            self.resources
                .entry(kind.name)
                .or_default()
                .push(object(resource));
        }
        self
    }

    /// Adds the built-in tenant of that name: twelve clients that refer to one another, and the legacy global one.
    /// `sandbox-dev` and `sandbox-prod` are the same applications under ids of their own, prod a few settings behind; `sandbox-empty`
    /// has what every tenant has and nothing else; every other name is the tenant "acme".
    pub fn seed(mut self, name: &str) -> Builder {
        for (kind, resources) in seed::built_in(name) {
            self.resources.entry(kind).or_default().extend(resources);
        }
        self
    }

    /// Adds that many plausible clients, the same ones each time.
    pub fn generated(self, count: usize) -> Builder {
        self.clients(seed::generated(count).into_iter().map(Value::Object))
    }

    /// Keeps the tenant in that file: read if it exists (then the builder's own resources are not used), and written after
    /// every change, without secrets.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Builder {
        self.state_file = Some(path.into());
        self
    }

    /// Listens on that port; 0, the default, is a free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.port = port;
        self
    }

    /// The client id and secret that the token endpoint accepts.
    pub fn credentials(mut self, id: &str, secret: &str) -> Builder {
        self.authority.client_id = id.to_owned();
        self.authority.client_secret = secret.to_owned();
        self
    }

    /// Client assertions have to be signed (RS256) with the private half of this RSA key (PKCS#1 DER). By default, an
    /// assertion's claims are checked and its signature is not.
    pub fn assertion_key(mut self, der: Vec<u8>) -> Builder {
        self.authority.assertion_key = Some(der);
        self
    }

    /// What issued tokens may do; by default, read, create, update and delete whatever there is.
    pub fn scopes(mut self, scopes: &[&str]) -> Builder {
        self.authority.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self
    }

    /// The one API identifier there is; by default, whatever ends in `/api/v2/`.
    pub fn audience(mut self, audience: impl Into<String>) -> Builder {
        self.authority.audience = Some(audience.into());
        self
    }

    /// The application is not authorized for the API: token requests answer 403.
    pub fn unauthorized(mut self) -> Builder {
        self.authority.granted = false;
        self
    }

    /// How many seconds a token lives; 0 issues tokens that have expired already. By default, a day.
    pub fn token_lifetime(mut self, seconds: u64) -> Builder {
        self.authority.lifetime = Duration::from_secs(seconds);
        self
    }

    /// Waits that long before each answer.
    pub fn latency(mut self, latency: Duration) -> Builder {
        self.latency = latency;
        self
    }

    /// Limits the rate of requests to the API (not to the token endpoint): `burst` at once, `per_second` sustained. Past
    /// it, 429.
    pub fn rate(mut self, per_second: f64, burst: u32) -> Builder {
        self.rate = Some((per_second, burst));
        self
    }

    /// Whether a 429 of the rate limit says `retry-after`; by default it does.
    pub fn retry_after(mut self, says: bool) -> Builder {
        self.retry_after = says;
        self
    }

    /// Serves at most that many resources per page, whatever is asked for.
    pub fn page_cap(mut self, resources: usize) -> Builder {
        self.page_cap = resources.max(1);
        self
    }

    /// That share of the requests to the API answers 500 or 503, half of them before and half after having done what was
    /// asked; which ones follows from the seed.
    pub fn fail_percent(mut self, percent: u8, seed: u64) -> Builder {
        self.trouble = Some((percent, seed));
        self
    }

    /// Adds faults.
    #[doc(hidden)]
    pub fn faults<F: Into<FaultRule>>(mut self, faults: impl IntoIterator<Item = F>) -> Builder {
        self.faults.extend(faults.into_iter().map(Into::into));
        self
    }

    /// Lists resources in another order, which follows from the seed.
    pub fn shuffle(mut self, seed: u64) -> Builder {
        self.shuffle = Some(seed);
        self
    }

    /// The tenant's plan does not include that kind: every request for it answers 403 `insufficient_entitlement`.
    pub fn not_included(mut self, kind: &str) -> Builder {
        self.not_included.extend(known(kind).map(|kind| kind.name));
        self
    }

    /// Starts it; when this returns, requests are answered. It may be called with or without an async runtime around.
    ///
    /// # Errors
    /// The port can't be used, the state file is broken or can't be written, or there is no thread to be had.
    pub fn start(self) -> Result<Sandbox, SandboxError> {
        let listen = |error| SandboxError::Listen {
            port: self.port,
            error,
        };
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).map_err(listen)?;
        let port = socket.local_addr().map_err(listen)?.port();
        let resources = self.resources;
        let (client_id, scopes) = (&self.authority.client_id, &self.authority.scopes);
        let store = Store::open(self.state_file, self.shuffle, || {
            seed::with_access(resources, client_id, scopes)
        })?;
        let tenant = Tenant {
            authority: self.authority,
            port,
            latency: self.latency,
            page_cap: self.page_cap,
            retry_after: self.retry_after,
            not_included: self.not_included,
            store: Mutex::new(store),
            tokens: Mutex::default(),
            journal: Mutex::default(),
            faults: Mutex::new(Faults::new(self.faults, self.trouble)),
            bucket: Mutex::new(self.rate.map(|(rate, burst)| Bucket::new(rate, burst))),
            connections: AtomicUsize::new(0),
        };
        server::start(socket, Arc::new(tenant))
    }
}
