//! `overlock up`: a server, and this machine as its first host, with nothing to set up.

use crate::cli::Up;
use crate::commands::host::print_hosts;
use crate::commands::serve::names;
use crate::exit::{Done, Failure, warn};
use crate::fleet::client::Client;
use crate::fleet::context::{self, Context};
use crate::fleet::local::{hex, random};
use crate::fleet::{answer, feeding, serving};
use crate::scan::tables;
use crate::state::State;
use jiff::{SignedDuration, Timestamp};
use overlock_agent::identity::Folder;
use overlock_agent::look::Eyes;
use overlock_agent::reporter::Pace;
use overlock_agent::{ServerUrl, Settings};
use overlock_model::plan::Digest;
use overlock_protocol::enrol::EnrolToken;
use overlock_store::{Actor, ApiToken, By, EnrolmentToken, Grant, Role, Scope, Uses};
use overlock_web::{Options, Server};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long this machine's first judgement is waited for before the server is said to run without it.
const FIRST_LOOK: Duration = Duration::from_secs(60);
/// How often feeds are asked for news.
const FEEDS_EVERY: Duration = Duration::from_secs(3600);

pub fn run(args: &Up, state: &State) -> Result<Done, Failure> {
    // This machine's own feeds first, with their bars, so that its first judgement is a whole one.
    fetch_feeds(args, state)?;
    let runtime = serving::runtime()?;
    let done = runtime.block_on(up(args, state));
    serving::end(runtime);
    done
}

fn fetch_feeds(args: &Up, state: &State) -> Result<(), Failure> {
    if args.source.offline || overlock_feeds::tables::Tables::open(&state.data).is_some() {
        return Ok(());
    }
    let wanted = crate::commands::feeds::here()?;
    let mirror = args.source.mirror.as_deref();
    match tables::fetch(
        &wanted,
        mirror,
        overlock_feeds::sync::Options::default(),
        state,
    ) {
        Ok(_) => Ok(()),
        // A fleet without advisories is still an inventory: it says what it does not know.
        Err(failure) if failure.kind == crate::exit::Kind::Environment => {
            warn(&format!("feeds cannot be fetched: {:#}", failure.error));
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

async fn up(args: &Up, state: &State) -> Result<Done, Failure> {
    let mut options = Options {
        listen: args.listen,
        ..Options::local(&state.data)
    };
    options.names.extend(names(&args.name)?);
    let server = serving::start(options).await?;
    let client = speak_to(&server, state).await?;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let agent = tokio::spawn(agent(&server, state).await?.watch(async move {
        // Dropping the sender ends it as well.
        let _ = ended.await;
    }));
    let feeds = (!args.source.offline).then(|| {
        tokio::spawn(feeding::feed(
            Arc::clone(server.shared()),
            args.source.mirror.clone(),
            FEEDS_EVERY,
            state.clone(),
        ))
    });
    let shown = tokio::task::spawn_blocking(move || await_first(&client));
    if let Some(hosts) = shown.await.map_err(Failure::environment)?? {
        show(&server, &hosts)?;
    } else {
        warn(
            "this machine was not judged within a minute; `overlock host list` shows it once it is",
        );
    }
    serving::tell_service_manager();
    serving::told_to_stop().await?;
    drop(end);
    if let Some(feeds) = feeds {
        feeds.abort();
    }
    server.stop().await;
    agent.await.map_err(Failure::environment)??;
    Ok(Done::Clear)
}

/// What people see: their hosts, and how to go on.
fn show(server: &Server, hosts: &Value) -> Result<(), Failure> {
    let width = super::scan::style(false).width;
    let mut out = anstream::stdout().lock();
    print_hosts(hosts, &mut out, width)?;
    writeln!(out)?;
    writeln!(out, "server     {}", server.url())?;
    writeln!(
        out,
        "authority  {}",
        server.shared().authority.fingerprint()
    )?;
    writeln!(out)?;
    writeln!(out, "in another terminal:")?;
    writeln!(
        out,
        "  overlock exposure list          what is open, most urgent first"
    )?;
    writeln!(
        out,
        "  overlock host token             the command that adds another host"
    )?;
    writeln!(
        out,
        "Ctrl-C stops the server; `overlock serve` runs it as a service."
    )?;
    out.flush()?;
    Ok(())
}

/// Lets the command line of this user speak to the server: with the token that it has, or a new one.
async fn speak_to(server: &Server, state: &State) -> Result<Client, Failure> {
    let known = context::read()?;
    let mut context = Context {
        server: server.url().to_owned(),
        authority: Some(serving::authority(server).to_owned()),
        token: String::new(),
    };
    match known {
        // The same server as before, as its authority shows.
        Some(known) if known.authority == context.authority => context.token = known.token,
        known => {
            context.token = own_token(server, state).await?;
            if let Some(other) = known {
                warn(&format!(
                    "the command line spoke to {} before; it speaks to {} now",
                    other.server, context.server
                ));
            }
        }
    }
    context::write(&context)?;
    Client::new(&context)
}

async fn own_token(server: &Server, state: &State) -> Result<String, Failure> {
    let token = format!("ovl_{}", hex(&random::<32>()?));
    let made = ApiToken {
        id: hex(&random::<8>()?),
        name: "overlock up".to_owned(),
        grants: vec![Grant {
            role: Role::Admin,
            scope: Scope::All,
        }],
        once: false,
        expires: None,
    };
    let by = by(state);
    let secret = Digest::of(token.as_bytes());
    let added = server
        .shared()
        .store
        .add_api_token(&made, secret, &by)
        .await;
    added.map_err(crate::fleet::local::failure)?;
    Ok(token)
}

fn by(state: &State) -> By {
    By {
        actor: Actor::Local,
        at: state.clock(),
    }
}

/// This machine's own agent, inside of this process.
struct OwnAgent {
    settings: Settings,
}

impl OwnAgent {
    async fn watch(self, end: impl Future<Output = ()>) -> Result<(), Failure> {
        overlock_agent::run(&self.settings, end)
            .await
            .map_err(Failure::environment)
    }
}

/// Enrols this machine with its own server, unless it is already.
async fn agent(server: &Server, state: &State) -> Result<OwnAgent, Failure> {
    let path = state.data.join("agent");
    let folder = Folder::open(&path).map_err(Failure::environment)?;
    let url: ServerUrl = server.url().to_owned().try_into().map_err(Failure::input)?;
    match folder.identity() {
        // This server's own, perhaps at another address than before.
        Ok(known) if known.authority == serving::authority(server) => {
            if known.server != url {
                let mut moved = known;
                moved.server = url;
                folder.store(&moved).map_err(Failure::environment)?;
            }
        }
        _ => enrol(&folder, url, server, state).await?,
    }
    Ok(OwnAgent {
        settings: Settings {
            state: path,
            configuration: PathBuf::from("/etc/overlock/agent.toml"),
            eyes: Eyes::Thread(eyes(state)),
            root: PathBuf::from("/"),
            helper: PathBuf::from("/run/overlock/helper.sock"),
            pace: Pace::DEFAULT,
            tell: Arc::new(|_| {}),
        },
    })
}

/// What is looked at: everything, in a thread of this process, which is large anyway.
fn eyes(state: &State) -> overlock_agent::look::Options {
    overlock_agent::look::Options {
        root: PathBuf::from("/"),
        switches: overlock_agent::config::Switches::default(),
        labels: overlock_protocol::content::Labels::new(),
        cache: state.cache(),
        helper: None,
    }
}

async fn enrol(
    folder: &Folder,
    url: ServerUrl,
    server: &Server,
    state: &State,
) -> Result<(), Failure> {
    let known = overlock_agent::host_id::of_journal(folder.path()).map_err(Failure::environment)?;
    let host = folder.host(known).map_err(Failure::environment)?;
    // A host that the server knows already, whose identity was lost, keeps its history.
    let known = server.shared().store.host(&host).await;
    let bound = known
        .map_err(crate::fleet::local::failure)?
        .map(|known| known.id);
    let secret = random::<32>()?;
    let token = EnrolToken::new(server.shared().authority.fingerprint().bytes(), &secret);
    let now: Timestamp = state.clock();
    let own = EnrolmentToken {
        id: hex(&random::<8>()?),
        uses: Uses::Once,
        bound,
        group: None,
        facts: overlock_model::asset::HostFacts::default(),
        needs_confirmation: false,
        expires: now
            .checked_add(SignedDuration::from_mins(1))
            .map_err(Failure::input)?,
    };
    server
        .shared()
        .store
        .add_enrolment_token(&own, Digest::of(token.secret().as_bytes()), &by(state))
        .await
        .map_err(crate::fleet::local::failure)?;
    let about = overlock_agent::enrol::About::of(Path::new("/"), None);
    let taken = overlock_agent::enrol::enrol(folder, url, &token, host, about)
        .await
        .map_err(Failure::environment)?;
    overlock_agent::host_id::adopt(folder.path(), &taken.host).map_err(Failure::environment)?;
    Ok(())
}

/// The list of hosts, once this machine is on it and judged.
fn await_first(client: &Client) -> Result<Option<Value>, Failure> {
    let began = Instant::now();
    while began.elapsed() < FIRST_LOOK {
        let hosts: Value = client.get("/api/v1/hosts", &[])?;
        let judged = |host: &Value| host.get("exposures").is_some_and(Value::is_object);
        if answer::items(&hosts).iter().any(judged) {
            return Ok(Some(hosts));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(None)
}
