//! On which line and in which column of a text is this byte?

/// The places where the lines of a text begin.
pub(crate) struct Lines<'a> {
    text: &'a str,
    /// Bytes before each line but the first, in order.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        Self { text, starts }
    }

    /// Line and column of a byte, both from 1; the column counts characters. A place past the end is the end's.
    pub(crate) fn of_byte(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|last| self.starts.get(last)).copied();
        let before = self.text.get(start.unwrap_or(0)..offset).unwrap_or_default();
        (line + 1, before.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn columns_count_characters_and_lines_end_at_newlines() {
        let lines = Lines::of("é = 1\nb = 2\n");
        let cases =
            [(0, (1, 1)), (2, (1, 2)), (6, (1, 6)), (7, (2, 1)), (13, (3, 1)), (99, (3, 1))];
        for (offset, expected) in cases {
            assert_eq!(lines.of_byte(offset), expected, "byte {offset}");
        }
        assert_eq!(Lines::of("").of_byte(0), (1, 1));
    }
}
