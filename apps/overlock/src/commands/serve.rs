//! `overlock serve`: the server alone, as a service.

use crate::cli::{LogFormat, Serve};
use crate::exit::{Done, Failure};
use crate::fleet::{feeding, local, serving};
use crate::state::State;
use anyhow::Context as _;
use overlock_web::Options;
use overlock_web::authority::ServerName;
use overlock_web::listen::OperatorFiles;
use overlock_web::login::OidcSettings;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// Where the provider's secret is read from.
const SECRET: &str = "OVERLOCK_OIDC_SECRET";

pub fn run(args: &Serve, state: &State) -> Result<Done, Failure> {
    log(args.log_format)?;
    let names = names(&args.name)?;
    let mut options = Options {
        database: local::database(&args.database, state)?,
        listen: args.listen,
        program: args.agent_program.clone(),
        ..Options::local(&state.data)
    };
    if !names.is_empty() {
        options.names = names;
    }
    if let (Some(certificate), Some(key)) = (&args.tls_certificate, &args.tls_key) {
        options.tls = Some(OperatorFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        });
    }
    if let (Some(issuer), Some(client)) = (&args.oidc_issuer, &args.oidc_client) {
        let mut settings = OidcSettings::new(issuer, client);
        settings.groups_claim.clone_from(&args.oidc_groups);
        settings.client_secret = std::env::var(SECRET).ok().map(Into::into);
        options.provider = Some(settings);
    }
    let runtime = serving::runtime()?;
    let done = runtime.block_on(async {
        let server = serving::start(options).await?;
        tracing::info!(
            address = server.url(),
            authority = %server.shared().authority.fingerprint(),
            "listening"
        );
        serving::tell_service_manager();
        let feeds = (!args.source.offline).then(|| {
            tokio::spawn(feeding::feed(
                Arc::clone(server.shared()),
                args.source.mirror.clone(),
                args.feeds_every,
                state.clone(),
            ))
        });
        serving::told_to_stop().await?;
        tracing::info!("stopping");
        if let Some(feeds) = feeds {
            feeds.abort();
        }
        server.stop().await;
        Ok(Done::Clear)
    });
    serving::end(runtime);
    done
}

/// Names and addresses for the server's certificate.
pub fn names(given: &[String]) -> Result<Vec<ServerName>, Failure> {
    given
        .iter()
        .map(|name| {
            name.parse::<ServerName>()
                .with_context(|| format!("`{name}` is no name of a host"))
                .map_err(Failure::input)
        })
        .collect()
}

/// Lines of the log on standard error; `OVERLOCK_LOG` says how much, in the words of `tracing`.
fn log(format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::builder()
        .with_env_var("OVERLOCK_LOG")
        .with_default_directive(tracing_subscriber::filter::LevelFilter::INFO.into())
        .from_env_lossy();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let set = match format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    set.map_err(|error| Failure::environment(anyhow::anyhow!("the log cannot be set up: {error}")))
}
