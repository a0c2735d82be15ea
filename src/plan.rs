//! Clients on three sides → the plan: what diff shows and push applies. Pure data from a pure function; it knows nothing of
//! files, requests or rendering.

use serde_json::{Map, Value};

use crate::base::{BaseFrom, ClientBase};
use crate::client::{CLIENT_ID, Client, ClientId, Field, InvalidValue, Patch};
use crate::three_way::{Base, three_way};

pub use crate::three_way::Change;

/// Whose files and whose live values a plan compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's name, as given with `--tenant`.
    pub name: Option<String>,
    /// The domain it is reached at.
    pub domain: String,
}

/// Everything that differs between a tenant's files and the live tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The tenant compared.
    pub tenant: Tenant,
    /// Where base comes from.
    pub base: BaseFrom,
    /// The clients that differ, by file, then id.
    pub clients: Vec<ClientPlan>,
}

/// One client that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPlan {
    /// The client's id.
    pub id: ClientId,
    /// Its name: live's, or the file's where the client is gone.
    pub name: String,
    /// Its file, relative to the tenant directory; None where it has none.
    pub file: Option<String>,
    /// Which sides have it.
    pub state: State,
    /// The fields that differ, in file order; empty unless the state is `Changed`.
    pub fields: Vec<FieldPlan>,
}

/// Which sides have a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Both, and they differ.
    Changed,
    /// The tenant has it, no file does.
    LiveOnly,
    /// A file has it, the tenant does not.
    FileOnly,
}

/// One field that differs. An absent value is None.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPlan {
    /// The field's name.
    pub field: String,
    /// What happened to it.
    pub change: Change,
    /// What is known of its base.
    pub base: Base<Value>,
    /// Its value in the file.
    pub local: Option<Value>,
    /// Its value on the tenant.
    pub live: Option<Value>,
}

/// One client on its three sides.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// The client's id.
    pub id: &'a ClientId,
    /// Its file's path and fields.
    pub local: Option<(&'a str, &'a Map<String, Value>)>,
    /// Its base; None where file and tenant were never in step.
    pub base: Option<ClientBase<'a>>,
    /// What the API answered.
    pub live: Live<'a>,
}

/// How much of a client was read from the API.
#[derive(Debug, Clone, Copy)]
pub enum Live<'a> {
    /// Every field but secrets.
    Whole(&'a Client),
    /// The updatable fields only: nothing is said about others.
    Updatable(&'a Client),
    /// It was looked for, and the tenant does not have it.
    Gone,
}

impl Plan {
    /// Compares clients. Those that do not differ are not in the plan.
    pub fn new<'a>(
        tenant: Tenant,
        base: BaseFrom,
        clients: impl IntoIterator<Item = Sides<'a>>,
    ) -> Plan {
        let mut clients: Vec<ClientPlan> = clients.into_iter().filter_map(compare).collect();
        clients.sort_by(|a, b| (&a.file, &a.id).cmp(&(&b.file, &b.id)));
        Plan {
            tenant,
            base,
            clients,
        }
    }

    /// The plan of a push that makes the tenant equal the files: what drifted or conflicts is an edit too. A field that the file
    /// does not have is not managed, even when it drifted.
    #[must_use]
    pub fn overwriting_drift(mut self) -> Plan {
        for field in self
            .clients
            .iter_mut()
            .flat_map(|client| &mut client.fields)
        {
            if matches!(field.change, Change::Drift | Change::Conflict) && field.local.is_some() {
                field.change = Change::Edit;
            }
        }
        self
    }

    /// The same plan, of these fields only.
    #[must_use]
    pub fn narrowed(mut self, fields: &[Field]) -> Plan {
        let is_named = |field: &FieldPlan| {
            let field = Field::from_name(&field.field);
            field.is_some_and(|field| fields.contains(&field))
        };
        for client in &mut self.clients {
            client.fields.retain(is_named);
        }
        self.clients
            .retain(|client| client.state != State::Changed || !client.fields.is_empty());
        self
    }

    /// How many fields that happened to.
    pub fn count(&self, change: Change) -> usize {
        self.clients
            .iter()
            .map(|client| {
                client
                    .fields
                    .iter()
                    .filter(|field| field.change == change)
                    .count()
            })
            .sum()
    }

    /// How many fields have an edit that widens access or breaks logins at once.
    pub fn count_risks(&self) -> usize {
        let fields = self.clients.iter().flat_map(|client| &client.fields);
        fields.filter(|field| field.risk().is_some()).count()
    }

    /// How many clients have that state.
    pub fn count_clients(&self, state: State) -> usize {
        self.clients
            .iter()
            .filter(|client| client.state == state)
            .count()
    }
}

impl FieldPlan {
    /// Whether an edit takes back what the tenant changed, or may do so, since nobody knows base.
    pub fn overwrites(&self) -> bool {
        let is_base = match &self.base {
            Base::NoBase => true,
            Base::Unknown => false,
            Base::Absent => self.live.is_none(),
            Base::Is(base) => self.live.as_ref() == Some(base),
        };
        self.change == Change::Edit && !is_base
    }

    /// What an edit does at once to who may log in where, in a sentence; None where it does nothing of the kind.
    pub fn risk(&self) -> Option<&'static str> {
        let is_sent = matches!(self.change, Change::Edit | Change::Conflict);
        let empties = self.field == Field::AllowedClients.name()
            && self
                .local
                .as_ref()
                .and_then(Value::as_array)
                .is_some_and(Vec::is_empty);
        (is_sent && empties).then_some("an empty list lets every client of the tenant delegate")
    }
}

impl ClientPlan {
    /// What messages call it: its file, or its id where it has none.
    pub fn label(&self) -> &str {
        self.file.as_deref().unwrap_or(self.id.as_str())
    }

    /// What a push sends for this client: its edits. None when there are none.
    ///
    /// # Errors
    /// A value in the file is not one that the API accepts.
    pub fn patch(&self) -> Result<Option<Patch>, InvalidValue> {
        let mut patch: Option<Patch> = None;
        let fields = self.fields.iter();
        for FieldPlan { field, local, .. } in fields.filter(|field| field.change == Change::Edit) {
            if let (Some(field), Some(local)) = (Field::from_name(field), local) {
                patch = Some(match patch {
                    Some(patch) => patch.and(field, local.clone())?,
                    None => Patch::set(field, local.clone())?,
                });
            }
        }
        Ok(patch)
    }
}

/// Whether a file may have anything to send in these fields: a value that differs from base, or no base to compare with.
pub fn may_be_edited(
    local: &Map<String, Value>,
    base: Option<ClientBase<'_>>,
    fields: &[Field],
) -> bool {
    base.is_none_or(|base| {
        fields.iter().any(|field| {
            let local = field.of(local);
            local.is_some_and(|local| base.may_differ(*field, local))
        })
    })
}

/// The base of a field of a client, for a tenant at which it has this value.
pub fn base_of<'a>(
    base: Option<ClientBase<'a>>,
    field: Field,
    live: Option<&Value>,
) -> Base<&'a Value> {
    base.map_or(Base::NoBase, |base| base.field(field, live))
}

/// One client's differences; None if there are none.
fn compare(sides: Sides<'_>) -> Option<ClientPlan> {
    let (live, whole) = match sides.live {
        Live::Whole(client) => (Some(client), true),
        Live::Updatable(client) => (Some(client), false),
        Live::Gone => (None, false),
    };
    let (state, fields) = match (sides.local, live) {
        (None, None) => return None,
        (None, Some(_)) => (State::LiveOnly, Vec::new()),
        (Some(_), None) => (State::FileOnly, Vec::new()),
        // What both sides share needs no comparison.
        (Some((_, local)), Some(live)) if std::ptr::eq(local, live.fields()) => return None,
        (Some((_, local)), Some(live)) => {
            let mut fields = updatable(sides.base, local, live);
            if whole {
                fields.extend(unmanaged(sides.base.is_some(), local, live));
            }
            if fields.is_empty() {
                return None;
            }
            (State::Changed, fields)
        }
    };
    let file_name = || sides.local?.1.get(Field::Name.name())?.as_str();
    let name = live.map(Client::name).or_else(file_name);
    Some(ClientPlan {
        id: sides.id.clone(),
        name: name.unwrap_or(sides.id.as_str()).to_owned(),
        file: sides.local.map(|(file, _)| file.to_owned()),
        state,
        fields,
    })
}

fn updatable(
    base: Option<ClientBase<'_>>,
    local: &Map<String, Value>,
    live: &Client,
) -> Vec<FieldPlan> {
    let differs = |field: Field| {
        let (local, live) = (field.of(local), field.of(live.fields()));
        let base = base_of(base, field, live);
        // A field that the file leaves out is nobody's business.
        let change = three_way(base, local, live).filter(|change| *change != Change::Unmanaged)?;
        Some(FieldPlan {
            field: field.name().to_owned(),
            change,
            base: base.cloned(),
            local: local.cloned(),
            live: live.cloned(),
        })
    };
    Field::ALL.into_iter().filter_map(differs).collect()
}

/// A pulled file has every field, so one that it lacks is a difference; a hand-written file has only what its author cares
/// about.
fn unmanaged(pulled: bool, local: &Map<String, Value>, live: &Client) -> Vec<FieldPlan> {
    let mut differing = Vec::new();
    let mut in_both = 0;
    for (name, live) in live.fields() {
        let local = local.get(name);
        in_both += usize::from(local.is_some());
        if local != Some(live) && (pulled || local.is_some()) {
            differing.push((name, local, Some(live)));
        }
    }
    // What both have was counted, so most files need no second look.
    if in_both < local.len() {
        let only_local = local.iter();
        let only_local = only_local.filter(|(name, _)| !live.fields().contains_key(*name));
        differing.extend(only_local.map(|(name, local)| (name, Some(local), None)));
    }
    differing.retain(|(name, ..)| *name != CLIENT_ID && Field::from_name(name).is_none());
    differing.sort_by_key(|(name, ..)| *name);
    differing
        .into_iter()
        .map(|(name, local, live)| FieldPlan {
            field: name.clone(),
            change: Change::Unmanaged,
            base: Base::Unknown,
            local: local.cloned(),
            live: live.cloned(),
        })
        .collect()
}
