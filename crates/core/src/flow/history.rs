//! Zeek-style connection history: each letter once, upper case for the originator.

/// Letters in the order in which they first occurred.
///
/// s SYN, h SYN with ACK, a ACK without payload, d payload, f FIN, r RST, t retransmitted
/// payload, g gap, w zero window, i inconsistent flags (FIN with RST), q SYN with FIN or RST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    letters: [u8; 22],
    length: u8,
}

impl History {
    /// Add a lower-case letter for one direction unless it is there.
    pub fn note(&mut self, letter: char, is_orig: bool) {
        let letter = if is_orig { letter.to_ascii_uppercase() } else { letter } as u8;
        let (noted, free) = self.letters.split_at_mut(usize::from(self.length));
        if noted.contains(&letter) {
            return;
        }
        if let Some(slot) = free.first_mut() {
            *slot = letter;
            self.length += 1;
        }
    }

    /// The letters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let letters = self.letters.get(..usize::from(self.length)).unwrap_or(&[]);
        std::str::from_utf8(letters).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_shows_once_per_direction_in_order() {
        let mut history = History::default();
        for (letter, is_orig) in
            [('s', true), ('h', false), ('a', true), ('a', true), ('d', false), ('d', true)]
        {
            history.note(letter, is_orig);
        }
        assert_eq!(history.as_str(), "ShAdD");
    }
}
