//! A directory of a volume, as `ls -l` shows one.

use jiff::Timestamp;
use serde_json::{Value, json};
use watchkeeper_domain::failure::Failure;
use watchkeeper_volume::{
    ext4::{Kind, Stat, Volume},
    snapshots::Snapshots,
};

use crate::table::lines;

/// One name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    /// `None` for a name that is not UTF-8: no path leads to it.
    pub(super) stat: Option<Stat>,
}

/// What is in the directory `path`, in the order of the names.
pub(super) fn rows<S: Snapshots>(volume: &Volume<S>, path: &str) -> Result<Vec<Row>, Failure> {
    let above = path.trim_matches('/');
    let names: Vec<_> = volume.list(path)?.into_iter().map(|entry| entry.name).collect();
    let paths: Vec<_> = names.iter().map(|name| format!("{above}/{name}")).collect();
    volume.warm_reads(paths.iter().map(String::as_str), false)?;
    let row = |(name, path): (String, &String)| Ok(Row { name, stat: volume.stat(path)? });
    names.into_iter().zip(&paths).map(row).collect()
}

/// A line for each row.
pub(super) fn to_text(rows: &[Row]) -> String {
    let width =
        rows.iter().filter_map(|row| Some(row.stat?.size.to_string().len())).max().unwrap_or_default();
    let cells = |Row { name, stat }: &Row| match stat {
        None => vec!["?".to_owned(), String::new(), String::new(), String::new(), shown(name)],
        Some(stat) => vec![
            mode(stat),
            format!("{}:{}", stat.uid, stat.gid),
            format!("{:>width$}", stat.size),
            time(stat.modified),
            format!("{}{}", shown(name), if stat.kind == Kind::Directory { "/" } else { "" }),
        ],
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    lines(&rows).iter().map(|line| format!("{}\n", line.trim_start())).collect()
}

/// What is known of `name`.
pub(super) fn to_json(name: &str, stat: Option<&Stat>) -> Value {
    let Some(stat) = stat else { return json!({ "name": name, "kind": null }) };
    json!({
        "name": name,
        "kind": word(stat.kind),
        "mode": format!("{:04o}", stat.mode),
        "uid": stat.uid,
        "gid": stat.gid,
        "size": stat.size,
        "modified": stat.modified,
    })
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Link => "link",
        Kind::Other => "other",
    }
}

/// `drwxr-xr-x`; set-user-id, set-group-id and sticky as `ls` has them.
fn mode(stat: &Stat) -> String {
    let kind = match stat.kind {
        Kind::File => '-',
        Kind::Directory => 'd',
        Kind::Link => 'l',
        Kind::Other => '?',
    };
    let bit = |bit: u16, yes: char| if stat.mode & bit != 0 { yes } else { '-' };
    let special = |bit: u16, executes: u16, yes: char| match (stat.mode & bit != 0, stat.mode & executes != 0)
    {
        (false, true) => 'x',
        (false, false) => '-',
        (true, true) => yes,
        (true, false) => yes.to_ascii_uppercase(),
    };
    [
        kind,
        bit(0o400, 'r'),
        bit(0o200, 'w'),
        special(0o4000, 0o100, 's'),
        bit(0o040, 'r'),
        bit(0o020, 'w'),
        special(0o2000, 0o010, 's'),
        bit(0o004, 'r'),
        bit(0o002, 'w'),
        special(0o1000, 0o001, 't'),
    ]
    .into_iter()
    .collect()
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// A name that cannot move the cursor of whoever reads it.
fn shown(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(kind: Kind, mode: u16, size: u64) -> Stat {
        Stat { kind, size, mode, uid: 1000, gid: 0, modified: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_directory_is_listed_as_ls_does() {
        let row = |name: &str, stat| Row { name: name.to_owned(), stat };
        let rows = [
            row("m2", Some(stat(Kind::Directory, 0o755, 4096))),
            row("a\u{1b}[2J.jar", Some(stat(Kind::File, 0o4640, 7))),
            row("l", Some(stat(Kind::Link, 0o777, 12))),
            row("\u{fffd}", None),
        ];
        let told = to_text(&rows);
        let expected = [
            "drwxr-xr-x  1000:0  4096  1970-01-01 00:00Z  m2/",
            "-rwSr-----  1000:0     7  1970-01-01 00:00Z  a\\u{1b}[2J.jar",
            "lrwxrwxrwx  1000:0    12  1970-01-01 00:00Z  l",
        ];
        assert_eq!(told.lines().take(3).collect::<Vec<_>>(), expected);
        assert!(told.lines().nth(3).unwrap().starts_with('?'), "{told}");
    }

    #[test]
    fn the_special_bits_are_seen_whether_or_not_one_may_execute() {
        assert_eq!(mode(&stat(Kind::Directory, 0o1777, 0)), "drwxrwxrwt");
        assert_eq!(mode(&stat(Kind::Directory, 0o3770, 0)), "drwxrws--T");
    }
}
