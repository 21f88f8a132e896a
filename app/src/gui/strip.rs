//! The frames of a render along its length, as stretches that look the same: few things to draw,
//! however many frames there are.

use blendnet_protocol::FrameState;

use super::running::FrameRow;

/// How frames of a strip look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// In work.
    Begun,
    /// Complete.
    Done,
    /// It failed.
    Failed,
}

/// Neighbours that look the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The place of the first one among all frames.
    pub from: usize,
    /// The place behind the last one.
    pub to: usize,
    /// How they look.
    pub look: Look,
}

/// The stretches of `rows`, which are some of the frames `numbers`; both are in order.
pub fn stretches(numbers: &[i32], rows: &[FrameRow]) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut rows = rows.iter().peekable();
    for (at, number) in numbers.iter().enumerate() {
        while rows.next_if(|row| row.frame < *number).is_some() {}
        let Some(look) = rows.next_if(|row| row.frame == *number).and_then(look) else { continue };
        match found.last_mut() {
            Some(last) if last.to == at && last.look == look => last.to = at + 1,
            _ => found.push(Stretch { from: at, to: at + 1, look }),
        }
    }
    found
}

fn look(row: &FrameRow) -> Option<Look> {
    match row.state {
        FrameState::Queued => None,
        FrameState::Running | FrameState::Finishing => Some(Look::Begun),
        FrameState::Completed => Some(Look::Done),
        FrameState::Failed => Some(Look::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(frame: i32, state: FrameState) -> FrameRow {
        FrameRow { frame, state, done: 0.0, files: Vec::new(), failure: None }
    }

    #[test]
    fn neighbours_that_look_the_same_are_one_stretch_and_gaps_part_them() {
        let numbers: Vec<i32> = (1..=10_000).collect();
        let rows: Vec<FrameRow> = (1..=9_000)
            .filter(|frame| *frame != 500)
            .map(|frame| match frame {
                ..=4_000 => row(frame, FrameState::Completed),
                4_001 => row(frame, FrameState::Failed),
                8_000.. => row(frame, FrameState::Queued),
                frame if frame % 2 == 0 => row(frame, FrameState::Running),
                frame => row(frame, FrameState::Finishing),
            })
            .collect();
        let stretch = |from, to, look| Stretch { from, to, look };
        let wanted = [
            stretch(0, 499, Look::Done),
            stretch(500, 4_000, Look::Done),
            stretch(4_000, 4_001, Look::Failed),
            stretch(4_001, 7_999, Look::Begun),
        ];
        assert_eq!(stretches(&numbers, &rows), wanted);
    }

    #[test]
    fn a_row_of_a_frame_that_is_none_of_the_render_hides_no_other() {
        let rows = [row(0, FrameState::Completed), row(7, FrameState::Completed)];
        let wanted = [Stretch { from: 1, to: 2, look: Look::Done }];
        assert_eq!(stretches(&[5, 7], &rows), wanted);
    }
}
