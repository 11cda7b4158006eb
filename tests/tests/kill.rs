//! The host killed at every durable boundary, in the midst of orders of all lines: started again, everything converges
//! and nothing happened twice.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use futures_util::future::join_all;
use hookline_tests::checker;
use hookline_tests::journey::Journey;
use hookline_tests::servers::{ServerError, TestDatabase, wait_until};
use hookline_tests::world::{Line, Pace, World, host_settings};

const FAULT: &str = "HOOKLINE_FAULT";
const POINTS: [&str; 6] = [
    "after-lock",
    "after-hook",
    "before-commit",
    "after-commit-before-answer",
    "after-call-before-journal",
    "after-publish-before-mark",
];
/// The host dies when it comes there for this time: some orders are ahead of it, some behind.
const TIME: u32 = 4;
const EACH: usize = 2;
const DEATH_LIMIT: Duration = Duration::from_secs(30);

/// One life: the host dies at the point, comes back, and everything converges.
async fn dies_at(world: &mut World, point: &str) {
    world.host.change(|settings| settings.set(FAULT, format!("{point}@{TIME}")));
    world.restart().await.unwrap();
    let mut journeys: Vec<Journey> = Line::ALL
        .into_iter()
        .flat_map(|line| (0..EACH).map(move |_| line))
        .map(|line| Journey::new(world, line))
        .collect();
    // Most of these end with the host.
    let _ = join_all(journeys.iter_mut().map(|journey| journey.push(world))).await;
    let died =
        wait_until("the fault", DEATH_LIMIT, async || Ok::<_, ServerError>(world.host.has_ended().then_some(())));
    died.await.unwrap_or_else(|error| panic!("{point} never came, so nothing was tested: {error}"));

    world.host.change(|settings| settings.unset(FAULT));
    world.restart().await.unwrap();
    reconnect(&mut journeys, world);
    for ended in join_all(journeys.iter_mut().map(|journey| journey.push(world))).await {
        let ended = ended.unwrap_or_else(|error| panic!("after {point}: {error}\n{}", world.host.log()));
        assert_eq!(ended.status, "completed");
    }
    let report = checker::check_world(world).await.unwrap();
    assert!(report.is_clean(), "after {point}: {report}");
}

async fn dies_everywhere(mut world: World) {
    for point in POINTS {
        dies_at(&mut world, point).await;
    }
}

fn reconnect(journeys: &mut [Journey], world: &World) {
    for journey in journeys {
        journey.reconnect(world);
    }
}

/// SIGKILL at any moment, again and again, while orders run.
async fn dies_at_any_moment(world: &mut World) {
    let mut journeys: Vec<Journey> = Line::ALL.into_iter().map(|line| Journey::new(world, line)).collect();
    for after_ms in [30, 90, 200, 400] {
        let pushes = join_all(journeys.iter_mut().map(|journey| journey.push(world)));
        // The moment is what is tested here, not waited for.
        let _ = tokio::time::timeout(Duration::from_millis(after_ms), pushes).await;
        world.host.kill().await.unwrap();
        world.restart().await.unwrap();
        reconnect(&mut journeys, world);
    }
    for ended in join_all(journeys.iter_mut().map(|journey| journey.push(world))).await {
        assert_eq!(ended.unwrap().status, "completed");
    }
    checker::check_world(world).await.unwrap().assert_clean();
}

#[tokio::test]
async fn at_every_boundary_on_sqlite() {
    dies_everywhere(World::on_sqlite().await.unwrap()).await;
}

#[tokio::test]
async fn at_every_boundary_on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    dies_everywhere(World::on_postgres(&database.url()).await.unwrap()).await;
}

#[tokio::test]
async fn at_any_moment_on_sqlite() {
    let mut world = World::on_sqlite().await.unwrap();
    dies_at_any_moment(&mut world).await;
}

#[tokio::test]
async fn at_any_moment_on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    let settings = host_settings().set("ORDER_DB_URL", database.url());
    let mut world = World::start(settings, &Pace::default()).await.unwrap();
    dies_at_any_moment(&mut world).await;
}
