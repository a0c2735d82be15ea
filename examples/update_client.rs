//! Sets one client's description, and prints the updated client:
//!
//! ```console
//! $ cargo run --example update_client -- CLIENT_ID "The shop, EU only"
//! ```
//!
//! Domain and credentials come from the environment and `.env`, as for the command line.
#![allow(clippy::print_stdout)]

use std::error::Error;

use tenantry::api::{Options, Reader, TokenCache};
use tenantry::kinds::clients;
use tenantry::resource::{Patch, ResourceId};
use tenantry::settings::{self, Environment};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(id), Some(description)) = (arguments.next(), arguments.next()) else {
        return Err("give a client id and a description".into());
    };
    let folder = std::env::current_dir()?;
    let options = settings::Lookup {
        tenant: None,
        env_file: None,
        folder: &folder,
        above: &[],
    };
    let tenant = settings::connection(&options, &Environment::from_process()?)?;
    let cache = TokenCache::of_user();
    let reader = Reader::new(
        tenant,
        Options {
            cache,
            ..Options::default()
        },
    );
    let field = clients::KIND.field("description").ok_or("no such field")?;
    let patch = Patch::set(field, description)?;
    let id = ResourceId::new(&clients::KIND, id);
    let updated = reader.writer().update(&id, &patch).await?;
    println!("{}", serde_json::to_string_pretty(&updated)?);
    Ok(())
}
