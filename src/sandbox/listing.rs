//! Reading: what a query string asks for, and the page of clients that answers it. Pure: the query and the clients come
//! in, JSON or a refusal comes out.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::answer::Refusal;
use super::secrets;

/// Offset paging ends here; past it, the API wants checkpoint paging.
const OFFSET_END: usize = 1_000;

const DEFAULT_PAGE: usize = 50;
const LARGEST_PAGE: usize = 100;

const ONE: [&str; 2] = ["fields", "include_fields"];
const LIST: [&str; 12] = [
    "fields",
    "include_fields",
    "page",
    "per_page",
    "include_totals",
    "from",
    "take",
    "is_global",
    "is_first_party",
    "app_type",
    "external_client_id",
    "q",
];

/// Which fields of a client are answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Selection {
    names: Vec<String>,
    include: bool,
}

impl Selection {
    /// Reads the query of a request for one client.
    ///
    /// # Errors
    /// 400 `invalid_query_string`.
    pub fn parse(query: &str) -> Result<Selection, Refusal> {
        Selection::of(&Query::parse(query, &ONE)?)
    }

    fn of(query: &Query) -> Result<Selection, Refusal> {
        let include = query.boolean("include_fields")?.unwrap_or(true);
        let names = match query.text("fields") {
            None | Some("") => Vec::new(),
            Some(fields) => fields
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect(),
        };
        Ok(Selection { names, include })
    }

    /// The client as it is answered: with made-up secrets, less what was not asked for.
    pub fn answer(&self, client: &Map<String, Value>) -> Value {
        let mut answer = secrets::with_secrets(client);
        if !self.names.is_empty() {
            answer.retain(|name, _| self.names.contains(name) == self.include);
        }
        Value::Object(answer)
    }
}

/// What a request for the list asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListQuery {
    selection: Selection,
    paging: Paging,
    is_global: Option<bool>,
    is_first_party: Option<bool>,
    app_types: Option<Vec<String>>,
    external_client_id: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Paging {
    Offset {
        page: usize,
        per_page: usize,
        totals: bool,
    },
    Checkpoint {
        /// The key of the last client of the page before.
        after: Option<u64>,
        take: usize,
    },
}

impl ListQuery {
    /// Reads the query of a request for the list.
    ///
    /// # Errors
    /// 400 `invalid_query_string` or `invalid_paging`.
    pub fn parse(query: &str) -> Result<ListQuery, Refusal> {
        let query = Query::parse(query, &LIST)?;
        if query.text("q").is_some() {
            return Err(Refusal::bad_query(
                "'The sandbox has no client grants to query'",
            ));
        }
        let page = query.integer("page", 0, usize::MAX)?;
        let per_page = query.integer("per_page", 0, LARGEST_PAGE)?;
        let totals = query.boolean("include_totals")?;
        let take = query.integer("take", 1, LARGEST_PAGE)?;
        let from = query.text("from");
        let offset = page.is_some() || per_page.is_some() || totals == Some(true);
        let paging = match (from.is_some() || take.is_some(), offset) {
            (true, true) => {
                return Err(Refusal::bad_query(
                    "'Cannot use page, per_page or include_totals together with from or take'",
                ));
            }
            (true, false) => Paging::Checkpoint {
                after: from.map(read_checkpoint).transpose()?,
                take: take.unwrap_or(DEFAULT_PAGE),
            },
            (false, _) => Paging::Offset {
                page: page.unwrap_or(0),
                per_page: per_page.unwrap_or(DEFAULT_PAGE),
                totals: totals.unwrap_or(false),
            },
        };
        if let Paging::Offset { page, per_page, .. } = paging
            && page.saturating_add(1).saturating_mul(per_page) > OFFSET_END
        {
            return Err(Refusal::bad_request(
                "invalid_paging",
                &format!(
                    "Requesting page {page} exceeds the allowed maximum of {OFFSET_END} records. To fetch results beyond {OFFSET_END}, use the checkpoint pagination method."
                ),
            ));
        }
        Ok(ListQuery {
            selection: Selection::of(&query)?,
            paging,
            is_global: query.boolean("is_global")?,
            is_first_party: query.boolean("is_first_party")?,
            app_types: query
                .text("app_type")
                .map(|types| types.split(',').map(str::to_owned).collect()),
            external_client_id: query.text("external_client_id").map(str::to_owned),
        })
    }

    /// The answer's body. `clients` are all of the tenant's, each with a key that grows along the list; `cap` is the most
    /// that a page holds, whatever was asked for.
    pub fn answer(&self, clients: &[(u64, &Map<String, Value>)], cap: usize) -> Value {
        let matching: Vec<_> = clients
            .iter()
            .filter(|(_, client)| self.matches(client))
            .collect();
        match self.paging {
            Paging::Offset {
                page,
                per_page,
                totals,
            } => {
                let limit = per_page.min(cap);
                let start = page.saturating_mul(limit);
                let page: Vec<Value> = matching
                    .iter()
                    .skip(start)
                    .take(limit)
                    .map(|(_, client)| self.selection.answer(client))
                    .collect();
                if totals {
                    json!({ "start": start, "limit": limit, "total": matching.len(), "clients": page })
                } else {
                    Value::Array(page)
                }
            }
            Paging::Checkpoint { after, take } => {
                let rest: Vec<_> = matching
                    .iter()
                    .filter(|(key, _)| after.is_none_or(|after| *key > after))
                    .collect();
                let page = &rest[..rest.len().min(take.min(cap))];
                let clients: Vec<Value> = page
                    .iter()
                    .map(|(_, client)| self.selection.answer(client))
                    .collect();
                match page.last() {
                    Some((key, _)) if page.len() < rest.len() => {
                        json!({ "next": checkpoint(*key), "clients": clients })
                    }
                    _ => json!({ "clients": clients }),
                }
            }
        }
    }

    fn matches(&self, client: &Map<String, Value>) -> bool {
        let is = |field: &str, wanted: Option<bool>| {
            wanted.is_none_or(|wanted| {
                client.get(field).and_then(Value::as_bool).unwrap_or(false) == wanted
            })
        };
        let text = |field: &str| client.get(field).and_then(Value::as_str);
        is("global", self.is_global)
            && is("is_first_party", self.is_first_party)
            && self.app_types.as_ref().is_none_or(|types| {
                text("app_type").is_some_and(|is| types.iter().any(|wanted| wanted == is))
            })
            && self
                .external_client_id
                .as_deref()
                .is_none_or(|wanted| text("external_client_id") == Some(wanted))
    }
}

fn checkpoint(key: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("after:{key}"))
}

fn read_checkpoint(from: &str) -> Result<u64, Refusal> {
    URL_SAFE_NO_PAD
        .decode(from)
        .ok()
        .and_then(|bytes| {
            let text = String::from_utf8(bytes).ok()?;
            text.strip_prefix("after:")?.parse().ok()
        })
        .ok_or_else(|| Refusal::bad_query("'Invalid checkpoint' on property from"))
}

/// A query string's parameters, each known and given once.
struct Query(BTreeMap<String, String>);

impl Query {
    fn parse(query: &str, known: &[&str]) -> Result<Query, Refusal> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&name.as_ref()) {
                return Err(Refusal::bad_query(&format!(
                    "'Additional properties not allowed: {name}'"
                )));
            }
            if parameters
                .insert(name.clone().into_owned(), value.into_owned())
                .is_some()
            {
                return Err(Refusal::bad_query(&format!(
                    "'Expected one value but found an array' on property {name}"
                )));
            }
        }
        Ok(Query(parameters))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Refusal::bad_query(&format!(
                "'Expected type boolean but found type string' on property {name}"
            ))),
        }
    }

    fn integer(&self, name: &str, min: usize, max: usize) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let outside = |problem: &str, bound: usize| {
            Err(Refusal::bad_query(&format!(
                "'Value {text} is {problem} {bound}' on property {name}"
            )))
        };
        match text.parse::<i64>() {
            Err(_) => Err(Refusal::bad_query(&format!(
                "'Expected type integer but found type string' on property {name}"
            ))),
            Ok(number) => match usize::try_from(number) {
                Ok(number) if number > max => outside("greater than maximum", max),
                Ok(number) if number >= min => Ok(Some(number)),
                _ => outside("less than minimum", min),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(count: u64) -> Vec<Map<String, Value>> {
        (0..count)
            .map(|n| {
                let client = json!({"client_id": n.to_string(), "global": n == 3, "app_type": if n % 2 == 0 { "spa" } else { "native" }});
                client.as_object().cloned().unwrap()
            })
            .collect()
    }

    /// The answer to that query, each client shown by its id.
    fn list(query: &str, count: u64, cap: usize) -> Value {
        let clients = tenant(count);
        let keyed: Vec<_> = (0..).zip(clients.iter()).collect();
        let query = match query {
            "" => "fields=client_id".to_owned(),
            query => format!("{query}&fields=client_id"),
        };
        let mut answer = ListQuery::parse(&query).unwrap().answer(&keyed, cap);
        let entries = match &mut answer {
            Value::Array(entries) => entries,
            answer => answer["clients"].as_array_mut().unwrap(),
        };
        for entry in entries {
            *entry = entry["client_id"].take();
        }
        answer
    }

    #[test]
    fn the_three_shapes() {
        assert_eq!(list("", 2, 100), json!(["0", "1"]));
        assert_eq!(list("", 70, 100).as_array().unwrap().len(), 50);
        assert_eq!(
            list("page=1&per_page=2&include_totals=true", 5, 100),
            json!({"start": 2, "limit": 2, "total": 5, "clients": ["2", "3"]})
        );
        assert_eq!(
            list("page=7&per_page=2&include_totals=true", 5, 100)["clients"],
            json!([])
        );
        assert_eq!(
            list("take=5", 5, 100),
            json!({"clients": ["0", "1", "2", "3", "4"]})
        );
    }

    #[test]
    fn checkpoints_lead_to_the_end_also_under_a_cap() {
        let mut seen = Vec::new();
        let mut query = "take=4".to_owned();
        loop {
            let page = list(&query, 10, 3);
            seen.extend(page["clients"].as_array().cloned().unwrap());
            match page.get("next") {
                Some(next) => query = format!("take=4&from={}", next.as_str().unwrap()),
                None => break,
            }
        }
        assert_eq!(seen.len(), 10);
        assert_eq!(
            list("per_page=4&page=1&include_totals=true", 10, 3),
            json!({"start": 3, "limit": 3, "total": 10, "clients": ["3", "4", "5"]})
        );
    }

    #[test]
    fn filters_and_fields() {
        assert_eq!(list("is_global=false", 5, 100), json!(["0", "1", "2", "4"]));
        assert_eq!(list("is_global=true", 5, 100), json!(["3"]));
        assert_eq!(list("app_type=spa,oag", 5, 100), json!(["0", "2", "4"]));
        let client = json!({"client_id": "a", "name": "A"})
            .as_object()
            .cloned()
            .unwrap();
        let fields = |query: &str| {
            let answer = Selection::parse(query).unwrap().answer(&client);
            let names: Vec<String> = answer.as_object().unwrap().keys().cloned().collect();
            names.join(" ")
        };
        assert_eq!(fields(""), "client_id name signing_keys client_secret");
        assert_eq!(fields("fields=name,nothing"), "name");
        assert_eq!(
            fields("fields=client_secret,signing_keys,encryption_key&include_fields=false"),
            "client_id name"
        );
    }

    #[test]
    fn what_a_query_may_not_say() {
        let refusals: Vec<String> = [
            "pages=1",
            "page=one",
            "page=-1",
            "per_page=101",
            "take=0",
            "include_totals=yes",
            "page=1&page=2",
            "take=5&page=0",
            "from=abc",
            "page=10&per_page=100",
            "q=x",
        ]
        .into_iter()
        .map(|query| match ListQuery::parse(query) {
            Ok(query) => format!("{query:?}"),
            Err(refusal) => refusal.message().to_owned(),
        })
        .collect();
        insta::assert_snapshot!(refusals.join("\n"), @"
        Query validation error: 'Additional properties not allowed: pages'.
        Query validation error: 'Expected type integer but found type string' on property page.
        Query validation error: 'Value -1 is less than minimum 0' on property page.
        Query validation error: 'Value 101 is greater than maximum 100' on property per_page.
        Query validation error: 'Value 0 is less than minimum 1' on property take.
        Query validation error: 'Expected type boolean but found type string' on property include_totals.
        Query validation error: 'Expected one value but found an array' on property page.
        Query validation error: 'Cannot use page, per_page or include_totals together with from or take'.
        Query validation error: 'Invalid checkpoint' on property from.
        Requesting page 10 exceeds the allowed maximum of 1000 records. To fetch results beyond 1000, use the checkpoint pagination method.
        Query validation error: 'The sandbox has no client grants to query'.
        ");
        assert!(ListQuery::parse("page=9&per_page=100").is_ok());
        assert!(Selection::parse("page=1").is_err());
    }
}
