//! The demo's servers and world.

use super::arguments::{Arguments, Store};
use crate::servers::{DatabaseError, OwnPostgres, RedisServer};
use crate::world::{Line, Pace, World, WorldError, catalogue, host_settings};

const DATABASE: &str = "hookline";

/// Everything that runs. The world comes first: it must end before its servers.
pub(super) struct Stage {
    pub(super) world: World,
    _postgres: Option<OwnPostgres>,
    _redis: Option<RedisServer>,
}

impl Stage {
    pub(super) async fn build(arguments: &Arguments) -> Result<Self, WorldError> {
        let mut settings = host_settings();
        let mut postgres = None;
        if arguments.store == Store::Postgres {
            let server = OwnPostgres::start(true).await?;
            let url = server.create_database(DATABASE).await.map_err(database_error)?;
            settings = settings.set("ORDER_DB_URL", url);
            postgres = Some(server);
        }
        let mut redis = None;
        if arguments.redis {
            let server = RedisServer::start()?;
            settings = settings.set("ORDER_REDIS_URL", server.url()).set("ORDER_EVENT_BROKER", "redis");
            redis = Some(server);
        }
        if let Some(folder) = &arguments.data {
            let io = |source| WorldError::Io { what: format!("making {}", folder.display()), source };
            std::fs::create_dir_all(folder).map_err(io)?;
            let folder = folder.canonicalize().map_err(io)?;
            settings = settings.set("ORDER_DATA_DIR", folder.to_string_lossy());
        }
        let world = World::start(settings, &pace()).await?;
        misbehave(&world);
        Ok(Self { world, _postgres: postgres, _redis: redis })
    }
}

/// Seconds instead of days, so that completed orders are seen.
fn pace() -> Pace {
    Pace { pay_timeout_s: 15, auto_receive_s: 120, aftersale_window_s: 1, ..Pace::default() }
}

/// Suppliers refuse what the plan lets them refuse.
fn misbehave(world: &World) {
    world.suppliers.hotel.manners().refuse_any_with(&catalogue::refused_night());
    world.suppliers.flight.manners().refuse_any_with(catalogue::REFUSED_PASSENGER);
    debug_assert!(Line::ALL.len() == 4, "every line has an ending of its own");
}

fn database_error(error: DatabaseError) -> WorldError {
    match error {
        DatabaseError::Server(error) => error.into(),
        DatabaseError::Sql { source, .. } => source.into(),
        DatabaseError::Template { .. } => WorldError::Wrong(error.to_string()),
    }
}
