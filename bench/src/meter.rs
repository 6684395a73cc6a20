//! What the operating system knows about a run: processor time, memory, bytes written.

use std::fs;

/// The kernel counts processor time in hundredths of a second (`USER_HZ`, the same on every Linux).
const TICK_US: u64 = 10_000;

/// Processor time of a process and of those it has waited for, in microseconds.
pub fn cpu_us(process: u32) -> u64 {
    let Some(fields) = stat(process) else { return 0 };
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted here from field 3.
    let ticks: u64 = fields.iter().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks * TICK_US
}

/// Processor time of a process and all its living and past children: a PostgreSQL with its backends.
pub fn tree_cpu_us(parent: u32) -> u64 {
    let children = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let fields = stat(process)?;
        (fields.get(1)?.parse::<u32>() == Ok(parent)).then_some(process)
    });
    cpu_us(parent) + children.map(cpu_us).sum::<u64>()
}

/// Processor time of the whole machine that was spent, in microseconds; tells when others were at work beside us.
pub fn machine_cpu_us() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let numbers: Vec<u64> = first.split_whitespace().skip(1).filter_map(|it| it.parse().ok()).collect();
    // user, nice, system, then idle and iowait, then irq and softirq.
    [0, 1, 2, 5, 6].iter().filter_map(|&at| numbers.get(at)).sum::<u64>() * TICK_US
}

/// Bytes our process gave to `write` and its like.
pub fn bytes_written() -> u64 {
    let text = fs::read_to_string("/proc/self/io").unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("wchar: ")?.trim().parse().ok()).unwrap_or(0)
}

/// Memory of a process that is really in use, in kibibytes.
pub fn resident_kib(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Fields of `/proc/N/stat` from the third on; the second, the name, may have spaces.
fn stat(process: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// The value below which `part` of the sorted values lie.
pub fn quantile(sorted: &[u32], part: f64) -> u32 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(0)
}

/// The middle of some numbers.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    let at = |index: usize| numbers.get(index).copied().unwrap_or(f64::NAN);
    if numbers.len() % 2 == 1 { at(middle) } else { (at(middle.wrapping_sub(1)) + at(middle)) / 2.0 }
}
