"""The rules both sides share: pure functions over frames and arrays, which ask nothing but what they are given."""
