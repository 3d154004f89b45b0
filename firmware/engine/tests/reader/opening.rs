//! What drivers say when they open each reader, byte for byte, and what they hear.

use engine::{
    personality::{GEM_PC_TWIN, GEMCORE_POS_PRO, Personality, SEC1210},
    time::Duration,
};

use crate::bench::Bench;

/// What the driver gives a command while it opens a reader is 100 ms for the shortest.
const SOON: Duration = Duration::from_millis(2);

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Says each first line, expects each second one and nothing else.
fn opens(personality: &'static Personality, dialogue: &[(&str, &str)]) {
    let mut bench = Bench::new(personality);
    for (question, expected) in dialogue {
        bench.host.say(&hex(question));
        bench.run(SOON);
        let heard = bench.host.heard();
        assert_eq!(heard, hex(expected), "{question} is answered by {heard:02X?}");
    }
}

#[test]
fn sec1210() {
    opens(
        &SEC1210,
        &[
            // Escape 06, then the notice about the card that lies there.
            ("03 06 6B 01 00 00 00 00 00 00 00 00 06 69", "03 06 83 01 00 00 00 00 00 01 00 00 00 86 50 03"),
            // GetSlotStatus twice for each slot.
            ("03 06 65 00 00 00 00 00 01 00 00 00 61", "03 06 81 00 00 00 00 00 01 01 00 01 85"),
            ("03 06 65 00 00 00 00 00 02 00 00 00 62", "03 06 81 00 00 00 00 00 02 01 00 01 86"),
            ("03 06 65 00 00 00 00 01 03 00 00 00 62", "03 06 81 00 00 00 00 01 03 01 00 01 86"),
            ("03 06 65 00 00 00 00 01 04 00 00 00 65", "03 06 81 00 00 00 00 01 04 01 00 01 81"),
        ],
    );
}

#[test]
fn gem_core_pos_pro() {
    opens(
        &GEMCORE_POS_PRO,
        &[
            // Escape 02: name of the firmware.
            (
                "03 06 6B 01 00 00 00 00 00 00 00 00 02 6D",
                "03 06 83 06 00 00 00 00 00 01 00 00 4A 69 6E 62 61 6F A0 50 03",
            ),
            // Escape 01 01 01: notices.
            ("03 06 6B 03 00 00 00 00 01 00 00 00 01 01 01 6D", "03 06 83 00 00 00 00 00 01 01 00 00 86"),
            ("03 06 65 00 00 00 00 00 02 00 00 00 62", "03 06 81 00 00 00 00 00 02 01 00 01 86"),
            ("03 06 65 00 00 00 00 00 03 00 00 00 63", "03 06 81 00 00 00 00 00 03 01 00 01 87"),
            // Escape 6A: there is no such command; the driver goes on.
            ("03 06 6B 01 00 00 00 00 04 00 00 00 6A 01", "03 06 83 00 00 00 00 00 04 41 00 00 C3"),
            // Slot 4 has no contacts on this board.
            ("03 06 65 00 00 00 00 04 05 00 00 00 61", "03 06 81 00 00 00 00 04 05 02 00 01 86"),
        ],
    );
}

#[test]
fn gem_pc_twin() {
    opens(
        &GEM_PC_TWIN,
        &[
            (
                "03 06 6B 01 00 00 00 00 00 00 00 00 02 6D",
                "03 06 6B 01 00 00 00 00 00 00 00 00 02 6D \
                 03 06 83 06 00 00 00 00 00 01 00 00 4A 69 6E 62 61 6F A0 50 03",
            ),
            (
                "03 06 6B 03 00 00 00 00 01 00 00 00 01 01 01 6D",
                "03 06 6B 03 00 00 00 00 01 00 00 00 01 01 01 6D 03 06 83 00 00 00 00 00 01 01 00 00 86",
            ),
            (
                "03 06 65 00 00 00 00 00 02 00 00 00 62",
                "03 06 65 00 00 00 00 00 02 00 00 00 62 03 06 81 00 00 00 00 00 02 01 00 01 86",
            ),
            (
                "03 06 6B 01 00 00 00 00 04 00 00 00 6A 01",
                "03 06 6B 01 00 00 00 00 04 00 00 00 6A 01 03 06 83 00 00 00 00 00 04 41 00 00 C3",
            ),
        ],
    );
}
