//! Roles. Their permissions are listed and changed at a path of their own, and kept in the role.

use std::sync::LazyLock;

use serde_json::Value;

use crate::sandbox::kind::{Collection, Fields, Filter, Form, Kind, Occasion, Paging};
use crate::sandbox::shapes::Shapes;

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::read(include_str!("roles.shapes")));

/// The bodies that add permissions and remove them.
pub(in crate::sandbox) static PERMISSIONS: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::read(include_str!("role_permissions.shapes")));

pub(in crate::sandbox) static KIND: Kind = Kind {
    form: Form::Many(Collection {
        id: "id",
        example: "rol_lkZCKwORLWaTSWuv",
        also_by: None,
        list: "roles",
        paging: Paging::Offset(1),
        selects_fields: false,
        filters: &[
            Filter::Contains("name_filter", "name"),
            Filter::Anything("type"),
        ],
        unique: Some((&["name"], "The role already exists")),
        missing: ("The role does not exist.", ""),
        statuses: (200, 200),
        misses_deleted: true,
        takes_along: &[],
    }),
    answer,
    ..Kind::row("roles", "roles", "roles", &SHAPES)
};

/// Without its permissions. A description that was never given is null when it is written and empty when it is read.
fn answer(role: &Fields, occasion: Occasion) -> Fields {
    let mut answer = role.clone();
    answer.shift_remove("permissions");
    let none = match occasion {
        Occasion::Read => Value::from(""),
        Occasion::Write => Value::Null,
    };
    answer.entry("description").or_insert(none);
    answer
}
