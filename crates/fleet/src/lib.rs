//! The fleet in memory: interned package sets, matches once per distinct subject, hosts as bitmaps, episodes, selection.
