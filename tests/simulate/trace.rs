//! Spot availability as it was measured, and what could be had of it.

use serde_json::Value;
use std::path::Path;

/// How many of the nodes asked for could be had, point by point; repeated when it ends.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// File name.
    pub(crate) name: String,
    /// Seconds between two points.
    pub(crate) gap_secs: f64,
    /// Nodes available from each point on.
    pub(crate) nodes: Vec<u32>,
}

/// Larger fleets are replayed at a scale.
const MOST_NODES: f64 = 32.0;
/// Points that are closer are taken together.
const SHORTEST_GAP_SECS: f64 = 10.0;

impl Trace {
    /// Reads `{"metadata": {"gap_seconds": …}, "data": […]}`.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs_err::read(path).map_err(|e| e.to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::parse(name, &text).map_err(|why| format!("{}: {why}", path.display()))
    }

    fn parse(name: String, text: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(text).map_err(|e| format!("not JSON: {e}"))?;
        let gap = json.pointer("/metadata/gap_seconds").and_then(Value::as_f64);
        let gap = gap.filter(|gap| *gap > 0.0).ok_or("no `metadata.gap_seconds` above 0")?;
        let data = json.get("data").and_then(Value::as_array).ok_or("no list `data`")?;
        let node = |(at, point): (usize, &Value)| match (point.as_f64(), point.as_bool()) {
            (Some(nodes), _) if nodes >= 0.0 => Ok(nodes.floor()),
            (_, Some(there)) => Ok(f64::from(u8::from(there))),
            _ => Err(format!("point {at} of `data` is {point}, and not a number of nodes")),
        };
        let nodes: Vec<f64> = data.iter().enumerate().map(node).collect::<Result<_, _>>()?;
        if nodes.is_empty() {
            return Err("`data` is empty".to_owned());
        }
        let most = nodes.iter().copied().fold(0.0, f64::max);
        let scale = (MOST_NODES / most.max(1.0)).min(1.0);
        let together = (SHORTEST_GAP_SECS / gap).ceil().max(1.0);
        let least = |points: &[f64]| points.iter().copied().fold(f64::INFINITY, f64::min);
        let nodes = nodes.chunks(together as usize).map(|p| (least(p) * scale) as u32).collect();
        Ok(Self { name, gap_secs: gap * together, nodes })
    }

    /// The first point from one on where a node can be had; the point itself where there is none.
    pub(crate) fn next_available(&self, start: usize) -> usize {
        (start..start + self.nodes.len()).find(|point| self.at(*point) > 0).unwrap_or(start)
    }

    /// Node seconds that can be had in the first `secs` from a point on, when each time that a
    /// node can be had begins with `lost_secs` that are of no use.
    pub(crate) fn useful_secs(&self, start: usize, secs: f64, lost_secs: f64) -> f64 {
        let mut spells = vec![0.0; self.most() as usize];
        let mut useful = 0.0;
        let points = ((secs / self.gap_secs).ceil() as usize).max(1);
        for point in start..start + points {
            let nodes = self.at(point) as usize;
            for (at, spell) in spells.iter_mut().enumerate() {
                if at < nodes {
                    *spell += self.gap_secs.min(secs);
                } else if *spell > 0.0 {
                    useful += (std::mem::take(spell) - lost_secs).max(0.0);
                }
            }
        }
        useful + spells.iter().map(|spell| (spell - lost_secs).max(0.0)).sum::<f64>()
    }

    /// Most nodes at once.
    pub(crate) fn most(&self) -> u32 {
        self.nodes.iter().copied().max().unwrap_or(0)
    }

    /// Nodes at a point, counted on behind the end.
    pub(crate) fn at(&self, point: usize) -> u32 {
        self.nodes.get(point % self.nodes.len().max(1)).copied().unwrap_or(0)
    }

    /// Node seconds that can be had in the first `secs` from a point on.
    pub(crate) fn capacity_secs(&self, start: usize, secs: f64) -> f64 {
        let (mut had, mut left, mut point) = (0.0, secs, start);
        while left > 0.0 {
            had += f64::from(self.at(point)) * left.min(self.gap_secs);
            left -= self.gap_secs;
            point += 1;
        }
        had
    }

    /// When somebody who uses every node from a point on has had so many node seconds.
    pub(crate) fn secs_until(&self, start: usize, node_secs: f64) -> f64 {
        let (mut had, mut point) = (0.0, start);
        loop {
            let nodes = f64::from(self.at(point));
            if nodes > 0.0 && had + nodes * self.gap_secs >= node_secs {
                return (point - start) as f64 * self.gap_secs + (node_secs - had) / nodes;
            }
            had += nodes * self.gap_secs;
            point += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Trace, String> {
        Trace::parse(String::new(), text.as_bytes())
    }

    #[test]
    fn a_trace_goes_on_from_its_start_when_it_ends() {
        let trace = Trace { name: String::new(), gap_secs: 10.0, nodes: vec![2, 0, 1] };
        assert!((trace.capacity_secs(0, 60.0) - 60.0).abs() < 1e-9);
        assert!((trace.secs_until(0, 45.0) - 37.5).abs() < 1e-9);
        assert!((trace.secs_until(1, 5.0) - 15.0).abs() < 1e-9);
        assert_eq!((trace.next_available(1), trace.next_available(2)), (2, 2));
    }

    #[test]
    fn a_node_that_is_not_there_for_long_is_of_less_use() {
        let trace = Trace { name: String::new(), gap_secs: 10.0, nodes: vec![2, 1, 0] };
        assert!((trace.useful_secs(0, 30.0, 0.0) - 30.0).abs() < 1e-9);
        assert!((trace.useful_secs(0, 30.0, 5.0) - 20.0).abs() < 1e-9);
        assert!((trace.useful_secs(0, 30.0, 15.0) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_trace_is_told_with_what_is_wrong() {
        for (text, why) in [
            ("{", "not JSON"),
            ("[]", "gap_seconds"),
            (r#"{"metadata": {"gap_seconds": 0}, "data": [1]}"#, "above 0"),
            (r#"{"metadata": {"gap_seconds": 60}}"#, "no list"),
            (r#"{"metadata": {"gap_seconds": 60}, "data": []}"#, "empty"),
            (r#"{"metadata": {"gap_seconds": 60}, "data": [1, "a"]}"#, "point 1"),
            (r#"{"metadata": {"gap_seconds": 60}, "data": [-1]}"#, "point 0"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn many_nodes_and_close_points_are_taken_together() {
        let trace = parse(r#"{"metadata": {"gap_seconds": 4}, "data": [640, 320, 640, 0]}"#);
        let trace = trace.unwrap();
        assert!((trace.gap_secs - 12.0).abs() < 1e-9);
        assert_eq!(trace.nodes, [16, 0]);
    }
}
