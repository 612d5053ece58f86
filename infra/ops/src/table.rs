//! Rows of text whose cells stand under one another.

use watchkeeper_domain::render::terminal::columns;

/// Each of `rows` as a line: two spaces before each cell, and no more columns than each needs. A row may have fewer cells
/// than others.
pub fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cell = |row: &'_ Vec<String>, place: usize| row.get(place).map_or(0, |cell| columns(cell));
    let width = |place: usize| rows.iter().map(|row| cell(row, place)).max().unwrap_or_default();
    let widths: Vec<_> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let padding = " ".repeat(width.saturating_sub(columns(cell)));
            format!("  {cell}{padding}")
        });
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_one_another_by_the_columns_they_take() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows = [row(&["a", "日本", "x"]), row(&["žlutý", "b", "y"]), row(&["c"])];
        assert_eq!(lines(&rows), ["  a      日本  x", "  žlutý  b     y", "  c"]);
    }
}
