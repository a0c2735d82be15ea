//! Reading: what a query string asks for, and the page of resources that answers it. Pure: the query and the resources come
//! in, JSON or a refusal comes out.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::answer::Refusal;
use super::kind::{Collection, Fields, Filter, Kind, Occasion, Paging};

/// Offset paging ends here; past it, the API wants checkpoint paging.
const OFFSET_END: usize = 1_000;

const DEFAULT_PAGE: usize = 50;
const LARGEST_PAGE: usize = 100;

const FIELDS: [&str; 2] = ["fields", "include_fields"];
const OFFSET: [&str; 3] = ["page", "per_page", "include_totals"];
const CHECKPOINT: [&str; 2] = ["from", "take"];

/// Which fields of a resource are answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Selection {
    names: Vec<String>,
    include: bool,
}

impl Selection {
    /// Reads the query of a request for one resource.
    ///
    /// # Errors
    /// 400 `invalid_query_string`.
    pub(super) fn parse(kind: &Kind, query: &str) -> Result<Selection, Refusal> {
        let selects = kind.collection().is_none_or(|many| many.selects_fields);
        let known = if selects { &FIELDS[..] } else { &[] };
        Selection::of(&Query::parse(query, known, &[])?)
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

    /// The resource as it is answered, less what was not asked for.
    pub(super) fn answer(&self, kind: &Kind, resource: &Fields) -> Value {
        let mut answer = (kind.answer)(resource, Occasion::Read);
        if !self.names.is_empty() {
            answer.retain(|name, _| self.names.contains(name) == self.include);
        }
        Value::Object(answer)
    }
}

/// Which part of a list is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    All,
    Offset {
        page: usize,
        per_page: usize,
        totals: bool,
    },
    Checkpoint {
        /// The key of the last entry of the page before.
        after: Option<u64>,
        take: usize,
    },
}

impl Part {
    /// Reads the query of a request for a list that is nothing but paged by offset.
    ///
    /// # Errors
    /// 400 `invalid_query_string` or `invalid_paging`.
    pub(super) fn parse(query: &str) -> Result<Part, Refusal> {
        Part::of(Paging::Offset(1), &Query::parse(query, &OFFSET, &[])?)
    }

    fn of(paging: Paging, query: &Query) -> Result<Part, Refusal> {
        let least = match paging {
            Paging::None => return Ok(Part::All),
            Paging::Offset(least) | Paging::Both(least) => least,
        };
        let page = query.integer("page", 0, usize::MAX)?;
        let per_page = query.integer("per_page", least, LARGEST_PAGE)?;
        let totals = query.boolean("include_totals")?;
        let take = query.integer("take", 1, LARGEST_PAGE)?;
        let from = query.text("from");
        if from.is_some() || take.is_some() {
            // `include_totals` has no say here; SDKs send it all the same.
            if page.is_some() || per_page.is_some() {
                return Err(Refusal::bad_query(
                    "'Cannot use page or per_page together with from or take'",
                ));
            }
            return Ok(Part::Checkpoint {
                after: from.map(read_checkpoint).transpose()?,
                take: take.unwrap_or(DEFAULT_PAGE),
            });
        }
        let page = page.unwrap_or(0);
        let per_page = per_page.unwrap_or(DEFAULT_PAGE);
        if page.saturating_add(1).saturating_mul(per_page) > OFFSET_END {
            return Err(Refusal::bad_request(
                "invalid_paging",
                &format!(
                    "Requesting page {page} exceeds the allowed maximum of {OFFSET_END} records. To fetch results beyond {OFFSET_END}, use the checkpoint pagination method."
                ),
            ));
        }
        Ok(Part::Offset {
            page,
            per_page,
            totals: totals.unwrap_or(false),
        })
    }

    /// The answer's body, with the entries under that name where something is around them. Each has a key that grows along the list; `cap`
    /// is the most that a page holds, whatever was asked for.
    pub(super) fn answer<T>(
        &self,
        name: &str,
        entries: &[(u64, T)],
        cap: usize,
        show: impl Fn(&T) -> Value,
    ) -> Value {
        let shown =
            |page: &[(u64, T)]| page.iter().map(|(_, entry)| show(entry)).collect::<Value>();
        match *self {
            Part::All => shown(entries),
            Part::Offset {
                page,
                per_page,
                totals,
            } => {
                let limit = per_page.min(cap);
                let start = page.saturating_mul(limit);
                let rest = entries.get(start..).unwrap_or_default();
                let page = shown(&rest[..rest.len().min(limit)]);
                if totals {
                    json!({ "start": start, "limit": limit, "total": entries.len(), name: page })
                } else {
                    page
                }
            }
            Part::Checkpoint { after, take } => {
                let passed = |(key, _): &(u64, T)| after.is_some_and(|after| *key <= after);
                let rest = &entries[entries.partition_point(passed)..];
                let page = &rest[..rest.len().min(take.min(cap))];
                match page.last() {
                    Some((key, _)) if page.len() < rest.len() => {
                        json!({ "next": checkpoint(*key), name: shown(page) })
                    }
                    _ => json!({ name: shown(page) }),
                }
            }
        }
    }
}

/// What a request for a kind's list asks for.
#[derive(Debug)]
pub(super) struct ListQuery {
    kind: &'static Kind,
    many: &'static Collection,
    selection: Selection,
    part: Part,
    query: Query,
}

impl ListQuery {
    /// Reads the query of a request for the list.
    ///
    /// # Errors
    /// 400 `invalid_query_string` or `invalid_paging`; 404 where there is no list.
    pub(super) fn parse(kind: &'static Kind, query: &str) -> Result<ListQuery, Refusal> {
        let many = kind.collection().ok_or_else(|| kind.no_such())?;
        let mut known: Vec<&str> = many.filters.iter().map(Filter::parameter).collect();
        if many.selects_fields {
            known.extend(FIELDS);
        }
        match many.paging {
            Paging::None => {}
            Paging::Offset(_) => known.extend(OFFSET),
            Paging::Both(_) => known.extend(OFFSET.iter().chain(&CHECKPOINT)),
        }
        let several = many.filters.iter().filter_map(|filter| match filter {
            Filter::Each(parameter, _) => Some(*parameter),
            _ => None,
        });
        let query = Query::parse(query, &known, &several.collect::<Vec<_>>())?;
        for filter in many.filters {
            if let Filter::Is(parameter, _) = filter {
                query.boolean(parameter)?;
            }
        }
        Ok(ListQuery {
            kind,
            many,
            selection: Selection::of(&query)?,
            part: Part::of(many.paging, &query)?,
            query,
        })
    }

    /// The answer's body. `resources` are all of the kind's, each with a key that grows along the list; `cap` is the most
    /// that a page holds, whatever was asked for.
    pub(super) fn answer(&self, resources: &[(u64, &Fields)], cap: usize) -> Value {
        let matching = resources.iter().copied().filter(|(_, resource)| {
            let mut filters = self.many.filters.iter();
            filters.all(|filter| filter.takes(&self.query, resource))
        });
        let matching: Vec<_> = matching.collect();
        self.part
            .answer(self.many.list, &matching, cap, |resource| {
                self.selection.answer(self.kind, resource)
            })
    }
}

impl Filter {
    fn parameter(&self) -> &'static str {
        match self {
            Filter::Is(parameter, _)
            | Filter::Equals(parameter)
            | Filter::AnyOf(parameter)
            | Filter::Each(parameter, _)
            | Filter::Contains(parameter, _)
            | Filter::Anything(parameter) => parameter,
        }
    }

    fn takes(&self, query: &Query, resource: &Fields) -> bool {
        let Some(asked) = query.0.get(self.parameter()) else {
            return true;
        };
        let wanted = asked.first().map_or("", String::as_str);
        let text = |field: &str| resource.get(field).and_then(Value::as_str);
        match self {
            Filter::Is(_, field) => {
                let is = resource.get(*field).and_then(Value::as_bool);
                is.unwrap_or(false) == (wanted == "true")
            }
            Filter::Equals(field) => text(field) == Some(wanted),
            Filter::AnyOf(field) => {
                text(field).is_some_and(|is| wanted.split(',').any(|wanted| wanted == is))
            }
            Filter::Each(_, field) => {
                text(field).is_some_and(|is| asked.iter().any(|wanted| wanted == is))
            }
            Filter::Contains(_, field) => {
                text(field).is_some_and(|is| is.to_lowercase().contains(&wanted.to_lowercase()))
            }
            Filter::Anything(_) => true,
        }
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

/// A query string's parameters: each known, and given once unless it may come several times.
#[derive(Debug)]
struct Query(BTreeMap<String, Vec<String>>);

impl Query {
    fn parse(query: &str, known: &[&str], several: &[&str]) -> Result<Query, Refusal> {
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let plain = name
                .strip_suffix("[]")
                .filter(|name| several.contains(name));
            let name = plain.unwrap_or(&name);
            if !known.contains(&name) {
                return Err(Refusal::bad_query(&format!(
                    "'Additional properties not allowed: {name}'"
                )));
            }
            let values = parameters.entry(name.to_owned()).or_default();
            if !values.is_empty() && !several.contains(&name) {
                return Err(Refusal::bad_query(&format!(
                    "'Expected one value but found an array' on property {name}"
                )));
            }
            values.push(value.into_owned());
        }
        Ok(Query(parameters))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
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
    use super::super::kinds::clients::KIND;
    use super::*;

    fn tenant(count: u64) -> Vec<Fields> {
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
        let mut answer = ListQuery::parse(&KIND, &query).unwrap().answer(&keyed, cap);
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
            let answer = Selection::parse(&KIND, query)
                .unwrap()
                .answer(&KIND, &client);
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
        .map(|query| match ListQuery::parse(&KIND, query) {
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
        Query validation error: 'Cannot use page or per_page together with from or take'.
        Query validation error: 'Invalid checkpoint' on property from.
        Requesting page 10 exceeds the allowed maximum of 1000 records. To fetch results beyond 1000, use the checkpoint pagination method.
        Query validation error: 'Additional properties not allowed: q'.
        ");
        assert!(ListQuery::parse(&KIND, "page=9&per_page=100").is_ok());
        assert!(Selection::parse(&KIND, "page=1").is_err());
    }
}
