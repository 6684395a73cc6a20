//! Which runs there are, and in which order: floor and product side by side, again and again, so that whatever else the
//! machine does meets both.

use crate::database::Database;
use crate::http::{Clients, Server};
use crate::load::drive;
use crate::meter;
use crate::product::InProcess;
use crate::recipe::Recipe;
use crate::report::{self, Goal, PerAction, Series};
use crate::subject::{Subject, Way};
use crate::world::Failure;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const CLIENTS: [usize; 3] = [1, 16, 64];
const MOST_CLIENTS: usize = 64;

/// How much is measured.
pub struct Size {
    /// Instances in the databases of the pairs.
    instances: u64,
    pairs: usize,
    run: Duration,
    warm_up: Duration,
    /// Open instances of the small and the large database that are compared.
    few: u64,
    many: u64,
    /// A run on those two: short, since the few are used up.
    short_run: Duration,
    inbox_pages: usize,
    settle: bool,
}

impl Size {
    pub fn full() -> Self {
        Self {
            instances: 60_000,
            pairs: 5,
            run: Duration::from_secs(2),
            warm_up: Duration::from_millis(500),
            few: 10_000,
            many: 1_000_000,
            short_run: Duration::from_millis(600),
            inbox_pages: 301,
            settle: true,
        }
    }

    pub fn quick() -> Self {
        Self {
            instances: 8_000,
            pairs: 2,
            run: Duration::from_millis(500),
            warm_up: Duration::from_millis(200),
            few: 2_000,
            many: 40_000,
            short_run: Duration::from_millis(300),
            inbox_pages: 51,
            settle: false,
        }
    }
}

/// What the runs on one database share.
struct Bench<'a> {
    database: &'a Database,
    recipe: &'a Arc<Recipe>,
    size: &'a Size,
    folder: &'a Path,
    /// The program to measure over HTTP, if that is wanted.
    program: Option<&'a Path>,
}

/// Everything there is to measure on one database.
pub async fn measure(
    database: &Database,
    recipe: &Arc<Recipe>,
    size: &Size,
    folder: &Path,
    program: Option<&Path>,
    goals: &mut Vec<Goal>,
) -> Result<(), Failure> {
    let bench = Bench { database, recipe, size, folder, program };
    report::print_heading(database.title());
    bench.pairs(goals).await?;
    bench.scale(goals).await
}

impl Bench<'_> {
    async fn pairs(&self, goals: &mut Vec<Goal>) -> Result<(), Failure> {
        eprintln!("filling databases with {} instances", self.size.instances);
        let bare = self.database.fill("bench_floor", self.recipe, self.size.instances).await?;
        let near = self.database.copy("bench_floor", "bench_near").await?;
        let far = self.database.copy("bench_floor", "bench_far").await?;
        let floor = self.subject(self.database.floor(&bare, self.recipe).await?, self.size.instances);
        let near = self.in_process(&near, self.size.instances).await?;
        let mut subjects = vec![floor.clone(), near.clone()];
        subjects.extend(self.over_http(&far).await?);
        for clients in CLIENTS {
            self.compare(clients, &subjects, goals).await;
        }
        self.count([&floor, &near], goals).await
    }

    async fn over_http(&self, url: &str) -> Result<Option<Arc<Subject>>, Failure> {
        let Some(program) = self.program else { return Ok(None) };
        let server = Server::start(program, url, self.folder, &self.recipe.key_file).await?;
        let http = Way::Http(Clients::new(server, self.recipe.clone(), MOST_CLIENTS));
        Ok(Some(self.subject(http, self.size.instances)))
    }

    /// Floor, product, product over HTTP, and round again.
    async fn compare(&self, clients: usize, subjects: &[Arc<Subject>], goals: &mut Vec<Goal>) {
        let names = [self.database.floor_name(), "app.act in process", "HTTP"];
        let mut all = names.map(|name| Series { name, clients, samples: Vec::new() });
        for subject in subjects {
            drive(subject, clients, self.size.warm_up).await;
        }
        for pair in 1..=self.size.pairs {
            eprintln!("{clients} clients, pair {pair} of {}", self.size.pairs);
            for (subject, series) in subjects.iter().zip(&mut all) {
                series.samples.push(drive(subject, clients, self.size.run).await);
            }
        }
        let [floor, near, http] = &all;
        report::print_series(floor, None);
        report::print_series(near, Some(floor));
        if !http.samples.is_empty() {
            report::print_series(http, Some(floor));
        }
        let (at, wanted) = (self.database.floor_name(), self.wanted());
        if clients == MOST_CLIENTS {
            goals.push(Goal::at_least(
                &format!("in process, 64 clients, × {at}"),
                wanted.0,
                near.ratio(floor),
            ));
        }
        if clients == MOST_CLIENTS && !http.samples.is_empty() {
            goals.push(Goal::at_least(&format!("HTTP, 64 clients, × {at}"), wanted.1, http.ratio(floor)));
        }
        if clients == 1 {
            let ratio = near.p99_us() / floor.p99_us();
            goals.push(Goal::at_most(&format!("in process, 1 client, p99 × {at}'s"), 2.0, ratio));
        }
    }

    /// In process and over HTTP, as multiples of the floor.
    fn wanted(&self) -> (f64, f64) {
        match self.database {
            Database::Sqlite { .. } => (2.5, 2.0),
            Database::Postgres { .. } => (2.0, 1.2),
        }
    }

    async fn count(&self, subjects: [&Arc<Subject>; 2], goals: &mut Vec<Goal>) -> Result<(), Failure> {
        eprintln!("counting commits, round trips and log");
        let mut rows = Vec::new();
        for (subject, name) in subjects.into_iter().zip([self.database.floor_name(), "app.act in process"]) {
            let log = self.database.log_count(self.size.settle).await?;
            let counts = subject.counts().unwrap_or_default();
            let sample = drive(subject, MOST_CLIENTS, self.size.run).await;
            let after = subject.counts().unwrap_or_default();
            let (bytes, fsyncs) = self.database.log_count(self.size.settle).await?.since(log);
            let per = |number: u64| number as f64 / sample.actions.max(1) as f64;
            let commits = per(after.0.saturating_sub(counts.0));
            let is_remote = self.database.process().is_some();
            rows.push(PerAction {
                name,
                commits: Some(commits),
                round_trips: is_remote.then(|| per(after.1.saturating_sub(counts.1))),
                // In WAL mode with synchronous=FULL each commit of SQLite is one fsync; checkpoints come on top.
                fsyncs: if is_remote { fsyncs.map(per) } else { Some(commits) },
                log_bytes: per(bytes),
            });
        }
        report::print_counts(MOST_CLIENTS, self.database.log_name(), &rows);
        if let Some(product) = rows.last() {
            let name = self.database.floor_name();
            let commits = product.commits.unwrap_or(f64::NAN);
            goals.push(Goal::at_most(
                &format!("commits per action, 64 clients, beside {name}"),
                0.2,
                commits,
            ));
            if let Some(trips) = product.round_trips {
                goals.push(Goal::at_most("round trips per action, 64 clients", 1.0, trips));
            }
        }
        Ok(())
    }

    /// A hundred times as many open instances and tasks.
    async fn scale(&self, goals: &mut Vec<Goal>) -> Result<(), Failure> {
        let size = self.size;
        eprintln!("filling databases with {} and {} instances", size.few, size.many);
        let few = self.database.fill("bench_few", self.recipe, size.few).await?;
        let few = InProcess::open(&few, self.folder, self.recipe.clone()).await?;
        let many = self.database.fill("bench_many", self.recipe, size.many).await?;
        let many = InProcess::open(&many, self.folder, self.recipe.clone()).await?;
        let inbox = inbox_ratio(&few, &many, size).await?;
        goals.push(Goal::at_most(&format!("inbox page, {} : {} tasks", size.many, size.few), 1.5, inbox));

        let few = self.subject(Way::InProcess(few), size.few);
        let many = self.subject(Way::InProcess(many), size.many);
        drive(&few, MOST_CLIENTS, size.warm_up.min(size.short_run)).await;
        drive(&many, MOST_CLIENTS, size.warm_up).await;
        let mut small = Series { name: "few instances", clients: MOST_CLIENTS, samples: Vec::new() };
        let mut large = Series { name: "many instances", clients: MOST_CLIENTS, samples: Vec::new() };
        for _ in 0..size.pairs {
            small.samples.push(drive(&few, MOST_CLIENTS, size.short_run).await);
            large.samples.push(drive(&many, MOST_CLIENTS, size.short_run).await);
        }
        println!("\n{} and {} open instances", size.few, size.many);
        report::print_series(&small, None);
        report::print_series(&large, Some(&small));
        let text = format!("rate, {} : {} open instances", size.many, size.few);
        goals.push(Goal::at_least(&text, 0.97, large.ratio(&small)));
        Ok(())
    }

    async fn in_process(&self, url: &str, instances: u64) -> Result<Arc<Subject>, Failure> {
        let app = InProcess::open(url, self.folder, self.recipe.clone()).await?;
        Ok(self.subject(Way::InProcess(app), instances))
    }

    fn subject(&self, way: Way, instances: u64) -> Arc<Subject> {
        Subject::new(way, self.recipe, instances, self.database.process())
    }
}

async fn inbox_ratio(few: &InProcess, many: &InProcess, size: &Size) -> Result<f64, Failure> {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..size.inbox_pages {
        small.push(few.inbox().await?.as_secs_f64());
        large.push(many.inbox().await?.as_secs_f64());
    }
    let (small, large) = (meter::median(small), meter::median(large));
    println!("\nfirst page of a to-do list");
    println!("{:>9} tasks {:>8.3} ms", size.few, small * 1000.0);
    println!("{:>9} tasks {:>8.3} ms", size.many, large * 1000.0);
    Ok(large / small)
}

/// How soon a server with demo data answers, and what it weighs at rest.
pub async fn measure_start(folder: &Path, program: &Path, goals: &mut Vec<Goal>) -> Result<(), Failure> {
    const STARTS: usize = 5;
    eprintln!("starting a server with demo data");
    let data = folder.join("demo");
    std::fs::create_dir_all(&data)?;
    let database = format!("sqlite:{}", data.join("demo.db").display());
    drop(Server::start_demo(program, &database, &data).await?);
    let (mut ready_ms, mut resident_mb) = (Vec::new(), 0.0);
    for _ in 0..STARTS {
        let server = Server::start_demo(program, &database, &data).await?;
        ready_ms.push(server.ready_after.as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_secs(3)).await;
        resident_mb = meter::resident_kib(server.process()) as f64 / 1024.0;
    }
    let ready_ms = meter::median(ready_ms);
    println!("\nwith demo data: ready after {ready_ms:.0} ms, {resident_mb:.1} MB at rest");
    goals.push(Goal::at_most("start to ready, ms", 200.0, ready_ms));
    goals.push(Goal::at_most("memory at rest with demo data, MB", 50.0, resident_mb));
    Ok(())
}
