//! Prints the description of the API; `cargo xtask generate` keeps it in `docs/openapi.json`.
//!
//! It asks a server for its table of routes, so the file says what is served and nothing else.

use overlock_web::{Options, Server, api};
use std::error::Error;
use std::io::Write as _;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("overlock-openapi-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let text = runtime.block_on(async {
        let server = Server::start(Options::local(&folder)).await?;
        let text = api::openapi::openapi(server.table());
        server.stop().await;
        Ok::<_, Box<dyn Error>>(text)
    });
    std::fs::remove_dir_all(&folder)?;
    std::io::stdout().write_all(text?.as_bytes())?;
    Ok(())
}
