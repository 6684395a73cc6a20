//! Tables and goals, as plain text.

use crate::load::Sample;
use crate::meter::median;

/// Samples of one subject at one number of clients, one for each pair.
#[derive(Default)]
pub struct Series {
    pub name: &'static str,
    pub clients: usize,
    pub samples: Vec<Sample>,
}

impl Series {
    fn middle(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(figure).collect())
    }

    pub fn rate(&self) -> f64 {
        self.middle(|sample| sample.per_second)
    }

    pub fn p99_us(&self) -> f64 {
        self.middle(|sample| f64::from(sample.p99_us))
    }

    /// The median of the ratios of each pair to the floor that ran beside it.
    pub fn ratio(&self, floor: &Series) -> f64 {
        let pairs = self.samples.iter().zip(&floor.samples);
        median(pairs.map(|(ours, bare)| ours.per_second / bare.per_second).collect())
    }
}

pub fn print_heading(database: &str) {
    println!("\n{database}\n");
    println!(
        "{:<24} {:>7} {:>10} {:>7} {:>9} {:>9} {:>8} {:>8}",
        "", "clients", "actions/s", "ratio", "p50 ms", "p99 ms", "CPU µs", "foreign"
    );
}

pub fn print_series(series: &Series, floor: Option<&Series>) {
    let ratio = floor.map_or_else(|| "1".to_owned(), |floor| format!("{:.2}", series.ratio(floor)));
    println!(
        "{:<24} {:>7} {:>10.0} {:>7} {:>9.2} {:>9.2} {:>8.0} {:>7.0}%",
        series.name,
        series.clients,
        series.rate(),
        ratio,
        series.middle(|sample| f64::from(sample.p50_us)) / 1000.0,
        series.p99_us() / 1000.0,
        series.middle(|sample| sample.cpu_us),
        series.middle(|sample| sample.foreign) * 100.0,
    );
    let failed: u64 = series.samples.iter().map(|sample| sample.failed).sum();
    if let Some(why) = series.samples.iter().find_map(|sample| sample.why_failed.as_ref()) {
        println!("    {failed} actions failed: {why}");
    }
}

/// Counts of one run that noise cannot touch, per action.
pub struct PerAction {
    pub name: &'static str,
    pub commits: Option<f64>,
    pub round_trips: Option<f64>,
    pub fsyncs: Option<f64>,
    pub log_bytes: f64,
}

pub fn print_counts(clients: usize, log: &str, rows: &[PerAction]) {
    println!("\nper action at {clients} clients");
    println!("{:<24} {:>9} {:>12} {:>9} {:>14}", "", "commits", "round trips", "fsyncs", log);
    let shown = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.3}"));
    for row in rows {
        println!(
            "{:<24} {:>9} {:>12} {:>9} {:>14.0}",
            row.name,
            shown(row.commits),
            shown(row.round_trips),
            shown(row.fsyncs),
            row.log_bytes
        );
    }
}

/// A goal and what came of it.
pub struct Goal {
    text: String,
    got: String,
    met: bool,
}

impl Goal {
    pub fn at_least(text: &str, wanted: f64, got: f64) -> Self {
        Self { text: format!("{text} ≥ {wanted}"), got: format!("{got:.2}"), met: got >= wanted }
    }

    pub fn at_most(text: &str, wanted: f64, got: f64) -> Self {
        Self { text: format!("{text} ≤ {wanted}"), got: format!("{got:.2}"), met: got <= wanted }
    }
}

pub fn print_goals(goals: &[Goal]) {
    println!("\ngoals");
    for goal in goals {
        println!("{:<8} {:<64} {}", if goal.met { "met" } else { "MISSED" }, goal.text, goal.got);
    }
}
