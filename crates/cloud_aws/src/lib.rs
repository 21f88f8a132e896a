//! Amazon Web Services as a provider of machines. Empty without the feature `sdk`, so that only who
//! asks for it compiles Amazon's SDK.
