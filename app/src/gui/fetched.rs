//! A value that is asked for, and stays while a newer one is on its way.

/// What is known of a value that comes from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetched<T, E> {
    /// Nobody asked.
    Unasked,
    /// On its way; the value before it, if there was one.
    Pending(Option<T>),
    /// There.
    There(T),
    /// It did not come.
    Failed(E),
}

impl<T, E> Fetched<T, E> {
    /// The value, or the one before it.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::There(value) | Self::Pending(Some(value)) => Some(value),
            Self::Unasked | Self::Pending(None) | Self::Failed(_) => None,
        }
    }

    /// Why it did not come.
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Whether it is on its way.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending(_))
    }

    /// Notes that it was asked for.
    pub fn ask(&mut self) {
        let before = std::mem::replace(self, Self::Unasked);
        *self = match before {
            Self::There(value) => Self::Pending(Some(value)),
            Self::Pending(value) => Self::Pending(value),
            Self::Unasked | Self::Failed(_) => Self::Pending(None),
        };
    }

    /// Notes what came.
    pub fn take(&mut self, result: Result<T, E>) {
        *self = match result {
            Ok(value) => Self::There(value),
            Err(error) => Self::Failed(error),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_value_stays_until_the_new_one_is_there() {
        let mut value: Fetched<u32, &str> = Fetched::Unasked;
        value.ask();
        assert!(value.is_pending() && value.value().is_none());
        value.take(Ok(1));
        value.ask();
        assert_eq!(value.value(), Some(&1));
        value.take(Err("gone"));
        assert_eq!((value.value(), value.error()), (None, Some(&"gone")));
    }
}
