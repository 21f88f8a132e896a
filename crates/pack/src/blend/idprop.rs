//! ID properties: the trees of named values that add-ons, Cycles and users keep in datablocks.

use super::view::Struct;

/// Bytes read of one tree; hostile files nest them without end.
const MOST_BYTES: u64 = 16 << 20;
/// What a value costs of these, whatever is in it.
const VALUE_BYTES: u64 = 128;
/// How deep groups may nest.
const DEEPEST: usize = 32;

/// One value of a property tree.
#[derive(Debug, Clone, PartialEq)]
pub enum IdValue {
    /// A whole number.
    Int(i64),
    /// A float or double.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A text; what is no UTF-8 became `U+FFFD`.
    Text(String),
    /// Named values, in their order.
    Group(Vec<(String, IdValue)>),
    /// Numbers, or groups.
    Array(Vec<IdValue>),
    /// The old address of a datablock.
    Id(u64),
}

impl IdValue {
    /// A member of a group.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Group(members) = self else { return None };
        members.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// As a whole number; true is 1.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    /// As a float, also of a whole number.
    #[expect(clippy::cast_precision_loss, reason = "settings are small numbers")]
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// As a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Struct<'_> {
    /// The properties of a datablock as one group: what Blender 5 keeps apart as system
    /// properties (Cycles' settings among them) comes first.
    pub fn id_properties(&self) -> Option<IdValue> {
        let groups = ["id.system_properties", "id.properties"].map(|path| self.properties(path));
        let mut members = Vec::new();
        for group in groups.into_iter().flatten() {
            if let IdValue::Group(more) = group {
                members.extend(more);
            }
        }
        (!members.is_empty()).then_some(IdValue::Group(members))
    }

    /// The property tree that a pointer points to.
    pub fn properties(&self, path: &str) -> Option<IdValue> {
        let mut budget = MOST_BYTES;
        value(&self.pointer(path)?, DEEPEST, &mut budget)
    }
}

/// Nothing is left once there was too little for some values: to list them again has its price.
fn spend(budget: &mut u64, values: usize) -> Option<()> {
    let left = budget.checked_sub(VALUE_BYTES.saturating_mul(values as u64));
    *budget = left.unwrap_or(0);
    left.map(|_| ())
}

fn value(property: &Struct<'_>, depth: usize, budget: &mut u64) -> Option<IdValue> {
    let pointed = property.pointed_len("data.pointer").unwrap_or(0);
    *budget = budget.checked_sub(pointed).filter(|_| *budget > 0)?;
    let depth = depth.checked_sub(1)?;
    match property.int("type")? {
        0 => pointed_text(property).map(IdValue::Text),
        1 => property.int("data.val").map(IdValue::Int),
        2 => bits32(property.int("data.val")?)
            .map(|bits| IdValue::Float(f32::from_bits(bits).into())),
        5 => {
            let bytes = property.pointed_bytes("data.pointer").unwrap_or_default();
            spend(budget, bytes.len() / 4)?;
            numbers(property, &bytes).map(IdValue::Array)
        }
        6 => {
            let mut members = Vec::new();
            let listed = property.structs("data.group");
            spend(budget, listed.len())?;
            for member in listed {
                let name = member.text("name").unwrap_or_default();
                if let Some(value) = value(&member, depth, budget) {
                    members.push((name, value));
                }
            }
            Some(IdValue::Group(members))
        }
        7 => property.address("data.pointer").filter(|at| *at != 0).map(IdValue::Id),
        8 => {
            let (first, second) = (property.int("data.val")?, property.int("data.val2")?);
            let (first, second) = (u64::from(bits32(first)?), u64::from(bits32(second)?));
            let (low, high) =
                if property.is_big_endian() { (second, first) } else { (first, second) };
            let bits = (high << 32) | low;
            Some(IdValue::Float(f64::from_bits(bits)))
        }
        9 => {
            let listed = property.structs("data.pointer");
            spend(budget, listed.len())?;
            let members = listed.iter().filter_map(|member| value(member, depth, budget));
            Some(IdValue::Array(members.collect()))
        }
        10 => property.int("data.val").map(|value| IdValue::Bool(value != 0)),
        _ => None,
    }
}

/// A text is a `void *` in the DNA.
fn pointed_text(property: &Struct<'_>) -> Option<String> {
    let bytes = property.pointed_bytes("data.pointer")?;
    let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Some(String::from_utf8_lossy(bytes.get(..len)?).into_owned())
}

fn numbers(property: &Struct<'_>, bytes: &[u8]) -> Option<Vec<IdValue>> {
    let len = usize::try_from(property.int("len")?).ok()?;
    let size = match property.int("subtype")? {
        8 => 8,
        10 => 1,
        _ => 4,
    };
    let number = |bytes: &[u8]| {
        let raw = property.number(bytes)?;
        Some(match property.int("subtype")? {
            2 => IdValue::Float(f32::from_bits(bits32(raw)?).into()),
            8 => IdValue::Float(f64::from_bits(raw.cast_unsigned())),
            10 => IdValue::Bool(raw != 0),
            _ => IdValue::Int(raw),
        })
    };
    Some(bytes.chunks_exact(size).take(len).filter_map(number).collect())
}

/// The 32 bits that a DNA `int` was read from.
fn bits32(value: i64) -> Option<u32> {
    i32::try_from(value).ok().map(i32::cast_unsigned)
}
